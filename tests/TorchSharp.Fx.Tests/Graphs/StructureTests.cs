using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Graphs;

/// <summary>The one walk over nested values, over every kind of container that a forward may take or give.</summary>
public sealed class StructureTests
{
    private sealed record Pair(Tensor First, Tensor? Second);

    private record struct Point(Tensor At, int Index);

    private class Output
    {
        private readonly Tensor hidden;

        public Output(Tensor hidden, Tensor[] more) => (this.hidden, More) = (hidden, more);

        public Tensor[] More { get; }

        public Tensor Hidden() => hidden;
    }

    private sealed class Named(Tensor hidden, Tensor[] more, Dictionary<string, Tensor> names) : Output(hidden, more)
    {
        public Dictionary<string, Tensor> Names { get; } = names;
    }

    private sealed class Cache : Dictionary<int, (Tensor Key, Tensor Value)>
    {
        public Tensor? Mask { get; set; }
    }

    private sealed class Chain(Tensor value)
    {
        public Tensor Value { get; } = value;

        public Chain? Next { get; set; }
    }

    private static readonly Tensor A = tensor(1).DetachFromDisposeScope(), B = tensor(2).DetachFromDisposeScope(), C = tensor(3).DetachFromDisposeScope();

    /// <summary>Values beside the numbers in their tensors, in order.</summary>
    public static TheoryData<string> Kinds => [.. Values.Keys];

    private static readonly Dictionary<string, (object Value, int[] Numbers)> Values = new()
    {
        ["tensor"] = (A, [1]),
        ["parameter"] = (new TorchSharp.Modules.Parameter(ones(1) * 2).DetachFromDisposeScope(), [2]),
        ["tuple"] = ((A, 3, B), [1, 2]),
        ["long tuple"] = ((A, 1, B, 2, C, 3, A, 4, B, "five", C), [1, 2, 3, 1, 2, 3]),
        ["class tuple"] = (Tuple.Create(A, "b", Tuple.Create(C, 1.5)), [1, 3]),
        ["nested tuples"] = (((A, (B, C)), (C, B)), [1, 2, 3, 3, 2]),
        ["array"] = (new[] { A, B }, [1, 2]),
        ["array with null"] = (new Tensor?[] { A, null, C }, [1, 3]),
        ["jagged array"] = (new[] { [A], new[] { B, C }, [] }, [1, 2, 3]),
        ["array of two dimensions"] = (new[,] { { A, B, C }, { C, B, A } }, [1, 2, 3, 3, 2, 1]),
        ["array of three dimensions"] = (new[,,] { { { A }, { B } }, { { C }, { A } } }, [1, 2, 3, 1]),
        ["array of objects"] = (new object?[] { A, 1, null, "text", new List<Tensor> { B } }, [1, 2]),
        ["list"] = (new List<Tensor> { B, A }, [2, 1]),
        ["list of tuples"] = (new List<(Tensor, Tensor)> { (A, B), (C, A) }, [1, 2, 3, 1]),
        ["dictionary"] = (new Dictionary<string, Tensor> { ["x"] = A, ["y"] = C }, [1, 3]),
        ["dictionary of lists"] = (new Dictionary<string, List<Tensor>> { ["x"] = [A, B], ["y"] = [] }, [1, 2]),
        ["sorted dictionary"] = (new SortedDictionary<int, Tensor>(Comparer<int>.Create((a, b) => b - a)) { [1] = A, [2] = B }, [2, 1]),
        ["set"] = (new HashSet<Tensor> { A, B }, [1, 2]),
        ["queue"] = (new Queue<Tensor>([A, B]), [1, 2]),
        ["stack"] = (new Stack<Tensor>([A, B]), [2, 1]),
        ["linked list"] = (new LinkedList<Tensor>([A, C]), [1, 3]),
        ["read-only list"] = (new List<Tensor> { A, B }.AsReadOnly(), [1, 2]),
        ["immutable array"] = (ImmutableArray.Create(A, B), [1, 2]),
        ["immutable list"] = (ImmutableList.Create(B, C), [2, 3]),
        ["immutable dictionary"] = (ImmutableDictionary<string, Tensor>.Empty.Add("x", C), [3]),
        ["concurrent dictionary"] = (new System.Collections.Concurrent.ConcurrentDictionary<string, Tensor> { ["x"] = B }, [2]),
        ["key and value"] = (KeyValuePair.Create("x", A), [1]),
        ["record"] = (new Pair(A, null), [1]),
        ["record struct"] = (new Point(B, 5), [2]),
        ["nullable struct"] = ((Point?)new Point(B, 5), [2]),
        ["class"] = (new Output(A, [B, C]), [1, 2, 3]),
        ["derived class"] = (new Named(A, [B], new() { ["c"] = C }), [1, 2, 3]),
        ["anonymous type"] = (new { a = A, n = 4, inner = new { b = B } }, [1, 2]),
        ["subclass of a dictionary"] = (new Cache { [0] = (A, B), [1] = (B, C) }, [1, 2, 2, 3]),
        ["index"] = (new[] { TensorIndex.Tensor(A), TensorIndex.Slice(1, 2), TensorIndex.Ellipsis }, [1]),
    };

