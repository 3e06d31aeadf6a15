using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

public sealed class ReferenceTests
{
    private sealed class RefOutIn : nn.Module<Tensor, Tensor>
    {
        private Tensor? field;

        public RefOutIn() : base(nameof(RefOutIn)) { }

        public override Tensor forward(Tensor x)
        {
            var n = x.shape[0];
            Add(ref x, in n);
            Split(x, out var left, out var rows);
            if (!TryGet(1, out var found, left))
                found = x.neg();
            Add(ref field!, rows, left);
            var array = new[] { x, left };
            ref var first = ref array[0];
            first = first.tanh();
            ref var chosen = ref Choose(array, 1);
            chosen = chosen.sin();
            (array[0], array[1]) = (array[1], array[0]);
            return array[0] - array[1] + found + field;
        }

        private static void Add(ref Tensor x, in long n) => x = x + n;

        private static void Add(ref Tensor x, long n, Tensor start) => x = start * n;

        private static void Split(Tensor x, out Tensor left, out long rows) => (left, rows) = (x.relu(), x.shape[0]);

        private static bool TryGet(int at, out Tensor found, params Tensor[] from)
        {
            found = at < from.Length ? from[at] : null!;
            return found is not null;
        }

        private static ref Tensor Choose(Tensor[] array, int at) => ref array[at];
    }

