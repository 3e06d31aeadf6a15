using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Docs;

/// <summary>The dumps in docs/how-a-trace-happens.md are what the code prints.</summary>
public sealed class HowATraceHappensTests
{
    private sealed class Tail : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = nn.Conv2d(3, 4, kernel_size: 3, padding: 1);
        private readonly ReLU relu = nn.ReLU(inplace: true);
        private readonly Linear fc = nn.Linear(4, 2);

        public Tail() : base(nameof(Tail)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            x = relu.call(conv.call(x));
            x = x.mean([2, 3]);
            x = x.reshape(x.shape[0] / 2, -1, 4);
            return fc.call(x).MoveToOuterDisposeScope();
        }
    }

    private static string Document()
        => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "how-a-trace-happens.md")).ReplaceLineEndings("\n");

#if OPTIMIZED_IL
    [Fact]
    public void The_document_shows_the_code_as_a_Release_compiler_emits_it()
    {
        var code = MethodIL.Of(typeof(Tail).GetMethod(nameof(Tail.forward))!)!;
        var lines = code.Instructions.Select((_, i) => CodeText.Line(code, i));
        Assert.Contains(string.Join("\n", lines), Document(), StringComparison.Ordinal);
    }
#endif

    [Fact]
    public void The_document_shows_the_graph()
    {
        using var model = new Tail();
        Assert.Contains(new Tracer().trace(model).ToString().Trim(), Document(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_document_shows_the_cut_graph()
    {
        using var model = new Tail();
        using var extractor = feature_extraction.create_feature_extractor(model, ["conv", "mean"]);
        Assert.Contains(extractor.eval_graph.ToString().Trim(), Document(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_document_lists_the_names()
    {
        using var model = new Tail();
        Assert.Contains(string.Join(", ", feature_extraction.get_graph_node_names(model).eval_nodes), Document(), StringComparison.Ordinal);
    }
}
