namespace TorchSharp.Fx.Files;

/// <summary>A file that appears whole or not at all: it grows beside its place and is moved there in the end.</summary>
internal sealed class AtomicFile : IDisposable
{
    private readonly string path, temporary;
    private readonly FileStream stream;

    private AtomicFile(string path)
    {
        RequireFolder(path);
        this.path = path;
        // Beside the target, since a rename is atomic only within one file system.
        temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite);
        }
        catch (Exception error) when (IsOfFile(error))
        {
            throw Told(error);
        }
    }

    /// <summary>Refuses a path in a folder that does not exist, before there is anything to write.</summary>
    public static void RequireFolder(string path)
    {
        if (Path.GetDirectoryName(path) is { Length: > 0 } folder && !Directory.Exists(folder))
            throw new DirectoryNotFoundException($"There is no folder '{folder}' to write '{Path.GetFileName(path)}' to; make it first.");
    }

    public static void Write(string path, Action<Stream> write)
    {
        using var file = new AtomicFile(path);
        try
        {
            write(file.stream);
            file.Publish(durable: false);
        }
        catch (Exception error) when (file.IsOfFile(error))
        {
            throw file.Told(error);
        }
    }

    /// <summary>
    /// As <see cref="Write"/>, and the content is on the disk before the file is there under its name: a crash of the machine leaves no
    /// part of it either.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="publish">Is given what moves the file to its place, to call it or not; null always does.</param>
    public static async Task WriteDurably(string path, Func<FileStream, Task> write, Func<Action, Task>? publish = null)
    {
        using var file = new AtomicFile(path);
        try
        {
            await write(file.stream).ConfigureAwait(false);
            if (publish is null)
                file.Publish(durable: true);
            else
                await publish(() => file.Publish(durable: true)).ConfigureAwait(false);
        }
        catch (Exception error) when (file.IsOfFile(error))
        {
            throw file.Told(error);
        }
    }

    public void Dispose()
    {
        try
        {
            stream.Dispose();
        }
        catch (Exception error) when (IsOfFile(error))
        {
            // What is still to be written is thrown away with the rest; why it can't be is told already.
        }
        File.Delete(temporary);
    }

    private void Publish(bool durable)
    {
        if (durable)
            stream.Flush(flushToDisk: true);
        stream.Dispose();
        File.Move(temporary, path, overwrite: true);
    }

    // A file that is larger than the system allows is an argument out of range to .NET.
    private bool IsOfFile(Exception error) => error is ArgumentOutOfRangeException { ParamName: "value" } or IOException
        || error is UnauthorizedAccessException && error.Message.Contains(path, StringComparison.Ordinal);

    /// <summary>
    /// Nobody asked for the temporary file: where no file can be made it is the folder's matter, else that of the file that was asked for.
    /// </summary>
    private IOException Told(Exception error) => error is UnauthorizedAccessException
        ? new($"The folder '{Path.GetDirectoryName(Path.GetFullPath(path))}' takes no new files, so that '{Path.GetFileName(path)}' can't "
            + "be written: choose another folder, or change the rights of this one.", error)
        : new($"'{path}' can't be written: {error.Message.Split(" (Parameter '")[0].Replace(temporary, path, StringComparison.Ordinal)}",
            error);
}
