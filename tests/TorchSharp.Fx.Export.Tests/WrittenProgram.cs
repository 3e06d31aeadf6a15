using static TorchSharp.torch;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>A graph module written as a program and read again.</summary>
/// <remarks>TORCHFX_KEEP_PROGRAMS names a folder that keeps the files, each beside what it gives for its example, for PyTorch to run
/// them.</remarks>
internal static class WrittenProgram
{
    private static int kept;

    /// <summary>Whatever is traced, as a program.</summary>
    internal static nn.Module Of(nn.Module traced, object?[] inputs, IReadOnlyDictionary<string, IReadOnlyDictionary<int,
        Dim>>? free = null, string name = "program")
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.pt2");
        try
        {
            export.save(traced, path, inputs, free);
            WrittenSchema.Check(path);
            if (Environment.GetEnvironmentVariable("TORCHFX_KEEP_PROGRAMS") is { Length: > 0 } folder)
                Keep(traced, path, inputs, Path.Combine(folder,
                    $"{Interlocked.Increment(ref kept):000}-{string.Concat(name.Select(letter => char.IsLetterOrDigit(letter) ? letter : '_'))}.pt2"));
            return export.load(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Keep(nn.Module traced, string path, object?[] inputs, string into)
    {
        File.Copy(path, into, overwrite: true);
        using var _ = no_grad();
        var result = ExportedPrograms.Flat(new DryRun(traced, ((IGraphModule)traced).graph,
            ((IGraphModule)traced).Program.Constants).run([.. inputs.Select(input => Structure.Map(input, tensor => tensor.clone()))]));
        Safetensors.save_file(result.Values.Index().ToDictionary(entry => $"{entry.Index}", entry => entry.Item.contiguous()),
            into + ".expected");
    }
}
