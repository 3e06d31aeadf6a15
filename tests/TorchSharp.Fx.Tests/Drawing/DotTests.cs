using System.Text.RegularExpressions;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Drawing;

public sealed partial class DotTests
{
    private sealed class Block : Module<Tensor, Tensor>
    {
        private readonly Linear fc = Linear(4, 4);

        public Block() : base(nameof(Block)) => RegisterComponents();

        public override Tensor forward(Tensor x) => fc.call(x) * x.shape[0];
    }

    private sealed class Net : Module<Tensor, Tensor>
    {
        private readonly Sequential blocks = Sequential(new Block());
        private readonly Linear head = Linear(4, 2);

        public Net() : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor x) => head.call(blocks.call(x)).relu();
    }

    [Fact]
    public void A_module_is_a_frame_around_what_happens_in_it() => Assert.Equal("""
        digraph "Net" {
            rankdir=TB;
            graph [style="rounded,filled", bgcolor="#ffffff", fontname="Helvetica", fontsize=10, fontcolor="#61707f", color="#c5ccd4", labeljust="l", nodesep=0.3, ranksep=0.3];
            node [shape=box, style="rounded,filled", height=0.3, fontname="Helvetica", fontsize=10, fontcolor="#1f2933"];
            edge [fontname="Helvetica", fontsize=8, fontcolor="#61707f", color="#7b8794", arrowsize=0.6];
            "x" [label="x", fillcolor="#d3f0dd", color="#4c9a6a"];
            subgraph "cluster_blocks" {
                graph [label="blocks Sequential", fillcolor="#f6f7f9"];
                subgraph "cluster_blocks.0" {
                    graph [label="blocks.0 Block", fillcolor="#eceff3"];
                    "blocks_0_fc" [label="fc\nLinear", fillcolor="#e3dcf7", color="#7f68bd"];
                    "getattr_1" [label="getattr_1\n.shape", fillcolor="#d6e6fb", color="#4f7fbf"];
                    "getitem" [label="getitem", fillcolor="#d6e6fb", color="#4f7fbf"];
                    "mul" [label="mul", fillcolor="#d6e6fb", color="#4f7fbf"];
                }
            }
            "head" [label="head\nLinear", fillcolor="#e3dcf7", color="#7f68bd"];
            "relu" [label="relu", fillcolor="#cdeeee", color="#3a9191"];
            "output" [label="output", fillcolor="#fbd9d3", color="#c0604d"];
            "x" -> "blocks_0_fc";
            "x" -> "getattr_1";
            "getattr_1" -> "getitem";
            "blocks_0_fc" -> "mul";
            "getitem" -> "mul";
            "mul" -> "head";
            "head" -> "relu";
            "relu" -> "output";
        }

        """, new Tracer().trace(new Net()).to_dot("Net", new Net()));

    [Fact]
    public void Odd_names_stay_within_their_quotes()
    {
        var graph = new Graph();
        graph.output(graph.get_attr("""blocks.a"b\c {.weight"""), typeof(Tensor));
        var dot = graph.to_dot("a \"graph\"");
        Assert.Contains("""subgraph "cluster_blocks.a\"b\\c {" {""", dot);
        AssertGrammar(dot);
    }

    [Fact]
    public void What_is_drawn_follows_the_grammar_of_DOT() => AssertGrammar(new Tracer().trace(new Net()).to_dot());

    /// <summary>The part of DOT's grammar that a drawing uses: statements in nested braces, every name in quotes, every edge between nodes that are there.</summary>
    private static void AssertGrammar(string dot)
    {
        var (depth, nodes) = (0, new HashSet<string>());
        foreach (var line in dot.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim()))
        {
            Assert.Matches(Statement(), line);
            depth += line.EndsWith('{') ? 1 : line == "}" ? -1 : 0;
            if (Edge().Match(line) is { Success: true } edge)
                Assert.True(nodes.IsSupersetOf([edge.Groups[1].Value, edge.Groups[2].Value]), line);
            else if (line.StartsWith('"'))
                Assert.True(nodes.Add(line[..line.IndexOf(" [", StringComparison.Ordinal)]));
        }
        Assert.Equal(0, depth);
    }

    private const string Id = """
        "(?:[^"\\]|\\.)*"
        """;

    private const string Attribute = $@"\w+=(?:{Id}|[\w.]+)";

    [GeneratedRegex($@"^(digraph {Id} \{{|subgraph {Id} \{{|\}}|rankdir=TB;|(?:graph|node|edge|{Id}) \[{Attribute}(?:, {Attribute})*\];|{Id} -> {Id};)$")]
    private static partial Regex Statement();

    [GeneratedRegex($"^({Id}) -> ({Id});$")]
    private static partial Regex Edge();
}
