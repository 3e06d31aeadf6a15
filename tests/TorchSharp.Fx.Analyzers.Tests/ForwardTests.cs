using Microsoft.CodeAnalysis;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Analyzers.Tests;

/// <summary>What the analyzer tells of a forward is what the tracer then does.</summary>
public sealed class ForwardTests
{
    private const string Head = """
        using System.Runtime.InteropServices;
        using TorchSharp;
        using TorchSharp.Modules;
        using static TorchSharp.torch;
        using static TorchSharp.torch.nn;

        public sealed class Model : Module<Tensor, Tensor>
        {
            private static readonly ReLU shared = ReLU();
            private readonly Linear fc = Linear(4, 4);
            private readonly Parameter scale = new(ones(4));
            private readonly double[] scales = [1, 2, 3, 4];
            public Model() : base("Model") => RegisterComponents();
            [DllImport("libm")] private static extern double cbrt(double value);

        """;

    [Theory]
    [InlineData("FX001", "x.shape[0] > 2", "if (x.shape[0] > 2) x = x * 2; return x;")]
    [InlineData("FX001", "n == 3", "var n = x.dim(); return n == 3 ? x : -x;")]
    [InlineData("FX001", "i < x.shape[0]", "for (var i = 0; i < x.shape[0]; i++) x = x + 1; return x;")]
    [InlineData("FX001", "rows", "var (rows, _) = (x.size(0), x.size(1)); switch (rows) { case 1: return x; default: return -x; }")]
    [InlineData("FX001", "x.shape", "var count = 1L; foreach (var size in x.shape) count *= size; return x.reshape(count);")]
    [InlineData("FX004", "cbrt", "return x * cbrt(x.shape[0]);")]
    [InlineData("FX006", "data", "return x * x.relu().data<float>()[0];")]
    [InlineData("FX006", "tolist", "return x.tolist() is null ? x : -x;")]
    [InlineData("FX009", "shared", "return shared.call(x);")]
    [InlineData("FX012", "Task.Run", "return Task.Run(() => fc.call(x)).Result;")]
    [InlineData("FX013", "register_buffer", "register_buffer(\"mean\", x.mean()); return x;")]
    [InlineData("FX014", "scales", "return x * scales[x.shape[0]];")]
    [InlineData("FX001", "(int)x.size(1)", "return (int)x.size(1) switch { 4 => x, _ => -x };")]
    [InlineData("FX001", "x.shape[0] > 1 && x.shape[1] > 1", "return x.shape[0] > 1 && x.shape[1] > 1 ? x : -x;")]
    [InlineData("FX001", "left > 0", "var left = x.numel(); while (left > 0) { x = x + 1; left--; } return x;")]
    [InlineData("FX003", "Enumerable.Range", "var rows = Enumerable.Range(0, (int)x.shape[0]).Select(i => x[i]); return cat(rows.ToArray());")]
    [InlineData("FX003", "Enumerable.Repeat", "return cat(Enumerable.Repeat(x, (int)x.shape[0]).ToArray());")]
    [InlineData("FX003", "Enumerable.Range", "return x * Enumerable.Range(0, (int)x.sum().item<long>()).Count();")]
    [InlineData("FX004", "cbrt", "return x * cbrt(x.sum().item<double>());")]
    [InlineData("FX006", "bytes", "return x * x.bytes.Length;")]
    [InlineData("FX012", "Parallel.Invoke", "Parallel.Invoke(() => x = x.relu()); return x;")]
    [InlineData("FX012", "Thread", "var thread = new Thread(() => x = x.relu()); thread.Start(); thread.Join(); return x;")]
    [InlineData("FX012", "ThreadPool.QueueUserWorkItem", "ThreadPool.QueueUserWorkItem(_ => x = x.relu()); return x;")]
    [InlineData("FX012", "TaskFactory.StartNew", "return Task.Factory.StartNew(() => fc.call(x)).Result;")]
    [InlineData("FX013", "RegisterComponents", "RegisterComponents(); return x;")]
    [InlineData("FX013", "register_module", "register_module(\"late\", ReLU()); return x;")]
    [InlineData("FX013", "register_parameter", "register_parameter(\"late\", scale); return x;")]
    [InlineData("FX014", "scales", "return x * scales[(int)x.sum().item<float>()];")]
    [InlineData("FX018", "x.sum().item<float>() > 0", "return x.sum().item<float>() > 0 ? x : -x;")]
    [InlineData("FX018", "sum > 0 && x.shape[0] > 1", "var sum = x.sum().ToSingle(); return sum > 0 && x.shape[0] > 1 ? x : -x;")]
    [InlineData("FX018", "twice - 1 < x.shape[0]", "var twice = 2 * x.max().ToInt64(); return twice - 1 < x.shape[0] ? x : -x;")]
    [InlineData("FX018", "(int)x.argmax().item<long>()", "switch ((int)x.argmax().item<long>()) { case 0: return x; default: return -x; }")]
    [InlineData("FX018", "x.max().item<float>() > 1", "if (x.max().item<float>() > 1) x = x / 255; return x;")]
    [InlineData("FX018", "x.sum().ToBoolean()", "return x.sum().ToBoolean() ? x : -x;")]
    [InlineData("FX018", "(bool)(x > 0).any()", "while ((bool)(x > 0).any()) x = x - 1; return x;")]
    public void A_refusal_is_told_by_its_id(string id, string what, string body)
    {
        var code = Compile(body);
        var told = Assert.Single(code.Diagnostics());
        Assert.Equal(id, told.Id);
        Assert.StartsWith($"'{what}' ", told.GetMessage(System.Globalization.CultureInfo.InvariantCulture));
        using var model = Model(code);
        Assert.Equal(id, Assert.Throws<TraceException>(() => fx.symbolic_trace(model)).code);
        // An example decides what follows from sizes, but not what follows from content.
        if (id == "FX018")
            Assert.Equal(id, Assert.Throws<TraceException>(() => fx.symbolic_trace(model, example_inputs: [ones(2, 4)])).code);
    }