    [Fact]
    public void Ref_out_in_ref_locals_and_ref_returns()
        => Traced.Check(new RefOutIn(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
                %add : [num_users=4] = call_function[target=add](%x, %getitem)
                %relu : [num_users=2] = call_method[target=relu](%add)
                %getattr_2 : [num_users=1] = call_function[target=getattr](%add, shape)
                %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_2, 0)
                %neg : [num_users=1] = call_method[target=neg](%add)
                %mul : [num_users=2] = call_function[target=mul](%relu, %getitem_1)
                %tanh : [num_users=1] = call_method[target=tanh](%add)
                %sin : [num_users=1] = call_method[target=sin](%relu)
                %sub : [num_users=1] = call_function[target=sub](%sin, %tanh)
                %add_1 : [num_users=1] = call_function[target=add](%sub, %neg)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, %mul)
                %set_state : [num_users=0] = call_function[target=set_state](field, None, %mul)
                return %add_2
            """);

    private sealed class Spans : nn.Module<Tensor, Tensor>
    {
        private readonly int[] sizes = [1, 2, 3, 4];

        public Spans() : base(nameof(Spans)) { }

        public override Tensor forward(Tensor x)
        {
            ReadOnlySpan<int> tail = sizes.AsSpan()[1..];
            foreach (var size in tail[..^1])
                x = x + size;
            Span<Tensor> parts = new Tensor[3];
            parts[0] = x.relu();
            parts[1] = x.tanh();
            parts[1..].CopyTo(parts[..2]);
            parts[2] = x;
            var rest = parts[..1].ToArray();
            return Sum(rest[0], parts[2]) + SumArray(1, tail.Length, 3) + Concat("ab".AsSpan(), 'c');
        }

        private static Tensor Sum(params ReadOnlySpan<Tensor> parts)
        {
            var sum = parts[0];
            for (var i = 1; i < parts.Length; i++)
                sum = sum + parts[i];
            return sum;
        }

        private static int SumArray(params int[] numbers) => numbers.Sum();

        private static int Concat(ReadOnlySpan<char> text, char last) => $"{text}{last}".Length * 100;
    }

    [Fact]
    public void Spans_and_params()
        => Traced.Check(new Spans(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 2)
                %add_1 : [num_users=3] = call_function[target=add](%add, 3)
                %relu : [num_users=0] = call_method[target=relu](%add_1)
                %tanh : [num_users=1] = call_method[target=tanh](%add_1)
                %add_2 : [num_users=1] = call_function[target=add](%tanh, %add_1)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, 7)
                %add_4 : [num_users=1] = call_function[target=add](%add_3, 300)
                return %add_4
            """);

    private sealed class CollectionExpressions : nn.Module<Tensor, Tensor>
    {
        private readonly long[] sizes = [2, 3];

        public CollectionExpressions() : base(nameof(CollectionExpressions)) { }

        public override Tensor forward(Tensor x)
        {
            List<Tensor> list = [x, x.relu()];
            Tensor[] array = [.. list, x.tanh(), .. list[..1]];
            IReadOnlyList<Tensor> readOnly = [.. array[1..^1], x];
            Span<Tensor> span = [.. readOnly, x.neg()];
            long[] more = [1, .. sizes, 4];
            HashSet<int> set = [1, 1, 2];
            Dictionary<string, Tensor> named = new() { ["a"] = span[^1], ["b"] = readOnly[0] };
            return cat([.. span[..2], named["a"], .. named.Values.Skip(1)], 0) * more.Sum() + set.Count + array.Length;
        }
    }

    [Fact]
    public void Collection_expressions_with_spreads_ranges_and_slices()
        => Traced.Check(new CollectionExpressions(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %relu : [num_users=1] = call_method[target=relu](%x)
                %tanh : [num_users=1] = call_method[target=tanh](%x)
                %neg : [num_users=1] = call_method[target=neg](%x)
                %cat : [num_users=1] = call_function[target=cat]([%relu, %tanh, %neg, %relu], 0)
                %mul : [num_users=1] = call_function[target=mul](%cat, 10)
                %add : [num_users=1] = call_function[target=add](%mul, 2)
                %add_1 : [num_users=1] = call_function[target=add](%add, 4)
                return %add_1
            """);

    private sealed class Containers : nn.Module<Tensor, Tensor>
    {
        public Containers() : base(nameof(Containers)) { }

        public override Tensor forward(Tensor x)
        {
            var queue = new Queue<Tensor>([x]);
            queue.Enqueue(x.relu());
            var stack = new Stack<(Tensor Value, int Depth)>();
            while (queue.TryDequeue(out var next))
                stack.Push((next + 1, stack.Count));
            var (top, depth) = stack.Pop();
            var linked = new LinkedList<Tensor>();
            linked.AddFirst(top);
            linked.AddLast(stack.Peek().Value);
            var sorted = new SortedDictionary<int, Tensor> { [2] = linked.First!.Value, [1] = linked.Last!.Value };
            var seen = new Dictionary<string, List<Tensor>>();
            foreach (var (key, value) in sorted)
            {
                if (!seen.TryGetValue("all", out var list))
                    seen["all"] = list = [];
                list.Add(value * key);
            }
            seen["all"].Insert(0, x);
            seen["all"].RemoveAt(0);
            seen["all"].Reverse();
            var jagged = new Tensor[2][];
            jagged[1] = [.. seen["all"]];
            var matrix = new Tensor[2, 2];
            matrix[0, 1] = jagged[1][0];
            matrix[1, 0] = jagged[1][1];
            Negate(ref matrix[1, 0]);
            return matrix[0, 1] - matrix[1, 0] + depth + (jagged[0] is null ? 5 : 6);
        }

        private static void Negate(ref Tensor x) => x = -x;
    }

    [Fact]
    public void Queues_stacks_linked_and_sorted_collections_jagged_and_rectangular_arrays()
        => Traced.Check(new Containers(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %relu : [num_users=1] = call_method[target=relu](%x)
                %add : [num_users=1] = call_function[target=add](%x, 1)
                %add_1 : [num_users=1] = call_function[target=add](%relu, 1)
                %mul : [num_users=1] = call_function[target=mul](%add, 1)
                %mul_1 : [num_users=1] = call_function[target=mul](%add_1, 2)
                %neg : [num_users=1] = call_function[target=neg](%mul)
                %sub : [num_users=1] = call_function[target=sub](%mul_1, %neg)
                %add_2 : [num_users=1] = call_function[target=add](%sub, 1)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, 5)
                return %add_3
            """);

    private sealed class Texts(string label) : nn.Module<Tensor, Tensor>(nameof(Texts))
    {
        public static string Last { get; private set; } = "";

        public override Tensor forward(Tensor x)
        {
            var n = x.shape[0];
            var doubled = n * 2;
            var text = new System.Text.StringBuilder().Append(label).Append('-').Append(1.5).AppendFormat("{0:X}", 255).ToString();
            Console.WriteLine($"{n}");
            Console.WriteLine(n);
            System.Diagnostics.Debug.WriteLine($"x: {x}, {doubled,5:N2}");
            var shown = $"{label[1..]}|{n}|{doubled}|{x}|{label.Length + 1}|{2.5:0.00}";
            shown += "|" + n + "|" + string.Format("{0}/{1}", n, 3) + string.Concat("a", n.ToString(), "b") + string.Join(";", n, "z");
            Last = shown;
            if (label.Length > 0)
                throw new InvalidOperationException(shown + "|" + text);
            return x;
        }
    }

    [Fact]
    public void Symbols_in_strings_are_shown_by_their_names()
    {
        var thrown = Assert.Throws<TracedProgramException>(() => Traced.Graph(new Texts("label"))).InnerException!;
        Assert.Equal($"abel|<getitem>|<mul>|<x>|6|{2.5:0.00}|<getitem>|<getitem>/3a<getitem>b<getitem>;z|label-{1.5}FF", thrown.Message);
    }
}
