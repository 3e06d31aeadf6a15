using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

public sealed class LoopTests
{
    private sealed class Counted(int depth) : nn.Module<Tensor, Tensor>(nameof(Counted))
    {
        public override Tensor forward(Tensor x)
        {
            for (var i = 0; i < depth; i++)
            {
                if (i == 1)
                    continue;
                if (i == 3)
                    break;
                x = x + i;
            }
            return x;
        }
    }

    [Fact]
    public void For_with_break_and_continue()
        => Traced.Check(new Counted(10), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 0)
                %add_1 : [num_users=1] = call_function[target=add](%add, 2)
                return %add_1
            """);

    private sealed class Nested : nn.Module<Tensor, Tensor>
    {
        public Nested() : base(nameof(Nested)) { }

        public override Tensor forward(Tensor x)
        {
            for (var i = 0; i < 2; i++)
            {
                var j = 2;
                do
                {
                    while (true)
                    {
                        x = x * (10 * i + j);
                        break;
                    }
                }
                while (--j > 0);
            }
            return x;
        }
    }

    [Fact]
    public void Nested_for_do_and_while()
        => Traced.Check(new Nested(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %mul : [num_users=1] = call_function[target=mul](%x, 2)
                %mul_1 : [num_users=1] = call_function[target=mul](%mul, 1)
                %mul_2 : [num_users=1] = call_function[target=mul](%mul_1, 12)
                %mul_3 : [num_users=1] = call_function[target=mul](%mul_2, 11)
                return %mul_3
            """);

    private sealed class OverModules : nn.Module<Tensor, Tensor>
    {
        private readonly ModuleList<nn.Module<Tensor, Tensor>> layers = [nn.ReLU(), nn.Tanh()];
        private readonly ModuleDict<nn.Module<Tensor, Tensor>> heads = nn.ModuleDict<nn.Module<Tensor, Tensor>>(("a", nn.Sigmoid()), ("b", nn.SiLU()));
        private readonly Sequential tail = nn.Sequential(("first", nn.GELU()), ("second", nn.Softplus()));

        public OverModules() : base(nameof(OverModules)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in layers)
                x = layer.call(x);
            for (var i = 0; i < layers.Count; i++)
                x = layers[i].forward(x);
            foreach (var head in heads.values())
                x = head.call(x);
            return tail.call(heads["b"].call(x));
        }
    }

    [Fact]
    public void Loops_over_ModuleList_and_ModuleDict()
        => Traced.Check(new OverModules(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %layers_0 : [num_users=1] = call_module[target=layers.0](%x)
                %layers_1 : [num_users=1] = call_module[target=layers.1](%layers_0)
                %layers_2 : [num_users=1] = call_module[target=layers.0](%layers_1)
                %layers_3 : [num_users=1] = call_module[target=layers.1](%layers_2)
                %heads_a : [num_users=1] = call_module[target=heads.a](%layers_3)
                %heads_b : [num_users=1] = call_module[target=heads.b](%heads_a)
                %heads_b_1 : [num_users=1] = call_module[target=heads.b](%heads_b)
                %tail_first : [num_users=1] = call_module[target=tail.first](%heads_b_1)
                %tail_second : [num_users=1] = call_module[target=tail.second](%tail_first)
                return %tail_second
            """);

    private sealed class OverCollections : nn.Module<Tensor, Tensor>
    {
        private readonly List<int> list = [1, 2];
        private readonly double[] array = [0.5];
        private readonly Dictionary<string, int> dictionary = new() { ["a"] = 7 };
        private readonly HashSet<long> set = [8];
        private readonly IReadOnlyList<float> readOnly = [9f];

        public OverCollections() : base(nameof(OverCollections)) { }

        public override Tensor forward(Tensor x)
        {
            foreach (var n in list)
                x = x + n;
            foreach (var n in array)
                x = x + n;
            foreach (var (key, n) in dictionary)
                x = key == "a" ? x + n : x;
            foreach (var n in set)
                x = x + n;
            foreach (var n in readOnly)
                x = x + n;
            foreach (var n in Enumerable.Range(3, 2))
                x = x * n;
            foreach (var c in "ab")
                x = x - c;
            return x;
        }
    }

    [Fact]
    public void Foreach_over_lists_arrays_dictionaries_sets_sequences_and_strings()
        => Traced.Check(new OverCollections(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 1)
                %add_1 : [num_users=1] = call_function[target=add](%add, 2)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 0.5)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, 7)
                %add_4 : [num_users=1] = call_function[target=add](%add_3, 8)
                %add_5 : [num_users=1] = call_function[target=add](%add_4, 9.0)
                %mul : [num_users=1] = call_function[target=mul](%add_5, 3)
                %mul_1 : [num_users=1] = call_function[target=mul](%mul, 4)
                %sub : [num_users=1] = call_function[target=sub](%mul_1, 97)
                %sub_1 : [num_users=1] = call_function[target=sub](%sub, 98)
                return %sub_1
            """);

    private sealed class OverTensors : nn.Module<Tensor, Tensor>
    {
        public OverTensors() : base(nameof(OverTensors)) { }

        public override Tensor forward(Tensor x)
        {
            var outputs = new List<Tensor>();
            Tensor[] parts = [x.relu(), x.tanh()];
            foreach (var part in parts)
                outputs.Add(part + 1);
            foreach (var (i, part) in parts.Index())
                outputs[i] = outputs[i] * part;
            return cat([.. outputs], 0);
        }
    }

    [Fact]
    public void Foreach_over_tensors()
        => Traced.Check(new OverTensors(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %relu : [num_users=2] = call_method[target=relu](%x)
                %tanh : [num_users=2] = call_method[target=tanh](%x)
                %add : [num_users=1] = call_function[target=add](%relu, 1)
                %add_1 : [num_users=1] = call_function[target=add](%tanh, 1)
                %mul : [num_users=1] = call_function[target=mul](%add, %relu)
                %mul_1 : [num_users=1] = call_function[target=mul](%add_1, %tanh)
                %cat : [num_users=1] = call_function[target=cat]([%mul, %mul_1], 0)
                return %cat
            """);

    private sealed class Yielding : nn.Module<Tensor, Tensor>
    {
        public Yielding() : base(nameof(Yielding)) { }

        public override Tensor forward(Tensor x)
        {
            var total = x;
            foreach (var step in Steps(x, 3))
                total = total + step;
            return stack(Steps(x, 2).Select(step => step.neg()), 0) + total;
        }

        private static IEnumerable<Tensor> Steps(Tensor x, int count)
        {
            try
            {
                for (var i = 0; i < count; i++)
                {
                    if (i == 2)
                        yield break;
                    yield return x * i;
                }
            }
            finally
            {
                x.relu();
            }
        }
    }

    [Fact]
    public void Iterators_run_when_they_are_enumerated()
        => Traced.Check(new Yielding(), """
            graph(%x):
                %x : [num_users=7] = placeholder[target=x]
                %mul : [num_users=1] = call_function[target=mul](%x, 0)
                %add : [num_users=1] = call_function[target=add](%x, %mul)
                %mul_1 : [num_users=1] = call_function[target=mul](%x, 1)
                %add_1 : [num_users=1] = call_function[target=add](%add, %mul_1)
                %relu : [num_users=0] = call_method[target=relu](%x)
                %mul_2 : [num_users=1] = call_function[target=mul](%x, 0)
                %neg : [num_users=1] = call_method[target=neg](%mul_2)
                %mul_3 : [num_users=1] = call_function[target=mul](%x, 1)
                %neg_1 : [num_users=1] = call_method[target=neg](%mul_3)
                %relu_1 : [num_users=0] = call_method[target=relu](%x)
                %stack : [num_users=1] = call_function[target=stack]([%neg, %neg_1], 0)
                %add_2 : [num_users=1] = call_function[target=add](%stack, %add_1)
                return %add_2
            """);
}
