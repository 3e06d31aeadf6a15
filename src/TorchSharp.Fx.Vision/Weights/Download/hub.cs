namespace TorchSharp.Fx.Vision;

/// <summary>Downloads to the folder that PyTorch keeps its files in, so that both share them. <c>torch.hub</c></summary>
public static class hub
{
    /// <summary>
    /// The folder of downloaded weights: <c>hub/checkpoints</c> in TORCH_HOME, or in <c>torch</c> under XDG_CACHE_HOME or <c>~/.cache</c>.
    /// <c>torch.hub.get_dir()</c>
    /// </summary>
    public static string get_dir()
    {
        var home = Variable("TORCH_HOME") ?? Path.Combine(
            Variable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "torch");
        return Path.Combine(home, "hub", "checkpoints");
    }

    /// <summary>The path of a file, downloaded if missing. <c>torch.hub.download_url_to_file</c></summary>
    /// <remarks>Processes that download the same file wait for each other. An existing file is not checked again.</remarks>
    /// <param name="url">The file's address. The part after the last hyphen of its name is the beginning of its SHA-256.</param>
    /// <param name="options">Mirror, time limits and progress; null is the defaults.</param>
    /// <exception cref="DownloadException">It could not be downloaded; the message says which file to put where.</exception>
    public static string download(Uri url, DownloadOptions? options = null)
        => Task.Run(() => download_async(url, options)).GetAwaiter().GetResult();

    /// <inheritdoc cref="download"/>
    /// <param name="url">The file's address. The part after the last hyphen of its name is the beginning of its SHA-256.</param>
    /// <param name="options">Mirror, time limits and progress; null is the defaults.</param>
    /// <param name="cancellation">Cancels the download; the next attempt continues it.</param>
    public static Task<string> download_async(Uri url, DownloadOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(url);
        options ??= new();
        var target = Path.Combine(options.model_dir ?? get_dir(), Path.GetFileName(url.AbsolutePath));
        return File.Exists(target)
            ? Task.FromResult(target) : new Download(Mirrored(url, options.mirror), target, options).Run(cancellation);
    }

    private static Uri Mirrored(Uri url, Uri? mirror) => mirror is null ? url : new Uri(mirror.AbsoluteUri.TrimEnd('/') + url.AbsolutePath);

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
