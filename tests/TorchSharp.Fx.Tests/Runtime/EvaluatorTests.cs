using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Runtime;

/// <summary>The interpreter and the compiled form compute what the C# that a graph stands for computes, bit for bit.</summary>
[Collection("Tensor counts")] // it seeds the generator that all share
public sealed class EvaluatorTests
{
    public static TheoryData<string> Names => [.. HandBuilt.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Both_evaluators_equal_eager(string name)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var x = randn(2, 6);
        var (graph, eager) = HandBuilt.All[name]();
        var expected = Flatten(eager(x));

        Assert.Equal(expected, Flatten(new GraphInterpreter(new Nothing(), graph).run(x)));
        Assert.Equal(expected, Flatten(new CompiledGraph(graph, new ModuleHierarchy(new Nothing())).Run([x])));
    }

    /// <summary>A value as comparable parts: shapes, dtypes and bytes of its tensors, its numbers.</summary>
    internal static List<string> Flatten(object? value) => value switch
    {
        Tensor tensor => [$"{tensor.dtype} [{string.Join(", ", tensor.shape)}] {Convert.ToHexString(tensor.contiguous().bytes)}"],
        System.Runtime.CompilerServices.ITuple tuple => [.. Enumerable.Range(0, tuple.Length).SelectMany(i => Flatten(tuple[i]))],
        IReadOnlyDictionary<string, Tensor> dictionary => [.. dictionary.SelectMany(entry => Flatten(entry.Value).Prepend(entry.Key))],
        HandBuilt.Pair pair => [.. Flatten(pair.Left), .. Flatten(pair.Right)],
        _ => [$"{value}"],
    };
}

/// <summary>The root of graphs that name nothing.</summary>
internal sealed class Nothing() : nn.Module("nothing");
