using TorchSharp.Fx.Tests;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>Nothing is left behind. They count the tensors of the process, so nothing runs beside them.</summary>
[Collection(nameof(Alone))]
public class LifetimeTests
{
    [Fact]
    public void ACallByNameLeavesItsResultAlone()
    {
        using var x = randn(3, 4);
        LiveTensors.AssertStay(() => aten.call("cat", new[] { x, x }, 1L).Dispose(), 100);
    }

    /// <summary>TorchSharp counts a tensor twice that becomes a parameter, so what a saved module leaves is no leak.</summary>
    [Theory]
    [InlineData("nn_cond")]
    [InlineData("nn_operations")]
    [InlineData("tv_densenet")]
    [InlineData("hf_gpt2")]
    [InlineData("torch-2.6/tv_swin")]
    public void ADisposedProgramLeavesNoMoreThanADisposedSavedModule(string name)
    {
        var (program, saved) = (ExportedPrograms.Program(name), Path.GetTempFileName());
        using (var module = export.load(program))
            fx.save(module, saved);
        Assert.InRange(Left(() => export.load(program).Dispose()), 0, Left(() => fx.load(saved).Dispose()));
        File.Delete(saved);
    }

    [Fact]
    public void ADisposeScopeAroundIsNoHarm()
    {
        nn.Module module;
        using (NewDisposeScope())
            module = export.load(ExportedPrograms.Program("nn_unet"));
        Assert.InRange(ExportedPrograms.Difference(module, ExportedPrograms.Values("nn_unet"), 0), 0, 1e-5);
        module.Dispose();
    }

    [Theory]
    [InlineData("nn_unet")]
    [InlineData("tv_densenet")]
    public void WeightsMayStayInTheFile(string name)
    {
        using var scope = NewDisposeScope();
        var path = Path.GetTempFileName();
        File.Copy(ExportedPrograms.Program(name), path, overwrite: true);
        var before = File.ReadAllBytes(path);
        using (var module = export.load(path, mmap: true))
        {
            Assert.InRange(ExportedPrograms.Difference(module, ExportedPrograms.Values(name), 0), 0, 1e-5);
            using var mode = no_grad();
            foreach (var weight in module.parameters())
                weight.fill_(0.5);
            Assert.All(module.parameters(), weight => Assert.True(weight.eq(0.5).all().ToBoolean()));
            if (OperatingSystem.IsLinux())
                Assert.True(IsMapped(path));
        }
        scope.DisposeEverything();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Equal(before, File.ReadAllBytes(path));
        if (OperatingSystem.IsLinux())
            Assert.False(IsMapped(path));
        File.Delete(path);
    }

    private static bool IsMapped(string path) => File.ReadAllText("/proc/self/maps").Contains(path, StringComparison.Ordinal);

    private static long Left(Action run)
    {
        run();
        return LiveTensors.Added(run);
    }
}
