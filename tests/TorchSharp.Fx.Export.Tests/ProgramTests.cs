using TorchSharp.Fx;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>Every program gives what PyTorch gave, on the example's inputs and on others.</summary>
public class ProgramTests
{
    private const double Tolerance = 1e-5;

    [Theory]
    [MemberData(nameof(ExportedPrograms.Names), MemberType = typeof(ExportedPrograms))]
    public void AProgramGivesWhatPyTorchGave(string name)
    {
        using var scope = NewDisposeScope();
        using var module = export.load(ExportedPrograms.Program(name));
        var values = ExportedPrograms.Values(name);
        Assert.InRange(ExportedPrograms.Difference(module, values, 0), 0, Tolerance);
        Assert.InRange(ExportedPrograms.Difference(module, values, 1), 0, Tolerance);
    }
}
