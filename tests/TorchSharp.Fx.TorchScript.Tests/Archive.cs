using System.IO.Compression;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript.Tests;

/// <summary>An exported model in a folder of its own.</summary>
internal sealed class Archive : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    internal string Path => System.IO.Path.Combine(folder, "model.pt");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    internal jit.ScriptModule Load()
    {
        Assert.Empty(LoadProbe.Refused([Path]));
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
}