    [Fact]
    public void An_input_of_text_is_told_where_it_has_no_default()
    {
        const string Named = "public sealed class Named() : Module<Tensor, string, Tensor>(\"Named\") { public override Tensor forward(Tensor x, string head) => head == \"main\" ? x : -x; }";
        var code = new Code($"Named{Guid.NewGuid():n}", ("Named.cs", "using static TorchSharp.torch; using static TorchSharp.torch.nn; " + Named));
        Assert.Equal("The input 'head' is a string, and the tracer can't make a fake object of that type: fix it with concrete_args, or give it a default value",
            Assert.Single(code.Diagnostics()).GetMessage(System.Globalization.CultureInfo.InvariantCulture));
        using var model = (nn.Module)Activator.CreateInstance(code.Load().GetType("Named")!)!;
        Assert.Equal("FX016", Assert.Throws<TraceException>(() => fx.symbolic_trace(model)).code);
        fx.symbolic_trace(model, concrete_args: new Dictionary<string, object?> { ["head"] = "main" }).Dispose();
        Assert.Empty(new Code("Named", ("Named.cs", "using static TorchSharp.torch; using static TorchSharp.torch.nn; " + Named.Replace("string head", "string head = \"main\""))).Diagnostics());
    }

    [Theory]
    [InlineData("if (x.shape[1] != 4) throw new ArgumentException(\"four columns\"); return fc.call(x);")]
    [InlineData("return x.dim() == 2 ? fc.call(x) : throw new ArgumentException(\"a matrix\");")]
    [InlineData("var n = x.shape[0]; return x.reshape(n, -1) * n;")]
    [InlineData("return x * x.max().item<float>();")]
    [InlineData("return stack(Enumerable.Range(0, (int)x.shape[0]).Select(i => x[i]).ToArray());")]
    [InlineData("if (scales.Sum() > 0) x = x * scale; return x;")]
    [InlineData("Tensor? mask = x; if (mask is not null && training) x = x + mask; return x;")]
    [InlineData("Tensor? cache = null; if (cache is null || cache.shape[0] < x.shape[0]) cache = ones(4); return x + cache;")]
    [InlineData("for (var i = 0; i < scales.Length; i++) x = x * scales[i]; return x;")]
    [InlineData("foreach (var part in new[] { x, x }) x = x + part; return x;")]
    [InlineData("using var scope = NewDisposeScope(); return where(x > 0, x, x * scales[1]).MoveToOuterDisposeScope();")]
    public void What_can_be_traced_is_not_told(string body)
    {
        var code = Compile(body);
        Assert.Empty(code.Diagnostics());
        using var model = Model(code);
        fx.symbolic_trace(model).Dispose();
    }

    [Fact]
    public void Only_forward_is_looked_at_and_no_leaf()
    {
        Assert.Empty(new Code("Loss", ("Model.cs", Head + "public override Tensor forward(Tensor x) => x; public float Loss(Tensor x) => x.data<float>()[0]; }")).Diagnostics());
        Assert.Empty(new Code("Leaf", ("Model.cs", (Head + "public override Tensor forward(Tensor x) => x * x.data<float>()[0]; } sealed class FxLeafAttribute : Attribute;").Replace("public sealed class Model", "[FxLeaf] public sealed class Model"))).Diagnostics());
    }

    private static Code Compile(string body) => new($"Model{Guid.NewGuid():n}", ("Model.cs", $"{Head}    public override Tensor forward(Tensor x)\n    {{\n        {body}\n    }}\n}}\n"));

    private static nn.Module Model(Code code) => (nn.Module)Activator.CreateInstance(code.Load().GetType("Model")!)!;
}
