using TorchSharp.Fx.Testing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Drawing;

public sealed class SvgTests
{
    private sealed class Residual : Module<Tensor, Tensor>
    {
        private readonly Linear first = Linear(4, 4);
        private readonly ReLU relu = ReLU();
        private readonly Linear second = Linear(4, 4);

        public Residual() : base(nameof(Residual)) => RegisterComponents();

        public override Tensor forward(Tensor x) => second.call(relu.call(first.call(x))) + x;
    }

    private sealed class Net : Module<Tensor, Tensor>
    {
        private readonly Residual block = new();
        private readonly Sequential head = Sequential(Linear(4, 2));

        public Net() : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor x) => head.call(block.call(block.call(x) * 2));
    }

    [Fact]
    public void A_module_is_a_frame_for_each_of_its_calls()
    {
        using var net = new Net();
        var graph = new Tracer().trace(net);
        var picture = new SvgPicture(graph.to_svg("Net", net));
        picture.AssertShows(graph);
        Assert.Equal(["block", "block", "head"], picture.Frames.Select(frame => frame.Path));
        Assert.True(picture.Frames[0].Area.Contains(picture.Boxes["add"]) && picture.Frames[1].Area.Contains(picture.Boxes["add_1"]));
    }

    [Fact]
    public void A_chain_is_drawn_straight_and_a_line_around_it_beside()
    {
        using var net = new Residual();
        var graph = new Tracer().trace(net);
        var picture = new SvgPicture(graph.to_svg());
        picture.AssertShows(graph);
        Assert.Single(graph.nodes.Select(node => Math.Round(picture.Boxes[node.name].Centre)).Distinct());
        Assert.Equal(graph.nodes.Select(node => node.name), picture.Boxes.OrderBy(box => box.Value.Top).Select(box => box.Key));
    }

    [Fact]
    public void A_box_says_what_the_node_is_and_tells_more_to_who_points_at_it()
    {
        using var net = new Net();
        var graph = new Tracer().trace(net);
        var svg = graph.to_svg("Net", net);
        var picture = new SvgPicture(svg);
        Assert.Equal("first Linear", picture.TextOf("block_first"));
        Assert.Equal("mul", picture.TextOf("mul"));
        Assert.Contains("%add : [num_users=1] = call_function[target=add](%block_second, %x)\nSvgTests.cs:18</title>", svg);
        Assert.Contains(">block<tspan dx=\"6\" fill=\"#61707f\">Residual</tspan>", svg);
    }

    [Fact]
    public void Shapes_stand_beside_the_lines_once_they_are_known()
    {
        using var net = new Net();
        var graph = new Tracer().trace(net);
        new ShapeProp(net, graph).propagate(ones(3, 4));
        var svg = graph.to_svg("Net", net);
        new SvgPicture(svg).AssertShows(graph);
        Assert.Equal(graph.nodes.Count(node => node.op != Opcode.output && node.name != "head_0"), System.Text.RegularExpressions.Regex.Count(svg, ">3×4</text>"));
        Assert.Contains(">3×2</text>", svg);
        Assert.Contains("\"add\" -> \"mul\" [label=\" 3×4\"];", graph.to_dot());

        var numbers = new Graph();
        var (count, pair) = (numbers.placeholder("count", typeof(Tensor)), numbers.placeholder("pair", typeof((Tensor, Tensor))));
        count.set_meta(meta.tensor_meta, new TensorMetadata([], ScalarType.Int64, [], 8));
        pair.set_meta(meta.tensor_metas, [new([2], ScalarType.Float32, [1], 8), new([3], ScalarType.Bool, [1], 3)]);
        numbers.output(new ListArgument([count, pair], typeof(object)), typeof(object[]));
        Assert.Contains(">scalar int64</text>", numbers.to_svg());
        Assert.Contains(">2, 3 bool</text>", numbers.to_svg());
    }

    [Fact]
    public void Depth_leaves_modules_closed()
    {
        using var net = new Net();
        var picture = new SvgPicture(new Tracer().trace(net).to_svg("Net", net, depth: 0));
        Assert.Empty(picture.Frames);
        Assert.Equal(["x", "block", "mul", "block 2", "head", "output"], picture.Boxes.OrderBy(box => box.Value.Top).Select(box => box.Key));
        Assert.Equal("block Residual", picture.TextOf("block"));
        Assert.Equal("The depth of a picture is the number of modules inside each other that are opened, so it can't be -1. (Parameter 'depth')",
            Assert.Throws<ArgumentOutOfRangeException>(() => new Graph().to_svg(depth: -1)).Message.Split('\n')[0].TrimEnd());
    }

    [Fact]
    public void Odd_names_are_escaped()
    {
        var graph = new Graph();
        graph.output(graph.get_attr("""blocks.a"b\c {<&>.weight"""), typeof(Tensor));
        new SvgPicture(graph.to_svg("<&>")).AssertShows(graph);

        var dotted = new Graph();
        dotted.output(dotted.call_module(".a..b.", dotted.placeholder("x", typeof(Tensor))), typeof(Tensor));
        new SvgPicture(dotted.to_svg()).AssertShows(dotted);
    }

    [Fact]
    public void An_empty_graph_is_an_empty_picture() => new SvgPicture(new Graph().to_svg()).AssertShows(new Graph());

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7), InlineData(8)]
    public void Whatever_the_graph_nothing_overlaps_and_every_line_arrives(int seed)
    {
        var graph = RandomGraph(new Random(seed));
        var svg = graph.to_svg();
        new SvgPicture(svg).AssertShows(graph);
        Assert.Equal(svg, graph.to_svg());
    }

    /// <summary>Modules inside modules, each reading some of the values before it, some of them read by nobody.</summary>
    private static Graph RandomGraph(Random random)
    {
        var graph = new Graph();
        List<Node> values = [graph.placeholder("x", typeof(Tensor)), graph.placeholder("y", typeof(Tensor))];
        for (var i = 0; i < 40; i++)
        {
            var path = string.Join('.', Enumerable.Range(0, random.Next(4)).Select(_ => $"m{i / 10}{random.Next(2)}").Append($"leaf{i}"));
            var inputs = Enumerable.Range(0, random.Next(1, 4)).Select(_ => (Argument)values[^random.Next(1, Math.Min(values.Count, 12) + 1)]);
            values.Add(random.Next(8) == 0 ? graph.get_attr(path) : graph.call_module(path, [.. inputs]));
        }
        graph.output(values[^1], typeof(Tensor));
        return graph;
    }
}
