using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript.Tests;

/// <summary>An exported model in a folder of its own. What libtorch can't read ends the process, so another process reads it first.</summary>
internal sealed class Archive : IDisposable
{
    private const string Probe = "TORCHFX_TEST_ARCHIVE";

    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    internal string Path => System.IO.Path.Combine(folder, "model.pt");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    internal jit.ScriptModule Load()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment[Probe] = Path;
        using var probe = Process.Start(start)!;
        probe.OutputDataReceived += (_, _) => { };
        probe.BeginOutputReadLine();
        var error = probe.StandardError.ReadToEnd();
        probe.WaitForExit();
        Assert.True(probe.ExitCode == 0, error);
        return jit.load(Path);
    }

    /// <summary>The content of an entry, and where in the file it begins.</summary>
    internal (byte[] Content, long Position) Entry(string name)
    {
        using var zip = ZipFile.OpenRead(Path);
        using var stream = zip.GetEntry("model/" + name)!.Open();
        using var buffer = new MemoryStream();
        stream.CopyTo(buffer);
        return (buffer.ToArray(), File.ReadAllBytes(Path).AsSpan().IndexOf(buffer.ToArray()));
    }

    internal string[] Entries()
    {
        using var zip = ZipFile.OpenRead(Path);
        return [.. zip.Entries.Select(entry => entry.FullName["model/".Length..])];
    }

    /// <summary>Fails unless two tensors are the same to a ten-thousandth of the standard deviation.</summary>
    internal static void AssertClose(torch.Tensor expected, object? actual)
    {
        var tensor = Assert.IsType<torch.Tensor>(actual, exactMatch: false);
        Assert.Equal(expected.shape, tensor.shape);
        Assert.Equal(expected.dtype, tensor.dtype);
        using var scope = NewDisposeScope();
        var deviation = expected.NumberOfElements > 1 ? expected.to(float64).std().item<double>() : 1;
        Assert.InRange((expected - tensor).to(float64).abs().max().item<double>(), 0, (1e-4 * deviation) + 1e-12);
    }

    /// <summary>In the other process: reads the archive and ends.</summary>
    [ModuleInitializer]
    internal static void Read()
    {
        if (Environment.GetEnvironmentVariable(Probe) is { } path)
        {
            jit.load(path).Dispose();
            Environment.Exit(0);
        }
    }
}