    [Theory, MemberData(nameof(Kinds))]
    public void All_tensors_are_found_in_order(string kind)
        => Assert.Equal(Values[kind].Numbers, Numbers(Values[kind].Value));

    [Theory, MemberData(nameof(Kinds))]
    public void The_same_is_made_with_other_tensors_and_the_original_stays(string kind)
    {
        var (value, numbers) = Values[kind];
        var copy = Structure.Map(value, tensor => tensor + 10);
        Assert.Equal(Array.ConvertAll(numbers, number => number + 10), Numbers(copy));
        Assert.Equal(numbers, Numbers(value));
        Assert.Equal(value is TorchSharp.Modules.Parameter ? typeof(Tensor) : value.GetType(), copy!.GetType());
    }

    private static int[] Numbers(object? value) => [.. Structure.Tensors(value).Select(tensor => (int)tensor.to(ScalarType.Int32).item<int>())];

    [Fact]
    public void What_is_no_tensor_stays_as_it_is()
    {
        var copy = ((Tensor, int, string?, long[], Dictionary<string, int>))Structure.Map((A, 3, "text", new long[] { 1, 2 }, new Dictionary<string, int> { ["n"] = 4 }), tensor => tensor + 1)!;
        Assert.Equal((3, "text", 2L, 4), (copy.Item2, copy.Item3, copy.Item4[1], copy.Item5["n"]));
        object[] without = [3, "text", new List<int> { 1 }, new Pair(null!, null), (1, 2)];
        Assert.All(without, value => Assert.Same(value, Structure.Map(value, tensor => tensor + 1)));
    }

    [Fact]
    public void The_fields_of_a_subclass_of_a_collection_count()
    {
        var cache = new Cache { [0] = (A, B) };
        cache.Mask = C;
        var copy = (Cache)Structure.Map(cache, tensor => tensor * 2)!;
        Assert.Equal([1, 2, 3], Numbers(cache));
        Assert.Equal((2, 6), (copy[0].Key.item<int>(), copy.Mask!.item<int>()));
    }

    [Fact]
    public void What_is_tied_stays_tied_and_a_dictionary_keeps_its_comparer()
    {
        var shared = new List<Tensor> { A };
        var copy = ((List<Tensor>, List<Tensor>, Tensor))Structure.Map((shared, shared, A), tensor => tensor.clone())!;
        Assert.Same(copy.Item1, copy.Item2);
        Assert.Same(copy.Item1[0], copy.Item3);
        var named = (Dictionary<string, Tensor>)Structure.Map(new Dictionary<string, Tensor>(StringComparer.OrdinalIgnoreCase) { ["x"] = A }, tensor => tensor.clone())!;
        Assert.Equal(1, named["X"].item<int>());
    }

    [Fact]
    public void Objects_that_lead_back_to_themselves_are_entered_once()
    {
        var chain = new Chain(A);
        chain.Next = new Chain(B) { Next = chain };
        Assert.Equal([1, 2], Numbers(chain));
        var copy = (Chain)Structure.Map(chain, tensor => tensor + 10)!;
        Assert.Equal((11, 12), (copy.Value.item<int>(), copy.Next!.Value.item<int>()));
        Assert.Same(copy, copy.Next.Next);
        var loop = new List<object> { A };
        loop.Add(loop);
        Assert.Equal([1], Numbers(loop));
    }

    [Fact]
    public void A_chain_of_a_million_objects_is_walked()
    {
        var chain = new Chain(A);
        for (var i = 1; i < 1_000_000; i++)
            chain = new Chain(A) { Next = chain };
        Assert.Equal(1_000_000, Structure.Tensors(chain).Count());
    }

    [Fact]
    public void Queries_modules_and_delegates_are_not_looked_into()
    {
        var computed = 0;
        var query = new[] { A, B }.Select(tensor => { computed++; return tensor; });
        Assert.Empty(Structure.Tensors(new object[] { query, nn.Linear(1, 1), () => A, typeof(Tensor) }));
        Assert.Equal(0, computed);
        Assert.Empty(Structure.Tensors(default(ImmutableArray<Tensor>)));
    }

    [Fact]
    public void A_collection_that_cannot_be_made_anew_is_named()
    {
        var frozen = System.Collections.Frozen.FrozenSet.ToFrozenSet([A, B]);
        Assert.Equal(2, Structure.Tensors(frozen).Count());
        var error = Assert.Throws<NotSupportedException>(() => Structure.Map(frozen, tensor => tensor.clone()));
        Assert.EndsWith("with tensors in it can't be made anew: it has no constructor that takes its elements. Use an array, a list or a dictionary.", error.Message, StringComparison.Ordinal);
    }
}
