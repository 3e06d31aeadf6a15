using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

/// <summary>A call of an operation with one argument that makes a difference, as a graph of one node.</summary>
/// <param name="Name">The operation, with the argument that is not what is left out.</param>
/// <param name="Module">The graph.</param>
/// <param name="Inputs">The tensors it is called with.</param>
/// <param name="Result">What it gives.</param>
internal sealed record ArgumentCase(string Name, GraphModule Module, Tensor[] Inputs, object? Result);

/// <summary>Every operation with each of its optional arguments, on the first values that it accepts and by which its result changes.</summary>
internal static class ArgumentCases
{
    // What they do ends the process: TorchSharp lets an error of the native library through, or the library reads memory that it doesn't own.
    private static readonly string[] EndTheProcess = ["pin_memory", "set_", "resize", "as_strided", "unsafe", "cuda", "mps", "_out(", "lp_pool", "max_unpool", "sparse"];

    /// <summary>The cases of one operation.</summary>
    /// <param name="name">Its signature.</param>
    /// <param name="method">The operation.</param>
    /// <param name="has">Whether it is worth running: whether there is a form for it.</param>
    internal static IEnumerable<ArgumentCase> Of(string name, MethodBase method, Func<Node, bool> has)
    {
        if (OperationExceptions.EndTheProcess.Contains(name) || Array.Exists(EndTheProcess, part => name.Contains(part, StringComparison.Ordinal)))
            yield break;
        foreach (var kind in Enumerable.Range(0, VariedSamples.Kinds))
        {
            if (Run(name, method, has, new VariedSamples(kind)) is not { } plain)
                continue;
            yield return plain;
            foreach (var parameter in method.GetParameters().Where(parameter => parameter.HasDefaultValue && parameter.Name is not ("out" or "generator")))
                foreach (var varied in Varied(name, method, has, parameter, kind, plain.Result).Take(2))
                    yield return varied;
            yield break;
        }
    }

    private static IEnumerable<ArgumentCase> Varied(string name, MethodBase method, Func<Node, bool> has, ParameterInfo parameter, int kind, object? plain)
    {
        foreach (var value in VariedSamples.Alternatives(parameter))
            if (Run($"{name} with {parameter.Name} = {Text(value)}", method, has, new VariedSamples(kind, parameter, value)) is { } varied)
                if (OperationResult.Difference(plain, varied.Result) is not null)
                    yield return varied;
                else
                    varied.Module.Dispose();
    }

    private static ArgumentCase? Run(string name, MethodBase method, Func<Node, bool> has, VariedSamples samples)
    {
        try
        {
            var call = new SymbolicCall(method, false, samples);
            if (!call.Calls.Any(has) || call.Inputs.Count == 0 || !call.Inputs.All(input => input is Tensor))
                return null;
            var (module, inputs) = (new GraphModule(new TracedFunction(null), call.Graph()), call.Inputs.Cast<Tensor>().ToArray());
            manual_seed(1);
            var result = new GraphInterpreter(module).run([.. inputs.Select(input => input.detach().clone())]);
            return OperationResult.Tensors(result).Length == 0 ? null : new(name, module, inputs, result);
        }
        catch (Exception)
        {
            return null;
        }
    }

    private static string Text(object? value) => value switch
    {
        Tensor tensor => $"[{string.Join(", ", tensor.shape)}]",
        Array items => $"[{string.Join(", ", items.Cast<object>())}]",
        _ => $"{value}",
    };
}
