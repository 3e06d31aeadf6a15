using TorchSharp.Fx.Testing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Drawing;

/// <summary>As PyTorch's <c>test_graph_drawer</c>: also a graph with graphs inside is drawn.</summary>
public sealed class GraphDrawerTests
{
    private sealed class Scaled : Module<Tensor, Tensor>
    {
        private readonly Parameter scale = new(ones(4));
        private readonly LayerNorm norm = LayerNorm(4);

        public Scaled() : base(nameof(Scaled)) => RegisterComponents();

        public override Tensor forward(Tensor x) => norm.call(x.matmul(x.t())) * scale;
    }

    private sealed class Outer : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> inner;

        public Outer(Module<Tensor, Tensor> inner) : base(nameof(Outer))
        {
            this.inner = inner;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => inner.call(x).relu();
    }

    [Fact]
    public void A_graph_that_calls_another_is_drawn_with_it()
    {
        using var scaled = new Scaled();
        using var inner = fx.symbolic_trace<Tensor, Tensor>(scaled);
        using var outer = new Outer(inner);
        using var traced = fx.symbolic_trace<Tensor, Tensor>(outer);
        var drawer = new FxGraphDrawer(traced, "fn");
        Assert.Equal(["fn", "fn_inner"], drawer.get_all_dot_graphs().Keys);
        Assert.StartsWith("digraph \"fn\" {", drawer.get_dot_graph().to_string());
        Assert.Contains("\"inner\" -> \"relu\";", drawer.get_main_dot_graph().to_string());
        Assert.Contains("\"matmul\" -> \"norm\";", drawer.get_dot_graph("inner").to_string());
        Assert.Equal("There is no drawing of 'relu': the graph calls no graph module of that name. get_all_dot_graphs() has those there are. (Parameter 'submod_name')",
            Assert.Throws<ArgumentException>(() => drawer.get_submod_dot_graph("relu")).Message);
    }

    [Fact]
    public void Parameters_can_be_left_out_and_files_hold_what_is_drawn()
    {
        using var scaled = new Scaled();
        using var traced = fx.symbolic_trace<Tensor, Tensor>(scaled);
        Assert.Contains("\"scale\" -> \"mul\";", new FxGraphDrawer(traced, "fn").get_dot_graph().to_string());
        var picture = new FxGraphDrawer(traced, "fn", ignore_getattr: true).get_dot_graph();
        Assert.DoesNotContain("scale", picture.to_string());
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            picture.write_svg(path);
            Assert.Equal(["x", "t", "matmul", "norm", "mul", "output"], new SvgPicture(File.ReadAllText(path)).Boxes.OrderBy(box => box.Value.Top).Select(box => box.Key));
            picture.write_raw(path);
            Assert.Equal(picture.ToString(), File.ReadAllText(path));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
