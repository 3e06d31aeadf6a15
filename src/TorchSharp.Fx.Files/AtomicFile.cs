namespace TorchSharp.Fx;

/// <summary>Writes a file whole or not at all.</summary>
internal static class AtomicFile
{
    /// <summary>Refuses a path in a folder that does not exist, before there is anything to write.</summary>
    public static void RequireFolder(string path)
    {
        if (Path.GetDirectoryName(path) is { Length: > 0 } folder && !Directory.Exists(folder))
            throw new DirectoryNotFoundException($"There is no folder '{folder}' to write '{Path.GetFileName(path)}' to; make it first.");
    }

    // Beside the target, since a rename is atomic only within one file system.
    public static void Write(string path, Action<Stream> write)
    {
        RequireFolder(path);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew)) write(stream);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException && error.Message.Contains(path, StringComparison.Ordinal))
        {
            File.Delete(temporary);
            throw Told(error, temporary, path);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Nobody asked for the temporary file: where no file can be made it is the folder's matter, else that of the file that was asked for.</summary>
    private static IOException Told(Exception error, string temporary, string path) => error is UnauthorizedAccessException
        ? new($"The folder '{Path.GetDirectoryName(Path.GetFullPath(path))}' takes no new files, so that '{Path.GetFileName(path)}' can't be written: choose another folder, or change the rights of this one.", error)
        : new($"'{path}' can't be written: {error.Message.Replace(temporary, path, StringComparison.Ordinal)}", error);
}
