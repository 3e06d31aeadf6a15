namespace TorchSharp.Fx.Cli.Tests;

public sealed class DoctorTests
{
    [Fact]
    public void A_sound_installation_is_told_by_its_versions()
    {
        var run = Torchfx.Run("doctor");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var rows = run.Lines.Select(line => line.Split('│', StringSplitOptions.TrimEntries)).Where(cells => cells.Length == 5).ToDictionary(cells => cells[2], cells => cells[1..4]);
        Assert.All(rows.Where(row => row.Key != "what"), row => Assert.Equal("ok", row.Value[0]));
        Assert.Equal("0.107.0", rows["TorchSharp"][2]);
        Assert.Equal("2.10.0", rows["libtorch"][2]);
        Assert.Equal(System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription, rows[".NET"][2]);
        Assert.Contains("LibTorchSharp", rows["native library"][2]);
        Assert.StartsWith("1 in an operation, ", rows["threads"][2]);
        Assert.Contains("decodes images", rows["SkiaSharp"][2]);
    }

    [Fact]
    public void A_missing_libtorch_is_an_error_that_says_how_to_get_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The broken installation is made of links.");
        using var folder = new TemporaryFolder();
        Copy(AppContext.BaseDirectory, folder.Root, except: "libtorch_cpu.so");
        var run = Torchfx.RunFrom(folder.Root, "doctor");
        Assert.Equal((1, ""), (run.ExitCode, run.Error));
        Assert.Contains(run.Lines, line => line.Split('│', StringSplitOptions.TrimEntries) is ["", "!!", "native library", "does not load", ""]);
        Assert.EndsWith($"native library: libtorch_cpu.so is neither in {folder.Root}/ nor in its runtimes folder. Install the tool again: dotnet tool update --global TorchSharp.Fx.Cli.\n", run.Out);

        Torchfx.RunFrom(folder.Root, "nodes", "resnet18").AssertFailed("libtorch_cpu.so is missing from the tool's folder, and without it no model can be made; 'torchfx doctor' says how to get it.");
        // TorchSharp, had it been asked, would have left copies there.
        Assert.False(Directory.Exists(folder["cpu"]));
    }

    /// <summary>The tool's files, linked where they are large.</summary>
    private static void Copy(string source, string target, string except)
    {
        foreach (var file in Directory.EnumerateFiles(source, "*.*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != except && !file.Contains("/data/", StringComparison.Ordinal)))
        {
            var copy = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            if (file.EndsWith(".so", StringComparison.Ordinal))
                File.CreateSymbolicLink(copy, file);
            else
                File.Copy(file, copy);
        }
    }
}
