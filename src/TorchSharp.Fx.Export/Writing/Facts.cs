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
    /// <summary>Whether two are the same number for all sizes.</summary>
    internal bool IsAs(SizeFact other) => Constant == other.Constant && Factors.SequenceEqual(other.Factors);

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

/// <summary>The facts known about a value.</summary>
internal abstract record Fact
{
    internal sealed record OfTensor(ScalarType Type, ImmutableArray<SizeFact> Sizes, ImmutableArray<SizeFact> Strides, long Offset,
        bool RequiresGrad) : Fact
    {
        /// <summary>The facts about a tensor of the module.</summary>
        internal static OfTensor Of(Tensor tensor)
            => new(tensor.dtype, [.. tensor.shape.Select(size => new SizeFact(size, [], size))],
                [.. StoredTensor.ContiguousStrides(tensor.shape).Select(stride => new SizeFact(stride, [], stride))], 0,
                    tensor.requires_grad);
    }

    internal sealed record OfNumber(SizeFact Value) : Fact;

    /// <summary>A value that is neither, by what it was for the example.</summary>
    internal sealed record OfOther(object? Value) : Fact;

    internal sealed record OfMany(ImmutableArray<Fact> Items) : Fact;
}

/// <summary>Runs a graph on copies of the example and, for each free dimension, on inputs that are larger there: what differs between the
/// runs is how sizes depend on the dimension. The module and the example stay as they are.</summary>
internal sealed class FactFinder : DryRun
{
    private readonly PlainGraph plain;
    private readonly Dictionary<Node, Fact> found;

    private FactFinder(PlainGraph plain, Dictionary<Node, Fact> found) : base(plain.Names.Module, plain.Graph, plain.Names.Constants)
        => (this.plain, this.found) = (plain, found);

    /// <summary>The facts of each node's value.</summary>
    /// <param name="plain">The graph and what it names.</param>
    /// <param name="inputs">The example's inputs.</param>
    /// <param name="sizes">The sizes of the free dimensions in the example.</param>
    /// <param name="enlarged">The inputs where a free dimension is larger by so much.</param>
    internal static Dictionary<Node, Fact> Of(PlainGraph plain, object?[] inputs, long[] sizes, Func<int, int, object?[]> enlarged)
    {
        var first = Run(inputs);
        if (plain.Graph.nodes.FirstOrDefault(node
            => first[node] is Fact.OfNumber or Fact.OfOther { Value: double or float or bool or Scalar } && IsOfContent(node)) is { } read)
            throw new NotSupportedException(
                $"node '{read.name}' ({read.origin?.ToString() ?? "made by hand"}): its number depends on the elements of a tensor, and the "
                    + "program would have the example's for all inputs");
        // Two steps tell a size that does not grow evenly.
        var others = sizes.Select((_, dim) => (One: Run(enlarged(dim, 1)), Two: Run(enlarged(dim, 2)))).ToArray();
        return first.ToDictionary(entry => entry.Key, entry
            => new Merging(entry.Key, sizes).Of(entry.Value, [.. others.Select(run => (run.One[entry.Key], run.Two[entry.Key]))]));

        Dictionary<Node, Fact> Run(object?[] given)
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var finder = new FactFinder(plain, []);
            finder.run([.. given.Select(input => Structure.Map(input, tensor => tensor.detach().clone()))]);
            return finder.found;
        }
    }

    /// <inheritdoc/>
    public override object? run_node(Node node)
    {
        var value = base.run_node(node);
        found[node] = Of(value);
        if (plain.LoopOf(node) is var (loop, turn))
            new FactFinder(turn, found).run([.. loop.TakesNumber ? [tensor(0L)] : Array.Empty<Tensor>(),
                .. loop.Rows.Select(rows => ((Tensor)env[rows]!).detach()[0].clone()), .. loop.Operands.Select(operand
                    => env[operand] is Tensor given ? given.detach().clone()
                        : tensor(Convert.ToInt64(env[operand], System.Globalization.CultureInfo.InvariantCulture)))]);
        return value;
    }

    /// <summary>Both branches run, each on operands of its own; the result is the chosen one's.</summary>
    protected override object? call_module(Node node)
    {
        foreach (var branch in plain.BranchesOf(node))
            new FactFinder(branch.Graph, found).run([.. ((ListArgument)node.args[1]).Items.Select(operand
                => ((Tensor)env[((NodeArgument)operand).Node]!).detach().clone())]);
        return base.call_module(node);
    }

    /// <summary>Whether a number is read from the content of a tensor, and something is computed of it.</summary>
    private static bool IsOfContent(Node node)
        => node.target is FunctionTarget or MethodTarget && node.users.Count > 0
            && node.all_input_nodes.Any(input => TensorTypes.IsTensor(input.type))
            && !Operations.Of(node, null).Has(Effects.ReadsMetadata);

    private static Fact Of(object? value) => value switch
    {
        // What an attention gives in the place of weights that nobody asked for.
        Tensor { IsInvalid: true } => new Fact.OfOther(null),
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
            Fact.OfMany { Items: var items } => others.All(run => ((Fact.OfMany)run.One).Items.Length == items.Length
                && ((Fact.OfMany)run.Two).Items.Length == items.Length)
                ? new Fact.OfMany([.. items.Select((item, i)
                    => Of(item, [.. others.Select(run => (((Fact.OfMany)run.One).Items[i], ((Fact.OfMany)run.Two).Items[i]))]))])
                // A loop's readers take what it collects as one tensor.
                : node.target is MapTarget || node.all_input_nodes.Any(input => input.target is MapTarget) ? first
                : throw Refused("the number of its results"),
            // What is neither is the example's for all inputs.
            Fact.OfOther { Value: double or float or bool } value when others.Any(run => run.One != value) => throw Refused("its value"),
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
            => new($"node '{node.name}' ({node.origin?.ToString() ?? "made by hand"}): {what} does not grow evenly with a free dimension. "
                + "Fix the dimension by leaving it out of dynamic_shapes");
    }
}
