using System.Linq.Expressions;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The code of a user's leaf: the graph of its own code. It has a placeholder for each argument of the leaf's node, in order; one that
/// no other node goes into is part of the code, and its placeholder asserted to be what it is.
/// </summary>
/// <param name="Root">The module that the graph's paths start from.</param>
/// <param name="Graph">What the leaf computes.</param>
/// <param name="Constants">The graph's own tensors, under handles that belong to this object.</param>
internal sealed record LeafCode(nn.Module Root, Graph Graph, IReadOnlyDictionary<string, Tensor> Constants) : IDisposable
{
    /// <summary>Traces what the leaf of a node does. A graph module has its graph already.</summary>
    /// <param name="node">A node that calls code of the user's.</param>
    /// <param name="moduleAt">The module of a path.</param>
    /// <param name="given">The values of the node's arguments, for a trace by example; null for one by symbols alone.</param>
    /// <param name="with">The tracer to use, which says the modes that modules are in; one that goes by their own where null.</param>
    /// <exception cref="TraceException">The leaf can't be followed.</exception>
    /// <exception cref="TracedProgramException">The leaf threw.</exception>
    internal static LeafCode Of(Node node, Func<string, nn.Module> moduleAt, object?[]? given = null, Tracer? with = null)
    {
        if (LeafCalls.Function(node) is { } function)
            return Of(function, node.args, given);
        var module = moduleAt(((ModuleTarget)node.target).Path);
        if (module is IGraphModule { Program: var program })
            return new(program.Source.Root,
                (with?.Training ?? with?.Modes?.IsTraining(module) ?? module.training) ? program.TrainGraph : program.EvalGraph,
                program.Constants.ToDictionary(entry => entry.Key, entry => entry.Value.alias().DetachFromDisposeScope(),
                    StringComparer.Ordinal));
        var (tracer, parameters) = (with ?? new Tracer(), EntryPoint.Of(module).Method.GetParameters());
        return Traced(tracer,
            given is null
                ? () => tracer.trace(module, Fixed(parameters, node.args)) : () =>
                    tracer.trace(module, Examples(parameters, node.args, given), Fixed(parameters, node.args)));
    }

    /// <summary>Traces a function where the values of some of its arguments are fixed.</summary>
    internal static LeafCode Of(MethodInfo function, IReadOnlyDictionary<string, object?> fixedOnes, object?[] examples)
    {
        var tracer = new Tracer();
        return Traced(tracer, () => tracer.trace(AsDelegate(function), examples, fixedOnes));
    }

    /// <summary>Gives up the graph's own tensors.</summary>
    public void Dispose()
    {
        foreach (var constant in Constants.Values)
            constant.Dispose();
    }

    private static LeafCode Of(MethodInfo function, IReadOnlyList<Argument> args, object?[]? given)
    {
        var (tracer, parameters) = (new Tracer(), function.GetParameters());
        return given is not null
            ? Of(function, Fixed(parameters, args), Examples(parameters, args, given))
                : Traced(tracer, () => tracer.trace(AsDelegate(function), Fixed(parameters, args)));
    }

    private static LeafCode Traced(Tracer tracer, Func<Graph> trace)
    {
        try
        {
            var graph = trace();
            return new(tracer.root, graph, tracer.tensor_constants);
        }
        catch
        {
            tracer.DisposeConstants();
            throw;
        }
    }

    private static Delegate AsDelegate(MethodInfo function)
        => function.CreateDelegate(
            Expression.GetDelegateType([.. function.GetParameters().Select(parameter => parameter.ParameterType), function.ReturnType]));

    /// <summary>The arguments that no node goes into, by name.</summary>
    private static Dictionary<string, object?> Fixed(ParameterInfo[] parameters, IReadOnlyList<Argument> args)
        => parameters.Zip(args).Where(pair => !pair.Second.nodes().Any())
            .ToDictionary(pair => pair.First.Name!,
                pair => new ArgumentBuilder(_ => null, []).Build(pair.Second, pair.First.ParameterType));

    private static object?[] Examples(ParameterInfo[] parameters, IReadOnlyList<Argument> args, object?[] given)
        => [.. parameters.Zip(args, given).Where(entry => entry.Second.nodes().Any())
            .Select(entry => ValueConversion.Apply(entry.Third, entry.First.ParameterType))];
}
