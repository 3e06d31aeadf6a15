namespace TorchSharp.Fx.Vision;

/// <summary>How files are downloaded.</summary>
public sealed record DownloadOptions
{
    /// <summary>
    /// Where files are, instead of the server in their address: scheme, host and the beginning of the path. The default is the
    /// environment's <c>TORCHFX_MIRROR</c>.
    /// </summary>
    public Uri? mirror { get; init; } = Environment.GetEnvironmentVariable("TORCHFX_MIRROR") is { Length: > 0 } mirror
        ? new Uri(mirror) : null;

    /// <summary>Where files are kept; null is PyTorch's own folder, <see cref="hub.get_dir"/>.</summary>
    public string? model_dir { get; init; }

    /// <summary>Is told how far a download is, after every part of it.</summary>
    public IProgress<DownloadProgress>? progress { get; init; }

    /// <summary>How long the server may be silent before the connection is given up.</summary>
    public TimeSpan silence { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a download is tried; what has arrived is kept from one time to the next.</summary>
    public int attempts { get; init; } = 5;

    /// <summary>The pause after the first failure; it doubles each time.</summary>
    public TimeSpan pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Whether a file is compared with the part of its SHA-256 that stands in its name.</summary>
    public bool check_hash { get; init; } = true;
}

/// <summary>How far a download is.</summary>
/// <param name="file">The file's name.</param>
/// <param name="received">How many bytes are there.</param>
/// <param name="total">How many there will be; null where the server does not say.</param>
public sealed record DownloadProgress(string file, long received, long? total);

/// <summary>A file could not be downloaded; the message says which file to put where.</summary>
public sealed class DownloadException(string message, Exception? inner) : IOException(message, inner);
