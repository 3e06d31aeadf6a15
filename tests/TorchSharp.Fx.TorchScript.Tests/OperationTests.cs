using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp.Fx.Tests.Operations;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript.Tests;

/// <summary>Every operation of TorchSharp that has a form in TorchScript: libtorch compiles that, and it gives what the operation gives.</summary>
[Collection(nameof(Alone))]
public sealed class OperationTests : IDisposable
{
    private static readonly ScalarType[] DTypes = [float32, int64, ScalarType.Bool];

    private readonly string folder = Directory.CreateTempSubdirectory().FullName;
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private sealed record Exported(string Name, string Path, torch.Tensor[] Inputs, object? Result);

    [Fact]
    public void An_operation_that_has_a_form_gives_the_same()
    {
        var exported = new List<Exported>();
        foreach (var (name, method) in PublicOperations.All)
            if (DTypes.Select(dtype => Export(name, method, dtype, Path.Combine(folder, $"{exported.Count}.pt"))).OfType<Exported>().FirstOrDefault(made => made.Result is not null) is { } made)
                exported.Add(made);
        var refused = LoadProbe.Refused([.. exported.Select(made => made.Path)]);
        var failures = refused.Select(entry => $"{exported[entry.Key].Name}: {entry.Value}").ToList();
        foreach (var (_, made) in exported.Index().ExceptBy(refused.Keys, entry => entry.Index))
            if (Difference(made) is { } difference)
                failures.Add($"{made.Name}: {difference}");
        Assert.True(failures.Count == 0, $"{failures.Count} of {exported.Count}:\n{string.Join('\n', failures)}");
        Assert.InRange(exported.Count, 1000, 2000);
    }

    /// <summary>Null where it has no form.</summary>
    private static Exported? Export(string name, MethodBase method, ScalarType dtype, string path)
    {
        try
        {
            var call = new SymbolicCall(method, false, new Samples(dtype));
            // What isn't run elsewhere may end the process.
            if (OperationExceptions.EndTheProcess.Contains(name) || !call.Calls.Any() || call.Inputs.Count is 0 or > 2 || !call.Inputs.All(input => input is torch.Tensor))
                return null;
            var (module, inputs) = (new GraphModule(new TracedFunction(null), call.Graph()), call.Inputs.Cast<torch.Tensor>().ToArray());
            torchscript.export(module, path);
            return new($"{name} of {dtype}", path, inputs, Direct(module, inputs));
        }
        catch (Exception)
        {
            return null;
        }
    }

    /// <summary>What the operation itself gives; null where it does not accept the samples.</summary>
    private static object? Direct(GraphModule module, torch.Tensor[] inputs)
    {
        try
        {
            manual_seed(1);
            return new GraphInterpreter(module).run([.. Copies(inputs)]);
        }
        catch (NodeExecutionException)
        {
            return null;
        }
    }

    private static string? Difference(Exported made)
    {
        try
        {
            using var loaded = jit.load(made.Path);
            manual_seed(1);
            var left = Tensors(made.Result);
            if (left.Length == 0)
                return null;
            var right = Tensors(loaded.call([.. Copies(made.Inputs)]));
            return left.Length != right.Length ? $"{left.Length} tensors became {right.Length}" : left.Zip(right, Difference).FirstOrDefault(text => text is not null);
        }
        catch (Exception error)
        {
            return error.Message;
        }
    }

    private static string? Difference(torch.Tensor expected, torch.Tensor actual)
        => expected.dtype != actual.dtype || !expected.shape.SequenceEqual(actual.shape) ? $"{expected.dtype} [{string.Join(", ", expected.shape)}] became {actual.dtype} [{string.Join(", ", actual.shape)}]"
            : expected.is_sparse || expected.allclose(actual, 1e-5, 1e-6, equal_nan: true) ? null : $"{expected.npstr()} became {actual.npstr()}";

    private static IEnumerable<torch.Tensor> Copies(torch.Tensor[] inputs) => inputs.Select(input => input.detach().clone());

    private static torch.Tensor[] Tensors(object? value) => value switch
    {
        torch.Tensor tensor => [tensor],
        IEnumerable<torch.Tensor> tensors => [.. tensors],
        ITuple tuple => [.. Enumerable.Range(0, tuple.Length).SelectMany(i => Tensors(tuple[i]))],
        _ => [],
    };
}
