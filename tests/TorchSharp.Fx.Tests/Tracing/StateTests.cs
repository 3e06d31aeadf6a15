using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>A trace sees what the model writes, and the user's objects don't change.</summary>
public sealed class StateTests
{
    private sealed class Counting : nn.Module<Tensor, Tensor>
    {
        public static int Calls;
        public static readonly Dictionary<string, Tensor> Cache = [];
        public readonly List<Tensor> Kept = [];
        public readonly int[] Hits = [0, 5];
        public readonly Dictionary<string, List<int>> Nested = new() { ["a"] = [1] };
        public Tensor? Last;
        public long Rows;

        public Counting() : base(nameof(Counting)) { }

        public int Depth { get; private set; } = 1;

        public override Tensor forward(Tensor x)
        {
            Calls += 2;
            Depth++;
            Last = x.relu();
            Rows = x.shape[0];
            Rows++;
            Cache["last"] = Last;
            Kept.Add(Last);
            Kept.Add(Kept[0].neg());
            Hits[0] += 3;
            Hits[1]++;
            Nested["a"].Add(7);
            Nested["b"] = [9];
            return Kept[1] * Rows + Cache["last"] + Depth + Kept.Count + Hits.Sum() + Nested["a"].Sum() + Nested.Count + (Cache.ContainsKey("other") ? 1 : 0);
        }
    }

    [Fact]
    public void Writes_to_fields_statics_and_collections_stay_within_the_trace()
    {
        var module = new Counting();
        var before = Counting.Calls;
        Counting.Cache.Clear();
        var graph = Traced.WithoutState(module);
        Assert.Equal("""
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %relu : [num_users=2] = call_method[target=relu](%x)
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
                %add : [num_users=1] = call_function[target=add](%getitem, 1)
                %neg : [num_users=1] = call_method[target=neg](%relu)
                %mul : [num_users=1] = call_function[target=mul](%neg, %add)
                %add_1 : [num_users=1] = call_function[target=add](%mul, %relu)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 2)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, 2)
                %add_4 : [num_users=1] = call_function[target=add](%add_3, 9)
                %add_5 : [num_users=1] = call_function[target=add](%add_4, 8)
                %add_6 : [num_users=1] = call_function[target=add](%add_5, 2)
                %add_7 : [num_users=1] = call_function[target=add](%add_6, 0)
                return %add_7

            """, graph.ToString());
        Assert.Equal(before, Counting.Calls);
        Assert.Empty(Counting.Cache);
        Assert.Empty(module.Kept);
        Assert.Equal([0, 5], module.Hits);
        Assert.Equal([1], module.Nested["a"]);
        Assert.Single(module.Nested);
        Assert.Null(module.Last);
        Assert.Equal(0, module.Rows);
        Assert.Equal(1, module.Depth);
        Assert.Equal(graph.ToString(), Traced.WithoutState(module).ToString());
    }

    private sealed class Item
    {
        public int Uses;
        public Item? Next;
        public List<long> Seen { get; set; } = [];
    }

    private sealed class Graph : nn.Module<Tensor, Tensor>
    {
        public readonly Item[] Items = [new(), new()];
        public readonly Queue<int> Pending = new([1, 2]);

        public Graph() : base(nameof(Graph)) => Items[0].Next = Items[1];

        public override Tensor forward(Tensor x)
        {
            for (var item = Items[0]; item is not null; item = item.Next)
            {
                item.Uses += 2;
                item.Seen.Add(x.size(0));
                x = x + item.Uses + item.Seen[^1];
            }
            Items[1] = Items[0];
            Items[0].Next = null;
            while (Pending.Count > 0)
                x = x * Pending.Dequeue();
            return x + Items[1].Uses + Items.Count(item => item.Next is null);
        }
    }

    [Fact]
    public void Objects_of_the_user_in_arrays_and_chains()
    {
        var module = new Graph();
        Assert.Equal("""
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %size : [num_users=1] = call_method[target=size](%x, 0)
                %add : [num_users=1] = call_function[target=add](%x, 2)
                %add_1 : [num_users=2] = call_function[target=add](%add, %size)
                %size_1 : [num_users=1] = call_method[target=size](%add_1, 0)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 2)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, %size_1)
                %mul : [num_users=1] = call_function[target=mul](%add_3, 1)
                %mul_1 : [num_users=1] = call_function[target=mul](%mul, 2)
                %add_4 : [num_users=1] = call_function[target=add](%mul_1, 2)
                %add_5 : [num_users=1] = call_function[target=add](%add_4, 2)
                return %add_5

            """, Traced.WithoutState(module).ToString());
        Assert.Equal([1, 2], module.Pending);
        Assert.NotSame(module.Items[0], module.Items[1]);
        Assert.Same(module.Items[1], module.Items[0].Next);
        Assert.All(module.Items, item => Assert.Equal((0, 0), (item.Uses, item.Seen.Count)));
    }

    private static class Registry
    {
        public static readonly List<string> Log = ["start"];

        static Registry() => Log.Add("static constructor");

        public static int Offset { get; } = 3;
    }

    private sealed class UsesStatics : nn.Module<Tensor, Tensor>
    {
        [ThreadStatic]
        private static int depth;

        public UsesStatics() : base(nameof(UsesStatics)) { }

        public override Tensor forward(Tensor x)
        {
            depth++;
            Registry.Log.Add("forward");
            return x + Registry.Offset + Registry.Log.Count + depth;
        }
    }

    [Fact]
    public void Static_constructors_run_and_thread_statics_are_read()
        => Assert.Equal("""
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 3)
                %add_1 : [num_users=1] = call_function[target=add](%add, 3)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 1)
                return %add_2

            """, Traced.Graph(new UsesStatics()).ToString());

    private sealed class Cached : nn.Module<Tensor, Tensor>
    {
        private readonly Dictionary<(int, string), double> table = [];
        private Lazy<double> lazy = new(() => 4.5);
        private Tensor? mask;

        public Cached() : base(nameof(Cached)) { }

        public double Factor => Get(2) + Get(2) + lazy.Value;

        public override Tensor forward(Tensor x)
        {
            mask ??= x.gt(0);
            lazy = new Lazy<double>(() => 0.5);
            return x * mask * Factor * (table.Count == 1 ? 1 : 0);
        }

        private double Get(int n)
        {
            if (!table.TryGetValue((n, "n"), out var value))
                table.Add((n, "n"), value = n * 1.5);
            return value;
        }
    }

    [Fact]
    public void Caches_that_are_filled_on_first_use()
        => Assert.Equal("""
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %gt : [num_users=1] = call_method[target=gt](%x, 0)
                %mul : [num_users=1] = call_function[target=mul](%x, %gt)
                %mul_1 : [num_users=1] = call_function[target=mul](%mul, 6.5)
                %mul_2 : [num_users=1] = call_function[target=mul](%mul_1, 1)
                return %mul_2

            """, Traced.WithoutState(new Cached()).ToString());
}
