namespace TorchSharp.Fx.Cli.Tests;

/// <summary>Where a file can't be written, the message has the folder or the file that was asked for, never a temporary one.</summary>
public sealed class UnwritableFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_folder_that_takes_no_files_is_named()
    {
        // A folder of the kernel's takes no files of anybody, not even of an administrator.
        Assert.SkipUnless(OperatingSystem.IsLinux() && Directory.Exists("/sys/kernel"), "only Linux has such a folder");
        var run = Torchfx.Run("save", "squeezenet1_1", "--out", "/sys/kernel/graph.safetensors");
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.EndsWith("\ntorchfx: The folder '/sys/kernel' takes no new files, so that 'graph.safetensors' can't be written: choose another folder, or change the rights of this one.\n", run.Error);
    }

    [Fact]
    public void A_folder_in_the_place_of_the_file_is_named()
    {
        Directory.CreateDirectory(folder["taken.safetensors"]);
        var run = Torchfx.Run("save", "squeezenet1_1", "--out", folder["taken.safetensors"]);
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.Contains($"\ntorchfx: '{folder["taken.safetensors"]}' can't be written: ", run.Error);
        Assert.DoesNotContain(".tmp", run.Error);
        Assert.Empty(Directory.GetFiles(folder.Root));
    }
}
