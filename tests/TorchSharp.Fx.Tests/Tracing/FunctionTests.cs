using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

public sealed class FunctionTests
{
    private sealed class Local(double scale) : nn.Module<Tensor, Tensor>(nameof(Local))
    {
        public override Tensor forward(Tensor x)
        {
            var calls = 0;
            var y = Twice(x);
            return Plus(Capture(y), 3) + calls;

            static Tensor Plus(Tensor x, int n) => n == 0 ? x : Plus(x + n, n - 1);

            Tensor Twice(Tensor t)
            {
                calls++;
                return t * scale;
            }

            Tensor Capture(Tensor t) => Inner(t) - x;

            Tensor Inner(Tensor t)
            {
                calls += 10;
                return t.relu();
            }
        }
    }

    [Fact]
    public void Local_functions_static_recursive_and_capturing()
        => Traced.Check(new Local(0.5), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %mul : [num_users=1] = call_function[target=mul](%x, 0.5)
                %relu : [num_users=1] = call_method[target=relu](%mul)
                %sub : [num_users=1] = call_function[target=sub](%relu, %x)
                %add : [num_users=1] = call_function[target=add](%sub, 3)
                %add_1 : [num_users=1] = call_function[target=add](%add, 2)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 1)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, 11)
                return %add_3
            """);

    private sealed class Closures : nn.Module<Tensor, Tensor>
    {
        public Closures() : base(nameof(Closures)) { }

        public override Tensor forward(Tensor x)
        {
            var n = x.shape[0];
            var y = x;
            var count = 0;
            Action<int> step = i =>
            {
                y = y + i;
                n = n + 1;
                count++;
            };
            step(5);
            step(6);
            Func<long> read = () => n * count;
            var actions = new List<Func<Tensor>>();
            for (var i = 0; i < 2; i++)
            {
                var copy = i;
                actions.Add(() => y * copy);
            }
            return actions[0]() + actions[1]() + read();
        }
    }

    [Fact]
    public void Closures_share_and_change_captured_tensors_and_symbolic_numbers()
        => Traced.Check(new Closures(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
                %add : [num_users=1] = call_function[target=add](%x, 5)
                %add_1 : [num_users=1] = call_function[target=add](%getitem, 1)
                %add_2 : [num_users=2] = call_function[target=add](%add, 6)
                %add_3 : [num_users=1] = call_function[target=add](%add_1, 1)
                %mul : [num_users=1] = call_function[target=mul](%add_2, 0)
                %mul_1 : [num_users=1] = call_function[target=mul](%add_2, 1)
                %add_4 : [num_users=1] = call_function[target=add](%mul, %mul_1)
                %mul_2 : [num_users=1] = call_function[target=mul](%add_3, 2)
                %add_5 : [num_users=1] = call_function[target=add](%add_4, %mul_2)
                return %add_5
            """);

    private delegate Tensor Transform(Tensor x, double by);

    private sealed class WithDelegates : nn.Module<Tensor, Tensor>
    {
        private readonly Func<Tensor, Tensor> activation = x => nn.functional.relu(x);
        private readonly Func<Tensor, Tensor> lambda = x => x.tanh();
        private readonly Transform transform = Scale;

        public WithDelegates() : base(nameof(WithDelegates)) { }

        public override Tensor forward(Tensor x)
        {
            var y = transform(lambda(activation(x)), 2);
            Func<Tensor, Tensor> group = Own;
            Func<Tensor, Tensor> bound = y.add;
            Func<double, Func<Tensor, Tensor>> partial = by => t => Scale(t, by);
            Action<List<Tensor>> fill = list => list.Add(y);
            fill += list => list.Add(group(y));
            var results = new List<Tensor>();
            fill(results);
            return bound(partial(4)(results[0])) + results[1];
        }

        private Tensor Own(Tensor x) => x - lambda(x);

        private static Tensor Scale(Tensor x, double by) => x * by;
    }

    [Fact]
    public void Delegates_of_before_the_trace_method_groups_partial_application_and_multicast()
        => Traced.Check(new WithDelegates(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %relu : [num_users=1] = call_function[target=relu](%x, False)
                %tanh : [num_users=1] = call_method[target=tanh](%relu)
                %mul : [num_users=4] = call_function[target=mul](%tanh, 2.0)
                %tanh_1 : [num_users=1] = call_method[target=tanh](%mul)
                %sub : [num_users=1] = call_function[target=sub](%mul, %tanh_1)
                %mul_1 : [num_users=1] = call_function[target=mul](%mul, 4.0)
                %add : [num_users=1] = call_method[target=add](%mul, %mul_1)
                %add_1 : [num_users=1] = call_function[target=add](%add, %sub)
                return %add_1
            """);

    private sealed class MulticastResult : nn.Module<Tensor, Tensor>
    {
        private event Func<Tensor, Tensor>? Applied;

        public MulticastResult() : base(nameof(MulticastResult))
        {
            Applied += x => x + 1;
            Applied += Second;
        }

        public override Tensor forward(Tensor x) => Applied?.Invoke(x) ?? x;

        private Tensor Second(Tensor x) => x + 2;
    }

    [Fact]
    public void A_multicast_delegate_of_before_the_trace_gives_its_last_result()
        => Traced.Check(new MulticastResult(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %add : [num_users=0] = call_function[target=add](%x, 1)
                %add_1 : [num_users=1] = call_function[target=add](%x, 2)
                return %add_1
            """);

    private sealed class MethodGroup() : nn.Module<Tensor, Tensor>(nameof(MethodGroup))
    {
        public override Tensor forward(Tensor x)
        {
            long[] window = [2, 7];
            return x.flatten().narrow(0, 0, window.Zip(x.shape, Math.Min).Aggregate((left, right) => left * right));
        }
    }

    [Fact]
    public void A_method_of_NET_that_the_compiler_keeps_as_a_delegate_is_given_symbols_after_the_program_has_run_too()
    {
        using var module = new MethodGroup();
        using var x = ones(3, 5);
        Assert.Equal([10], module.call(x).shape);
        using var traced = fx.symbolic_trace(module, example_inputs: [x]);
        using var wider = ones(3, 6);
        Assert.Equal([12], traced.call(wider).shape);
    }

    private sealed class LinqOverTensors(params nn.Module<Tensor, Tensor>[] blocks) : nn.Module<Tensor, Tensor>(nameof(LinqOverTensors))
    {
        public override Tensor forward(Tensor x)
        {
            var features = blocks.Select(block => block.call(x)).ToList();
            var weighted = features.Zip([2, 3], (feature, weight) => feature * weight).ToArray();
            var kept = weighted.Skip(1).Take(1).Concat(features.Where((_, i) => i == 0)).Reverse();
            return blocks.Aggregate(x, (sum, block) => block.call(sum)) + cat([.. kept], 0).sum();
        }
    }

    [Fact]
    public void Linq_over_tensors_and_modules()
        => Traced.Check(new LinqOverTensors(nn.ReLU(), nn.Tanh()), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %blocks_0 : [num_users=2] = call_module[target=blocks.0](%x)
                %blocks_1 : [num_users=1] = call_module[target=blocks.1](%x)
                %mul : [num_users=0] = call_function[target=mul](%blocks_0, 2)
                %mul_1 : [num_users=1] = call_function[target=mul](%blocks_1, 3)
                %blocks_2 : [num_users=1] = call_module[target=blocks.0](%x)
                %blocks_3 : [num_users=1] = call_module[target=blocks.1](%blocks_2)
                %cat : [num_users=1] = call_function[target=cat]([%blocks_0, %mul_1], 0)
                %sum_1 : [num_users=1] = call_method[target=sum](%cat, None)
                %add : [num_users=1] = call_function[target=add](%blocks_3, %sum_1)
                return %add
            """);

    private sealed class LinqOverNumbers : nn.Module<Tensor, Tensor>
    {
        private readonly (string Name, int Size)[] table = [("c", 3), ("a", 1), ("b", 2)];

        public LinqOverNumbers() : base(nameof(LinqOverNumbers)) { }

        public override Tensor forward(Tensor x)
        {
            foreach (var (_, size) in table.OrderBy(row => row.Name).ThenByDescending(row => row.Size))
                x = x + size;
            if (table.Any(row => row.Size > 2) && table.All(row => row.Name.Length == 1))
                x = x * table.Sum(row => row.Size);
            var byName = table.ToDictionary(row => row.Name, row => x + row.Size);
            var query = from row in table where row.Size < 3 orderby row.Size descending select byName[row.Name];
            return query.First() - byName.Values.Last() + table.Max(row => row.Size) + table.GroupBy(row => row.Size % 2).Count();
        }
    }

    [Fact]
    public void Linq_with_concrete_keys_and_predicates()
        => Traced.Check(new LinqOverNumbers(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 1)
                %add_1 : [num_users=1] = call_function[target=add](%add, 2)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 3)
                %mul : [num_users=3] = call_function[target=mul](%add_2, 6)
                %add_3 : [num_users=0] = call_function[target=add](%mul, 3)
                %add_4 : [num_users=0] = call_function[target=add](%mul, 1)
                %add_5 : [num_users=1] = call_function[target=add](%mul, 2)
                %sub : [num_users=1] = call_function[target=sub](%add_5, %add_5)
                %add_6 : [num_users=1] = call_function[target=add](%sub, 3)
                %add_7 : [num_users=1] = call_function[target=add](%add_6, 2)
                return %add_7
            """);
}
