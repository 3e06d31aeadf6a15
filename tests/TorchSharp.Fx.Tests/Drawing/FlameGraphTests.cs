using System.Globalization;
using System.Xml.Linq;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Drawing;

public sealed class FlameGraphTests
{
    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> conv = nn.Conv2d(3, 3, 1);

        public Block() : base("Block") => RegisterComponents();

        public override Tensor forward(Tensor x) => conv.call(x).relu();
    }

    private sealed class Tower : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> layers = nn.Sequential(("0", new Block()), ("1", new Block()));

        public Tower() : base("Tower") => RegisterComponents();

        public override Tensor forward(Tensor x) => layers.call(x).tanh();
    }

    /// <summary>A box: its title when the pointer rests on it, its colour, and where it is.</summary>
    private sealed record Drawn(string Title, string Kind, double Left, double Top, double Right);

    [Fact]
    public void Boxes_are_as_wide_as_their_time_below_the_modules_that_they_run_in()
    {
        var boxes = Boxes(FlameGraphOf([4, 1, 2, 1, 2])).ToDictionary(box => box.Title.Split('\n')[0]);
        Assert.Equal(
            ["layers Sequential", "layers.0 Block", "layers.1 Block", "layers_0_conv Conv2d", "layers_1_conv Conv2d", "relu relu", "relu_1 relu", "tanh tanh", "tower Tower"],
            boxes.Keys.Order(StringComparer.Ordinal));
        AssertAt(boxes["tower Tower"], 0, 10, row: 0);
        AssertAt(boxes["layers Sequential"], 0, 8, row: 1);
        AssertAt(boxes["layers.0 Block"], 0, 5, row: 2);
        AssertAt(boxes["layers_0_conv Conv2d"], 0, 4, row: 3);
        AssertAt(boxes["relu relu"], 4, 5, row: 3);
        AssertAt(boxes["layers.1 Block"], 5, 8, row: 2);
        AssertAt(boxes["tanh tanh"], 8, 10, row: 1);
        Assert.Equal(boxes["layers_0_conv Conv2d"].Kind, boxes["layers_1_conv Conv2d"].Kind);
        Assert.NotEqual(boxes["layers_0_conv Conv2d"].Kind, boxes["tanh tanh"].Kind);
        Assert.StartsWith("layers_0_conv Conv2d\n4 ms, 40.0%\n", boxes["layers_0_conv Conv2d"].Title, StringComparison.Ordinal);
    }

    [Fact]
    public void Fast_models_have_shares_too()
    {
        var titles = Boxes(FlameGraphOf([0.04, 0.01, 0.02, 0.01, 0.02])).Select(box => box.Title);
        Assert.Contains(titles, title => title.StartsWith("layers_0_conv Conv2d\n0.04 ms, 40.0%\n", StringComparison.Ordinal));
    }

    [Fact]
    public void The_legend_names_each_colour_to_its_right()
    {
        var groups = XDocument.Parse(FlameGraphOf([4, 1, 2, 1, 2])).Root!.Elements().Where(element => element.Name.LocalName == "g");
        var legend = groups.Last().Elements().ToArray();
        var (colours, texts) = (legend.Where(element => element.Name.LocalName == "rect").ToArray(), legend.Where(element => element.Name.LocalName == "text").ToArray());
        Assert.Equal(["Conv2d  6 ms, 60.0%", "relu  2 ms, 20.0%", "tanh  2 ms, 20.0%"], texts.Select(text => text.Value));
        foreach (var (colour, text) in colours.Zip(texts))
            Assert.InRange(Number(text, "x"), Number(colour, "x") + Number(colour, "width"), Number(colour, "x") + 2 * Number(colour, "width"));
    }

    /// <summary>A picture of the tower, whose nodes take these times.</summary>
    private static string FlameGraphOf(double[] times)
    {
        using var model = new Tower();
        using var traced = fx.symbolic_trace(model);
        var nodes = traced.graph.nodes.Where(node => node.op is not (Opcode.placeholder or Opcode.output)).ToArray();
        Assert.Equal(["layers_0_conv", "relu", "layers_1_conv", "relu_1", "tanh"], nodes.Select(node => node.name));
        var rows = nodes.Zip(times, (node, time) => new NodeTime(node, node.op == Opcode.call_module ? "Conv2d" : node.target.name, [time]));
        return new GraphProfile(((IGraphModule)traced).Program.Source, [.. rows]).to_flame_graph("tower");
    }

    private static void AssertAt(Drawn box, double from, double to, int row)
    {
        const double Width = 1200, RowHeight = 21;
        Assert.Equal(from / 10 * Width, box.Left, 0.6);
        Assert.Equal(to / 10 * Width - 1, box.Right, 0.6);
        Assert.Equal(row * RowHeight, box.Top, 0.1);
    }

    private static IEnumerable<Drawn> Boxes(string svg) => XDocument.Parse(svg).Descendants().Where(element => element.Attribute("data-row") is not null).Select(group =>
    {
        var rectangle = group.Elements().Single(element => element.Name.LocalName == "rect");
        var left = Number(rectangle, "x");
        return new Drawn(group.Elements().First().Value, group.Attribute("class")!.Value, left, Number(rectangle, "y"), left + Number(rectangle, "width"));
    });

    private static double Number(XElement element, string name) => double.Parse(element.Attribute(name)!.Value, CultureInfo.InvariantCulture);
}
