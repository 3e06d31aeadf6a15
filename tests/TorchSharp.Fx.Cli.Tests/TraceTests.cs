using System.Text.Json;

namespace TorchSharp.Fx.Cli.Tests;

public sealed class TraceTests
{
    private const string Sentence = "FX001: The program branches on 'size > 1', which depends on an input, so a graph of it would hold for some inputs only. It happens in module 'body.inner' at Failing.cs:12. "
        + "Fix the value with concrete_args if it is an argument, compute with tensors (torch.where) instead, or make the method a leaf function (tracer_kwargs.autowrap_functions) or its module a leaf module (tracer_kwargs.leaf_modules).";

    [Fact]
    public void What_was_found_is_counted_in_one_line()
    {
        var run = Torchfx.Run("trace", "TestModels.dll:Ledger", "--input", "Nx4");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches("^[0-9]+ nodes, 2 leaf modules, 2 asserted conditions, 1 asserted value, 1 constant, 1 dropped write, 1 unregistered module\n$", run.Out);
    }

    [Fact]
    public void The_report_lists_each_with_its_place()
    {
        var run = Torchfx.Run("trace", "TestModels.dll:Ledger", "--input", "Nx4", "--report");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal("""
            leaf modules:
              stem
              heads.0
            asserted conditions:
              at most eight rows (Traced.cs:18)
              traced with 0 < getitem_1 at Traced.cs:22; trace again with example inputs like these (Traced.cs:22)
            asserted values:
              traced with getitem_1 == 4 at Traced.cs:22; trace again with example inputs like these (Traced.cs:22)
            loops of as many turns as the example has:
              getitem_1 == 4 (Traced.cs:22)
            computed while tracing:
              _tensor_constant0: int64[4] (Traced.cs:20)
            written by the program, not by the graph:
              Ledger.last (Traced.cs:24)
            called but not registered:
              heads.0 (Linear, 10 parameters)
            """, string.Join('\n', run.Lines.Skip(1)));
    }

    [Fact]
    public void Json_has_the_whole_report()
    {
        var run = Torchfx.Run("trace", "TestModels.dll:Ledger", "--input", "Nx4", "--mode", "train", "--format", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        using var json = JsonDocument.Parse(run.Out);
        var root = json.RootElement;
        Assert.Equal(["model", "mode", "nodes", "leaves", "guards", "specialisations", "loops", "unrolled_loops", "present_inputs", "constants", "dropped_state", "modes", "seeds", "surroundings", "unregistered_modules"], root.EnumerateObject().Select(property => property.Name));
        Assert.Equal("train", root.GetProperty("mode").GetString());
        Assert.Equal("""{"what":"at most eight rows","module":"","at":"Traced.cs:18"}""", JsonSerializer.Serialize(root.GetProperty("guards")[0]));
        Assert.Equal("""[{"what":"getitem_1 == 4","module":"","at":"Traced.cs:22"}]""", JsonSerializer.Serialize(root.GetProperty("unrolled_loops")));
        Assert.Equal("""[{"path":"heads.0","type":"Linear","parameters":10}]""", JsonSerializer.Serialize(root.GetProperty("unregistered_modules")));
    }

    [Fact]
    public void A_refusal_shows_the_line_and_the_calls_that_lead_to_it()
    {
        var run = Torchfx.Run("trace", "TestModels.dll:Nested");
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.Equal($"""
            torchfx: {Sentence}
              > if (x.size(0) > 1)
              at Branching.forward (body.inner), Failing.cs:12
              at Nested.Twice (the root module), Traced.cs:40
              at Nested.forward (the root module), Traced.cs:36
              see docs/untraceable.md#fx001

            """, run.Error);
    }

    [Fact]
    public void A_refusal_as_json_has_the_same()
    {
        var run = Torchfx.Run("trace", "TestModels.dll:Nested", "--format", "json");
        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith($"torchfx: {Sentence}\n", run.Error);
        using var json = JsonDocument.Parse(run.Out);
        var refusal = json.RootElement.GetProperty("refusal");
        Assert.Equal(["FX001", Sentence, "body.inner", "Failing.cs:12", "if (x.size(0) > 1)", "docs/untraceable.md#fx001"],
            new[] { "code", "message", "module", "at", "source", "page" }.Select(name => refusal.GetProperty(name).GetString()!));
        Assert.Equal("""{"module":"","at":"Traced.cs:40","method":"Nested.Twice"}""", JsonSerializer.Serialize(refusal.GetProperty("stack")[1]));
    }

    [Fact]
    public void Without_symbols_a_call_is_told_by_its_offset()
    {
        var lines = Torchfx.Run("trace", "TestModels.NoSymbols.dll:Branching").Error.Split('\n');
        Assert.Matches(@"^  at Branching\.forward \(the root module\), Branching\.forward\+IL_[0-9a-f]{4}$", lines[1]);
    }

    [Fact]
    public void An_exception_of_the_model_has_its_line_but_no_page()
    {
        var run = Torchfx.Run("trace", "TestModels.dll:Mismatched", "--input", "2x3x5x4");
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.StartsWith("torchfx: The model threw InvalidOperationException while it was traced: Node 'linear' (linear) fails on the example inputs: mat1 and mat2 shapes cannot be multiplied", run.Error);
        Assert.EndsWith("  > return linear.call(x) * width;\n  at Mismatched.forward (the root module), Failing.cs:28\n", run.Error);
    }

    [Fact]
    public void Example_inputs_name_nodes_draw_graphs_and_let_the_catalogue_run()
    {
        var names = Torchfx.Run("nodes", "TestModels.dll:Branching", "--input", "3x4").Lines;
        Assert.Contains("│ size           │", names);
        Assert.DoesNotContain("│ _assert        │", names);
        Assert.Contains("traced with size <= 1", Torchfx.Run("graph", "TestModels.dll:Branching", "--input", "1x4").Out);
        Assert.Equal(Torchfx.Run("graph", "resnet18").Out, Torchfx.Run("graph", "resnet18", "--input", "Nx3x64x64").Out);
    }

    [Fact]
    public void A_letter_that_decides_is_refused()
        => Assert.StartsWith("torchfx: FX019: The dimension N is declared as free, but the program needs to know whether 'size > 1', which comes out differently for N = 1 and N = 2.",
            Torchfx.Run("nodes", "TestModels.dll:Branching", "--input", "N=1x4").Error);
}
