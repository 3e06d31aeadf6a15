using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>Every program gives what PyTorch gave, on the example's inputs and on others; so do its optimised copy and what is saved of
/// it.</summary>
public class ProgramTests
{
    private const double Tolerance = 1e-5;
    private const double OptimisedTolerance = 1e-4;

    [Theory]
    [MemberData(nameof(ExportedPrograms.Names), MemberType = typeof(ExportedPrograms))]
    public void AProgramGivesWhatPyTorchGave(string name)
    {
        using var module = export.load(ExportedPrograms.Program(name));
        Check(module, name, Tolerance);
    }

    [Theory]
    [MemberData(nameof(ExportedPrograms.Names), MemberType = typeof(ExportedPrograms))]
    public void AnOptimisedCopyGivesTheSame(string name)
    {
        using var module = export.load(ExportedPrograms.Program(name));
        using (var fast = Optimised(module))
            Check(fast, name, OptimisedTolerance);
        using var only = Optimised(module, discard: true);
        Check(only, name, OptimisedTolerance);
    }

    [Theory]
    [MemberData(nameof(ExportedPrograms.Names), MemberType = typeof(ExportedPrograms))]
    public void ASavedProgramGivesTheSame(string name)
    {
        var path = Path.GetTempFileName();
        using (var module = export.load(ExportedPrograms.Program(name)))
            fx.save(module, path);
        using var loaded = fx.load(path);
        Check(loaded, name, Tolerance);
        File.Delete(path);
    }

    [Fact]
    public void ATensorWithTwoNamesIsOneParameter()
    {
        using var module = export.load(ExportedPrograms.Program("hf_gpt2"));
        var state = module.state_dict();
        Assert.Same(state["transformer.wte.weight"], state["lm_head.weight"]);
    }

    [Fact]
    public void ABufferThatTheProgramWritesIsWritten()
    {
        using var scope = NewDisposeScope();
        using var module = export.load(ExportedPrograms.Program("nn_operations"));
        var values = ExportedPrograms.Values("nn_operations");
        for (var i = 0; i < 3; i++)
            ExportedPrograms.Run(module, ExportedPrograms.Inputs(module, values, 0));
        Assert.Equal(3, module.state_dict()["steps"].ToInt64());
        Assert.Equal(["w", "table", "steps"], module.state_dict().Keys);
    }

    [Fact]
    public void WhatAProgramAssumesIsChecked()
    {
        using var scope = NewDisposeScope();
        using var vision = export.load<GraphModule<Tensor, Tensor>>(ExportedPrograms.Program("tv_mobilenet_v2"));
        Assert.Equal("Size 2 of 'x' is not 32, as the program was exported with.",
            Assert.Throws<GraphAssertionException>(() => vision.call(rand(2, 3, 64, 32))).Message);
        Assert.Equal("The size 0 of 'x' is more than 64, the most that the program was exported for.",
            Assert.Throws<GraphAssertionException>(() => vision.call(rand(65, 3, 32, 32))).Message);
        Assert.Equal("'x' has not 4 dimensions, as the program was exported with.",
            Assert.Throws<GraphAssertionException>(() => vision.call(rand(3, 32, 32))).Message);
        using var unet = export.load<GraphModule<Tensor, Tensor, Tensor>>(ExportedPrograms.Program("nn_unet"));
        Assert.Equal("The size 2 of 'x' is no multiple of 8, as the program was exported with.",
            Assert.Throws<GraphAssertionException>(() => unet.call(rand(2, 3, 36, 32), rand(2))).Message);
        Assert.Equal("The size 0 of 't' does not agree with size 0 of 'x'.",
            Assert.Throws<GraphAssertionException>(() => unet.call(rand(2, 3, 32, 32), rand(3))).Message);
        using var operations = export.load(ExportedPrograms.Program("nn_operations"));
        var inputs = ExportedPrograms.Inputs(operations, ExportedPrograms.Values("nn_operations"), 0);
        inputs[1] = 4L;
        Assert.Contains("'n' is not 3, the value that the program was exported with.",
            Assert.Throws<System.Reflection.TargetInvocationException>(()
            => ExportedPrograms.Run(operations, inputs)).InnerException!.Message, StringComparison.Ordinal);
    }

    /// <summary>The type of the module is the program's, so that no test can write it down.</summary>
    private static nn.Module Optimised(nn.Module module, bool discard = false)
        => (nn.Module)typeof(InferenceOptimization).GetMethod(nameof(InferenceOptimization.optimize_for_inference))!.MakeGenericMethod(module.GetType())
            .Invoke(null, System.Reflection.BindingFlags.DoNotWrapExceptions, null, [module, null, discard], null)!;

    private static void Check(nn.Module module, string name, double tolerance)
    {
        using var scope = NewDisposeScope();
        var values = ExportedPrograms.Values(name);
        Assert.InRange(ExportedPrograms.Difference(module, values, 0), 0, tolerance);
        Assert.InRange(ExportedPrograms.Difference(module, values, 1), 0, tolerance);
    }
}
