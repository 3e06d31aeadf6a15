using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>Leaves of the user's own that write to their inputs or give what they keep, and models that write to their own tensors.</summary>
public sealed class LeafWriteTests
{
    private sealed class Leaf(Func<Tensor, Tensor> body) : nn.Module<Tensor, Tensor>("Leaf")
    {
        public override Tensor forward(Tensor x) => body(x);
    }

    private sealed class Keeping : nn.Module<Tensor, Tensor>
    {
        private readonly Tensor kept = full([2, 3], 0.25f);

        internal Keeping() : base("Keeping") => RegisterComponents();

        public override Tensor forward(Tensor x) => kept;
    }

    private sealed class Counting : nn.Module<Tensor, Tensor>
    {
        private readonly Tensor calls = zeros(1);

        internal Counting() : base("Counting") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            calls.add_(1);
            return x * calls;
        }
    }

    private sealed class Model : nn.Module<Tensor, Tensor>
    {
        private readonly string kind;
        private readonly Leaf adds = new(x => x.add_(1)), turns = new(x => x.t());
        private readonly Keeping keeping = new();
        private readonly Counting counting = new();
        private readonly Linear fc = nn.Linear(3, 3);
        private readonly Embedding table = nn.Embedding(2, 3, max_norm: 0.5);
        private readonly Tensor[] raw = [full([2, 3], 0.5f)];

        internal Model(string kind) : base("Model")
        {
            this.kind = kind;
            RegisterComponents();
        }

        internal static void Note(Tensor x) => x.mul_(0.75);

        public override Tensor forward(Tensor x)
        {
            var y = x * 2;
            switch (kind)
            {
                case "leaf writes":
                    return adds.call(y) + y;
                case "leaf writes, nobody reads its value":
                    adds.call(y);
                    return y;
                case "function writes":
                    Note(y);
                    return y;
                case "leaf writes a part":
                    adds.call(y[0]);
                    return y;
                case "leaf's own":
                    return keeping.call(y) + keeping.call(x) + y;
                case "counting":
                    return counting.call(y);
                case "unregistered":
                    raw[0].add_(0.25);
                    return fc.call(raw[0]) + x;
                case "constant to a leaf":
                    return adds.call(full_like(y, 0.5)) + y;
                case "table":
                    return table.call(tensor(new long[] { 0, 1 })) + y;
                case "weight":
                    fc.bias!.add_(1);
                    return fc.call(y);
                default:
                    turns.call(y).add_(1);
                    return y;
            }
        }
    }

    private sealed class LeavesStay() : Tracer([Model.Note])
    {
        public override bool is_leaf_module(nn.Module m, string module_qualified_name) => m is Leaf or Keeping or Counting || base.is_leaf_module(m, module_qualified_name);
    }

    private static void Export(nn.Module<Tensor, Tensor> model, string file)
    {
        var tracer = new LeavesStay();
        using var traced = new GraphModule<Tensor, Tensor>(model, tracer.trace(model), tracer.tensor_constants);
        onnx.export(traced, file, [ones(2, 3)]);
    }

    [Theory]
    [InlineData("leaf writes"), InlineData("leaf writes, nobody reads its value"), InlineData("function writes"), InlineData("leaf writes a part"), InlineData("leaf's own"), InlineData("counting")]
    [InlineData("unregistered"), InlineData("constant to a leaf"), InlineData("table")]
    public void The_first_call_is_eagers_and_the_model_stays(string kind)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var model = new Model(kind);
        model.eval();
        var before = model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        using var file = new TemporaryFile();
        Export(model, file.Path);
        Assert.All(model.state_dict(), entry => Assert.Equal(before[entry.Key], entry.Value));
        using var session = new InferenceSession(file.Path);
        // What it writes to in place goes in and comes out, with what it was.
        float[] input = [1, 2, 3, 4, 5, 6], state = [0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f];
        Assert.Equal(kind == "unregistered" ? ["_tensor_constant0", "x"] : ["x"], session.InputNames.Order(StringComparer.Ordinal));
        using var results = session.Run([.. session.InputNames
            .Select(name => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<float>(name == "x" ? input : state, [2, 3])))]);
        var expected = model.call(tensor(new float[] { 1, 2, 3, 4, 5, 6 }).reshape(2, 3)).data<float>().ToArray();
        Assert.All(expected.Zip(results.First(result => result.Name == "output").AsTensor<float>()), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
    }

    [Theory]
    [InlineData("weight", "Node 'fc' (LeafWriteTests.cs:", "the program writes to a parameter or buffer of it, and the weights of a layer are constants there.")]
    [InlineData("view of a leaf", "Node 'add_' (LeafWriteTests.cs:", "it writes to a tensor in place that 'mul' is a view of.")]
    public void What_has_no_form_there_is_refused(string kind, string where, string why)
    {
        using var mode = no_grad();
        var model = new Model(kind);
        model.eval();
        using var file = new TemporaryFile();
        var refused = Assert.Throws<OnnxExportException>(() => Export(model, file.Path));
        Assert.StartsWith(where, refused.Message, StringComparison.Ordinal);
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }

    private sealed class TemporaryFile : IDisposable
    {
        internal string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
