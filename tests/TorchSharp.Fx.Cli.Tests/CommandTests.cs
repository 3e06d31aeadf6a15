using System.Diagnostics;

namespace TorchSharp.Fx.Cli.Tests;

public sealed class CommandTests
{
    [Fact]
    public void Torchfx_starts_and_exits_with_success()
    {
        using var process = Process.Start("dotnet", [Path.Combine(AppContext.BaseDirectory, "torchfx.dll"), "--help"]);
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, process.ExitCode);
    }
}
