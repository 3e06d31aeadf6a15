using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Graphs;

/// <summary>The expected code is the module's own, one operation a line: that is what a graph's code is to say.</summary>
public sealed class CSharpCodeTests
{
    private sealed class Operators() : Module<Tensor, Tensor, Tensor>(nameof(Operators))
    {
        public override Tensor forward(Tensor x, Tensor y) => (-x + y * 2 / (x - 1.5)).relu();
    }

    [Fact]
    public void Operators_are_operators_and_methods_are_methods() => Check(new Operators(), """
        public Tensor forward(Tensor x, Tensor y)
        {
            var neg = -x;
            var mul = y * 2;
            var sub = x - 1.5;
            var truediv = mul / sub;
            var add = neg + truediv;
            var relu = add.relu();
            return relu;
        }
        """);

    private sealed class Blocks : Module<Tensor, Tensor>
    {
        private readonly Sequential layers = Sequential(Linear(4, 4), ReLU(inplace: true));
        private readonly Linear @out = Linear(4, 2);

        public Blocks() : base(nameof(Blocks)) => RegisterComponents();

        public override Tensor forward(Tensor x) => @out.call(layers.call(x)) + @out.bias!;
    }

    [Fact]
    public void Modules_and_parameters_are_read_from_where_they_are() => Check(new Blocks(), """
        public Tensor forward(Tensor x)
        {
            var layers_0 = self.layers[0].call(x);
            var layers_1 = self.layers[1].call(layers_0);
            var @out = self.@out.call(layers_1);
            var out_bias = self.@out.bias;
            var add = @out + out_bias;
            return add;
        }
        """);

    private sealed class Shapes() : Module<Tensor, Tensor>(nameof(Shapes))
    {
        public override Tensor forward(Tensor x)
        {
            var rows = x.shape[0];
            var half = (int)(x.size(1) / 2);
            var inner = x[.., 1..^1];
            var corner = x[0, TensorIndex.Ellipsis, TensorIndex.None];
            return cat([x.narrow(1, 0, half), inner.reshape(rows, -1)], dim: 1) + corner.sum();
        }
    }

    [Fact]
    public void Properties_slices_casts_and_lists_are_written_as_such() => Check(new Shapes(), """
        public Tensor forward(Tensor x)
        {
            var getattr_1 = x.shape;
            var getitem = getattr_1[0];
            var size = x.size(1);
            var floordiv = size / 2;
            var getitem_1 = x[.., 1..^1];
            var getitem_2 = x[0, TensorIndex.Ellipsis, TensorIndex.None];
            var narrow = x.narrow(1, 0, (long)(int)floordiv);
            var reshape = getitem_1.reshape([getitem, -1]);
            var cat = torch.cat([narrow, reshape], 1);
            var sum_1 = getitem_2.sum();
            var add = cat + sum_1;
            return add;
        }
        """);

    private sealed class Writes() : Module<Tensor, Tensor, (Tensor low, Tensor high)>(nameof(Writes))
    {
        public override (Tensor low, Tensor high) forward(Tensor x, Tensor @base)
        {
            if (x.shape[0] != @base.shape[0])
                throw new ArgumentException("one row each");
            x[.., 0] = @base;
            x.add_(1);
            var (values, _) = x.topk(2, dim: 1, sorted: false);
            return (values, nn.functional.dropout(x, 0.5, training: false));
        }
    }

    [Fact]
    public void Assignments_assertions_and_tuples_are_statements() => Check(new Writes(), """
        public (Tensor, Tensor) forward(Tensor x, Tensor @base)
        {
            var getattr_1 = x.shape;
            var getitem = getattr_1[0];
            var getattr_2 = @base.shape;
            var getitem_1 = getattr_2[0];
            var eq = getitem == getitem_1;
            if (!eq) throw new InvalidOperationException("one row each");
            x[.., 0] = @base;
            _ = x.add_(1);
            var topk = x.topk(2, 1, sorted: false);
            var getitem_2 = topk.Item1;
            var dropout = torch.nn.functional.dropout(x, training: false);
            return (getitem_2, dropout);
        }
        """);

    [Fact]
    public void Numbers_keep_their_arithmetic_and_texts_their_quotes()
    {
        var graph = new Graph();
        var (n, self) = (graph.placeholder("n", typeof(int)), graph.placeholder("self", typeof(Tensor), new Literal(null)));
        var product = Builtin_(graph, new BuiltinTarget(Builtin.mul, typeof(int), Checked: true), typeof(int), n, new Literal(3));
        var shifted = Builtin_(graph, new BuiltinTarget(Builtin.rshift, typeof(uint)), typeof(uint), product, new Literal(1));
        var inverted = Builtin_(graph, new BuiltinTarget(Builtin.invert, typeof(int)), typeof(int), new ConvertArgument(shifted, typeof(int), Checked: true));
        var root = graph.call_function(typeof(Math).GetMethod(nameof(Math.Pow))!, inverted, new Literal(double.NegativeInfinity));
        graph.get_attr("blocks.0.odd key");
        Dictionary<Argument, Argument> entries = new() { [new Literal("a\"b\n")] = root, [new Literal("f")] = new Literal(1f), [new Literal("d")] = new Literal(2.0), [new Literal("t")] = new Literal(ScalarType.Int64) };
        graph.output(new DictArgument([.. entries], typeof(Dictionary<string, object>)), typeof(Dictionary<string, object>));
        Assert.Equal("""
            using TorchSharp;
            using static TorchSharp.torch;

            sealed class Numbers(Holder root)
            {
                public Dictionary<string, object> forward(int n, Tensor self = null)
                {
                    var mul = checked(n * 3);
                    var rshift = (uint)mul >> 1;
                    var invert = ~checked((int)rshift);
                    var pow_1 = Math.Pow(invert, double.NegativeInfinity);
                    _ = root.blocks[0]["odd key"];
                    return new Dictionary<string, object> { ["a\"b\n"] = pow_1, ["f"] = 1f, ["d"] = 2.0, ["t"] = ScalarType.Int64 };
                }
            }

            """, graph.csharp_code("Numbers", "Holder"));
    }

    private static Node Builtin_(Graph graph, BuiltinTarget target, Type type, params Argument[] args) => graph.create_node(Opcode.call_function, target, [.. args], type);

    private static void Check(nn.Module module, string forward)
    {
        var body = string.Join('\n', forward.Split('\n').Select(line => "    " + line));
        Assert.Equal($"using TorchSharp;\nusing static TorchSharp.torch;\n\nsealed class Traced(nn.Module self)\n{{\n{body}\n}}\n", new Tracer().trace(module).csharp_code());
    }
}
