namespace TorchSharp.Fx.Vision;

/// <summary>How files are downloaded.</summary>
public sealed record DownloadOptions
{
    /// <summary>
    /// A mirror to download from instead of the server in a file's address: scheme, host and the beginning of the path. The default is the
    /// environment variable <c>TORCHFX_MIRROR</c>.
    /// </summary>
    public Uri? mirror { get; init; } = Environment.GetEnvironmentVariable("TORCHFX_MIRROR") is { Length: > 0 } mirror
        ? new Uri(mirror) : null;

    /// <summary>The folder of downloaded files; null for PyTorch's own folder, <see cref="hub.get_dir"/>.</summary>
    public string? model_dir { get; init; }

    /// <summary>Receives the progress of a download, after every part of it.</summary>
    public IProgress<DownloadProgress>? progress { get; init; }

    /// <summary>The longest silence of the server before the connection is closed.</summary>
    public TimeSpan silence { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The number of attempts; a new attempt continues where the last one stopped.</summary>
    public int attempts { get; init; } = 5;

    /// <summary>The pause after the first failure; it doubles each time.</summary>
    public TimeSpan pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Whether to compare a file with the part of its SHA-256 in its name.</summary>
    public bool check_hash { get; init; } = true;
}

/// <summary>The progress of a download.</summary>
/// <param name="file">The file's name.</param>
/// <param name="received">The number of bytes received.</param>
/// <param name="total">The total number of bytes; null where the server does not say.</param>
public sealed record DownloadProgress(string file, long received, long? total);

/// <summary>A file could not be downloaded; the message says which file to put where.</summary>
public sealed class DownloadException(string message, Exception? inner) : IOException(message, inner);
