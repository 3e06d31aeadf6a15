using System.Diagnostics;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Code of .NET's own around symbols.</summary>
public sealed class HostTests
{
    private sealed class Checked() : nn.Module<Tensor, Tensor>(nameof(Checked))
    {
        public override Tensor forward(Tensor x)
        {
            ArgumentNullException.ThrowIfNull(x);
            Debug.Assert(x.dim() == 2, $"{x.dim()} dimensions");
            Debug.WriteLineIf(x.dim() == 2, $"{x.dim()} dimensions");
            var text = new System.Text.StringBuilder("n").Append($"={x.dim()};").AppendLine($"{2}").ToString();
            Debug.WriteLine(text);
            return text is null ? x : x + 1;
        }
    }

    [Fact]
    public void Assertions_and_interpolation_into_a_builder()
        => Assert.Contains("add](%x, 1)", Traced.Graph(new Checked()).ToString());

    private sealed class NumbersInLinq() : nn.Module<Tensor, Tensor>(nameof(NumbersInLinq))
    {
        public override Tensor forward(Tensor x)
        {
            long[] sizes = [x.shape[0], x.shape[1], 2];
            var doubled = sizes.Select(n => n * 2).ToArray();
            var product = sizes.Aggregate((a, b) => a * b);
            return x * sizes.Sum() + doubled[^1] + doubled[0] + product + Each(x).Last() + sizes.Reverse().First();
        }

        private static IEnumerable<long> Each(Tensor x)
        {
            yield return 1;
            yield return x.shape[1];
        }
    }

    [Fact]
    public void Linq_and_iterators_over_symbolic_numbers()
        => Traced.Check(new NumbersInLinq(), """
            graph(%x):
                %x : [num_users=4] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=3] = call_function[target=getitem](%getattr_1, 0)
                %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem_1 : [num_users=3] = call_function[target=getitem](%getattr_2, 1)
                %mul : [num_users=1] = call_function[target=mul](%getitem, 2)
                %mul_1 : [num_users=0] = call_function[target=mul](%getitem_1, 2)
                %mul_2 : [num_users=1] = call_function[target=mul](%getitem, %getitem_1)
                %mul_3 : [num_users=1] = call_function[target=mul](%mul_2, 2)
                %add : [num_users=1] = call_function[target=add](%getitem, %getitem_1)
                %add_1 : [num_users=1] = call_function[target=add](%add, 2)
                %mul_4 : [num_users=1] = call_function[target=mul](%x, %add_1)
                %add_2 : [num_users=1] = call_function[target=add](%mul_4, 4)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, %mul)
                %add_4 : [num_users=1] = call_function[target=add](%add_3, %mul_3)
                %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem_2 : [num_users=1] = call_function[target=getitem](%getattr_3, 1)
                %add_5 : [num_users=1] = call_function[target=add](%add_4, %getitem_2)
                %add_6 : [num_users=1] = call_function[target=add](%add_5, 2)
                return %add_6
            """);

    private sealed class Arrays() : nn.Module<Tensor, Tensor>(nameof(Arrays))
    {
        public readonly int[] Order = [3, 1, 2];
        public readonly int[] Filled = [0, 0, 0];
        public readonly List<int> List = [1, 2];
        public static int Counter;

        public override Tensor forward(Tensor x)
        {
            Array.Reverse(Order);
            Array.Sort(Order, (a, b) => b - a);
            Array.Fill(Filled, 4);
            Array.Copy(Order, Filled, 1);
            List.CopyTo(Filled, 1);
            Array.ForEach(Order, n => x = x + n);
            List.ForEach(n => x = x * n);
            List.RemoveAll(n => n == 1);
            Interlocked.Increment(ref Counter);
            var moved = Array.ConvertAll(Filled, n => x - n);
            Array.Resize(ref moved, 2);
            return moved[0] + moved[1] + List.Count + Counter;
        }
    }

    [Fact]
    public void Static_methods_that_change_arrays_change_the_trace_s_own()
    {
        Arrays.Counter = 10;
        var module = new Arrays();
        Assert.Equal("""
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 3)
                %add_1 : [num_users=1] = call_function[target=add](%add, 2)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 1)
                %mul : [num_users=1] = call_function[target=mul](%add_2, 1)
                %mul_1 : [num_users=3] = call_function[target=mul](%mul, 2)
                %sub : [num_users=1] = call_function[target=sub](%mul_1, 3)
                %sub_1 : [num_users=1] = call_function[target=sub](%mul_1, 1)
                %sub_2 : [num_users=0] = call_function[target=sub](%mul_1, 2)
                %add_3 : [num_users=1] = call_function[target=add](%sub, %sub_1)
                %add_4 : [num_users=1] = call_function[target=add](%add_3, 1)
                %add_5 : [num_users=1] = call_function[target=add](%add_4, 11)
                return %add_5

            """, Traced.Graph(module).ToString());
        Assert.Equal([3, 1, 2], module.Order);
        Assert.Equal([0, 0, 0], module.Filled);
        Assert.Equal([1, 2], module.List);
        Assert.Equal(10, Arrays.Counter);
    }

    private ref struct Cursor(Span<Tensor> parts)
    {
        private readonly Span<Tensor> parts = parts;
        private int at;

        public Tensor Next() => parts[at++];
    }

    private struct Countdown(int from)
    {
        private int left = from;

        public readonly Countdown GetEnumerator() => this;

        public readonly int Current => left;

        public bool MoveNext() => --left > 0;
    }

    private sealed class Structural() : nn.Module<Tensor, Tensor>(nameof(Structural))
    {
        public override Tensor forward(Tensor x)
        {
            foreach (var n in new Countdown(3))
                x = x + n;
            var cursor = new Cursor(new[] { x.relu(), x.tanh() });
            return cursor.Next() - cursor.Next();
        }
    }

    [Fact]
    public void Enumerators_by_pattern_and_ref_structs()
        => Traced.Check(new Structural(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 2)
                %add_1 : [num_users=2] = call_function[target=add](%add, 1)
                %relu : [num_users=1] = call_method[target=relu](%add_1)
                %tanh : [num_users=1] = call_method[target=tanh](%add_1)
                %sub : [num_users=1] = call_function[target=sub](%relu, %tanh)
                return %sub
            """);
}
