using System.Collections;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>A size or number of a program: a constant, or one that grows by a constant with each of the dimensions that are free.</summary>
/// <param name="Constant">Its part that is the same whatever the inputs' sizes are.</param>
/// <param name="Factors">How much it grows with each free dimension.</param>
/// <param name="Hint">What it is for the example.</param>
internal sealed record SizeFact(long Constant, ImmutableArray<long> Factors, long Hint)
{
    internal bool IsConstant => Factors.All(factor => factor == 0);

    /// <summary>As SymPy writes it.</summary>
    internal string Text
    {
        get
        {
            string[] terms = [.. Factors.Select(Term).OfType<string>(), .. Constant != 0 ? new[] { $"Integer({Constant})" } : []];
            return terms is [var only] ? only : $"Add({string.Join(", ", terms)})";
        }
    }

    /// <summary>The name of a free dimension: PyTorch tells sizes from other symbols by the first letter.</summary>
    internal static string Symbol(int dim) => $"s{dim}";

    private static string? Term(long factor, int dim)
    {
        var symbol = $"Symbol('{Symbol(dim)}', positive=True, integer=True)";
        return factor == 0 ? null : factor == 1 ? symbol : $"Mul(Integer({factor}), {symbol})";
    }
}

/// <summary>What is known of a value.</summary>
internal abstract record Fact
{
    internal sealed record OfTensor(ScalarType Type, ImmutableArray<SizeFact> Sizes, ImmutableArray<SizeFact> Strides, long Offset,
        bool RequiresGrad) : Fact;

    internal sealed record OfNumber(SizeFact Value) : Fact;

    /// <summary>A value that is neither, by what it was for the example.</summary>
    internal sealed record OfOther(object? Value) : Fact;

    internal sealed record OfMany(ImmutableArray<Fact> Items) : Fact;
}

/// <summary>Runs a graph on the example and, for each free dimension, on inputs that are larger there: what differs between the runs is how
/// sizes depend on the dimension.</summary>
internal sealed class FactFinder : GraphInterpreter
{
    private readonly Dictionary<Node, Fact> found = [];

    private FactFinder(IGraphModule module) : base(module) { }

    /// <summary>The facts of each node's value.</summary>
    /// <param name="module">The graph module.</param>
    /// <param name="inputs">The example's inputs.</param>
    /// <param name="sizes">The sizes of the free dimensions in the example.</param>
    /// <param name="enlarged">The inputs where a free dimension is larger by so much.</param>
    internal static Dictionary<Node, Fact> Of(IGraphModule module, object?[] inputs, long[] sizes, Func<int, int, object?[]> enlarged)
    {
        var first = Run(module, inputs);
        // Two steps tell a size that does not grow evenly.
        var others = sizes.Select((_, dim) => (One: Run(module, enlarged(dim, 1)), Two: Run(module, enlarged(dim, 2)))).ToArray();
        return first.ToDictionary(entry => entry.Key, entry
            => new Merging(entry.Key, sizes).Of(entry.Value, [.. others.Select(run => (run.One[entry.Key], run.Two[entry.Key]))]));
    }

    /// <inheritdoc/>
    public override object? run_node(Node node)
    {
        var value = base.run_node(node);
        found[node] = Of(value);
        return value;
    }

    private static Dictionary<Node, Fact> Run(IGraphModule module, object?[] inputs)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var finder = new FactFinder(module);
        finder.run(inputs);
        return finder.found;
    }

    private static Fact Of(object? value) => value switch
    {
        Tensor tensor => new Fact.OfTensor(tensor.dtype, [.. tensor.shape.Select(Plain)], [.. tensor.stride().Select(Plain)],
            tensor.storage_offset(), tensor.requires_grad),
        long or int => new Fact.OfNumber(Plain(Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture))),
        string => new Fact.OfOther(value),
        IDictionary dictionary => new Fact.OfMany([.. dictionary.Values.Cast<object?>().Select(Of)]),
        ITuple tuple => new Fact.OfMany([.. Enumerable.Range(0, tuple.Length).Select(i => Of(tuple[i]))]),
        IEnumerable items => new Fact.OfMany([.. items.Cast<object?>().Select(Of)]),
        _ => new Fact.OfOther(value),
    };

    private static SizeFact Plain(long size) => new(size, [], size);

    /// <summary>Puts the facts of one node in all runs together.</summary>
    private sealed class Merging(Node node, long[] sizes)
    {
        internal Fact Of(Fact first, (Fact One, Fact Two)[] others) => first switch
        {
            Fact.OfNumber { Value: var number }
                => new Fact.OfNumber(Of(number,
                [.. others.Select(run => (((Fact.OfNumber)run.One).Value, ((Fact.OfNumber)run.Two).Value))])),
            Fact.OfTensor tensor => tensor with
            {
                Sizes = Of(tensor.Sizes, [.. others.Select(run => (((Fact.OfTensor)run.One).Sizes, ((Fact.OfTensor)run.Two).Sizes))]),
                // How a tensor lies in memory is a hint alone.
                Strides = [.. tensor.Strides.Select(stride => stride with { Factors = [.. sizes.Select(_ => 0L)] })],
            },
            Fact.OfMany { Items: var items }
                => others.All(run => ((Fact.OfMany)run.One).Items.Length == items.Length
                && ((Fact.OfMany)run.Two).Items.Length == items.Length)
                ? new Fact.OfMany([.. items.Select((item, i)
                    => Of(item, [.. others.Select(run => (((Fact.OfMany)run.One).Items[i], ((Fact.OfMany)run.Two).Items[i]))]))])
                : throw Refused("the number of its results"),
            _ => first,
        };

        private ImmutableArray<SizeFact> Of(ImmutableArray<SizeFact> many,
            (ImmutableArray<SizeFact> One, ImmutableArray<SizeFact> Two)[] others)
            => others.All(run => run.One.Length == many.Length && run.Two.Length == many.Length)
                ? [.. many.Select((size, i) => Of(size, [.. others.Select(run => (run.One[i], run.Two[i]))]))]
                : throw Refused("the number of its dimensions");

        private SizeFact Of(SizeFact size, (SizeFact One, SizeFact Two)[] others)
        {
            var factors = others.Select(run => run.One.Hint - size.Hint).ToArray();
            return others.Zip(factors).All(pair => pair.First.Two.Hint - pair.First.One.Hint == pair.Second)
                ? new(size.Hint - factors.Zip(sizes, (factor, free) => factor * free).Sum(), [.. factors], size.Hint)
                : throw Refused("a size of it");
        }

        private NotSupportedException Refused(string what)
            => new($"node '{node.name}' ({node.origin?.ToString() ?? "made by hand"}): {what} does not grow evenly with a free dimension. Fix the dimension by leaving it out of dynamic_shapes");
    }
}
