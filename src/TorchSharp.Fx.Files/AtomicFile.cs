namespace TorchSharp.Fx;

/// <summary>Writes a file whole or not at all.</summary>
internal static class AtomicFile
{
    // Beside the target, since a rename is atomic only within one file system.
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew)) write(stream);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
