using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>Every program gives what PyTorch gave, on the example's inputs and on others; so do its optimised copy and what is saved of it.</summary>
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
        using var fast = Optimised(module);
        Check(fast, name, OptimisedTolerance);
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

    /// <summary>The type of the module is the program's, so that no test can write it down.</summary>
    private static nn.Module Optimised(nn.Module module)
        => (nn.Module)typeof(InferenceOptimization).GetMethod(nameof(InferenceOptimization.optimize_for_inference))!.MakeGenericMethod(module.GetType())
            .Invoke(null, System.Reflection.BindingFlags.DoNotWrapExceptions, null, [module, null], null)!;

    private static void Check(nn.Module module, string name, double tolerance)
    {
        using var scope = NewDisposeScope();
        var values = ExportedPrograms.Values(name);
        Assert.InRange(ExportedPrograms.Difference(module, values, 0), 0, tolerance);
        Assert.InRange(ExportedPrograms.Difference(module, values, 1), 0, tolerance);
    }
}
