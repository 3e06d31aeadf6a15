using System.Text.RegularExpressions;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Graphs;

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
            node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=10];
            "x" [label="x", fillcolor="#d9ead3"];
            "head" [label="head", fillcolor="#d9d2e9"];
            "relu" [label="relu", fillcolor="#d0e0e3"];
            "output" [label="output", fillcolor="#f4cccc"];
            subgraph "cluster_blocks" {
                label="blocks";
                subgraph "cluster_blocks.0" {
                    label="blocks.0";
                    "blocks_0_fc" [label="blocks_0_fc\nblocks.0.fc", fillcolor="#d9d2e9"];
                    "getattr_1" [label="getattr_1\n.shape", fillcolor="#cfe2f3"];
                    "getitem" [label="getitem", fillcolor="#cfe2f3"];
                    "mul" [label="mul", fillcolor="#cfe2f3"];
                }
            }
            "x" -> "blocks_0_fc";
            "x" -> "getattr_1";
            "getattr_1" -> "getitem";
            "blocks_0_fc" -> "mul";
            "getitem" -> "mul";
            "mul" -> "head";
            "head" -> "relu";
            "relu" -> "output";
        }

        """, new Tracer().trace(new Net()).to_dot("Net"));

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

    private const string Attribute = $@"\w+=(?:{Id}|\w+)";

    [GeneratedRegex($@"^(digraph {Id} \{{|subgraph {Id} \{{|\}}|rankdir=TB;|label={Id};|(?:node|{Id}) \[{Attribute}(?:, {Attribute})*\];|{Id} -> {Id};)$")]
    private static partial Regex Statement();

    [GeneratedRegex($"^({Id}) -> ({Id});$")]
    private static partial Regex Edge();
}
