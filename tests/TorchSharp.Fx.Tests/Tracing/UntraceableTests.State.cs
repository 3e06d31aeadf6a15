using System.Globalization;
using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>What would change something that was there before the trace.</summary>
public sealed partial class UntraceableTests
{
    private static int Here([CallerLineNumber] int line = 0) => line + 1;

    private sealed class Merging : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter weight = new(torch.full(1, 2f));

        public Merging() : base(nameof(Merging)) => RegisterComponents();

        public override void train(bool on = true)
        {
            base.train(on);
            weight.requires_grad = on;
        }

        public override Tensor forward(Tensor x) => x * weight;
    }

    [Fact]
    public void FX035_a_mode_that_computes()
    {
        var refusal = Assert.Throws<TraceException>(() => feature_extraction.get_graph_node_names(new Merging()));
        Assert.Equal("FX035: Merging.train computes with tensors, so that the mode can't be set without changing the model. It happens in the root module at its start. "
            + "Set the mode yourself before tracing, and trace the model in its present mode (fx.symbolic_trace).", refusal.Message);
    }

    private sealed class Writing(Stream file) : nn.Module<Tensor, Tensor>(nameof(Writing))
    {
        public static readonly int Line = Here();
        public override Tensor forward(Tensor x) { file.WriteByte(1); return x; }
    }

    [Fact]
    public void FX036_an_object_that_can_not_be_copied()
    {
        var name = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}");
        using (var file = File.Create(name))
        {
            Told(new Writing(file), Writing.Line, "FX036: Stream.WriteByte may change a FileStream that was there before the trace, and no copy can be made of it for the trace to change instead.",
                "Make a new one in forward, or " + OrLeaf);
            Assert.Equal(0, file.Position);
        }
        File.Delete(name);
    }

    private sealed class Translating() : nn.Module<Tensor, Tensor>(nameof(Translating))
    {
        public static readonly int Line = Here();
        public override Tensor forward(Tensor x) { CultureInfo.CurrentCulture = CultureInfo.InvariantCulture; return x; }
    }

    [Fact]
    public void FX037_a_setting_of_the_process()
        => Told(new Translating(), Translating.Line, "FX037: CultureInfo.set_CurrentCulture changes the whole process, also for the code that runs beside the trace.", "Move it out of forward, or " + OrLeaf);

    private sealed class Matching() : nn.Module<Dictionary<string, object>, Tensor>(nameof(Matching))
    {
        public static readonly int Line = Here();
        public override Tensor forward(Dictionary<string, object> inputs) => (inputs["x"] as Tensor)!.relu();
    }

    [Fact]
    public void FX038_a_type_that_only_an_example_tells()
        => Told(new Matching(), Matching.Line, "FX038: The program asks whether 'getitem' (Object), which depends on an input, is a Tensor.",
            "Trace with example inputs, which tell its type, or cast it ((Tensor)inputs[0]), or " + OrLeaf);

    private sealed class Loose() : nn.Module<object, Tensor>(nameof(Loose))
    {
        public static readonly int Line = Here();
        public override Tensor forward(dynamic x) => x.relu();
    }

    [Fact]
    public void FX039_dynamic_without_an_example()
        => Told(new Loose(), Loose.Line, "FX039: The program uses 'x' as dynamic, and what it stands for is only known when the model runs.",
            "Trace with example inputs, which tell its type, declare its type in place of dynamic, or " + OrLeaf);

    private static void Told(nn.Module module, int line, string what, string fix)
    {
        var refusal = Assert.Throws<TraceException>(() => new Tracer().trace(module));
        Assert.Equal($"{what} It happens in the root module at UntraceableTests.State.cs:{line}. {fix}", refusal.Message);
    }
}
