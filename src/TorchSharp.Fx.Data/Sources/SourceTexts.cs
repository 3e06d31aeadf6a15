using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Data;

/// <summary>The sources that the texts of a command line stand for.</summary>
internal static class SourceTexts
{
    /// <summary>The endings of files that folders and archives are searched for.</summary>
    internal static readonly IReadOnlyList<string> ImageEndings = [".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp"];

    private static readonly string[] TarEndings = [".tar", ".tar.gz", ".tgz"];

    internal static bool IsImage(string path) => ImageEndings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    internal static bool IsCompressed(string path) => Ends(path, ".gz") || Ends(path, ".tgz");

    internal static bool Ends(string path, string ending) => path.EndsWith(ending, StringComparison.OrdinalIgnoreCase);

    internal static DataSource Open(string input, string prefix, DataSourceOptions options)
    {
        if (ContentLocation.AddressOf(input) is { } address)
            return address.Scheme == S3.Scheme && !IsFile(input) ? new S3Source(input, prefix) : OfFile(input, input, prefix, options);
        if (Directory.Exists(input))
            return new FolderSource(Path.GetFullPath(input), prefix,
                IsImage, $"The folder '{input}' has no images ({string.Join(", ", ImageEndings)}), nor have the folders inside.");
        if (File.Exists(input))
            return OfFile(input, Path.GetFullPath(input), prefix, options);
        return IsPattern(input) ? Matching(input, prefix)
            : throw new FileNotFoundException($"There is no file or folder '{input}'.", input);
    }

    /// <summary>Whether an address in a store is an object by its ending; any other is what keys begin with.</summary>
    private static bool IsFile(string address) => IsImage(address) || TarEndings.Any(ending => Ends(address, ending))
        || Ends(address, ".zip") || Manifest.Reads(address);

    private static DataSource OfFile(string input, string location, string prefix, DataSourceOptions options)
        => TarEndings.Any(ending => Ends(input, ending)) ? new TarSource(location, prefix)
        : Ends(input, ".zip") ? new ZipSource(location, prefix)
        : Manifest.Reads(input) ? new ManifestSource(location, options.PathColumn)
        : new FileSource(location, prefix.Length > 0 ? prefix[..^1] : Path.GetFileName(input));

    /// <summary>The beginning of the paths of one of several inputs.</summary>
    internal static string Prefix(string input)
    {
        if (ContentLocation.AddressOf(input) is not null)
            return input.TrimEnd('/') + "/";
        var text = IsPattern(input) && !Path.Exists(input) ? Fixed(input).Folder : input;
        // What leads upwards or from the root is no part of a relative path.
        var parts = text.Replace('\\', '/').Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part is not "." and not "..");
        return string.Concat(parts.Select(part => part + "/"));
    }

    /// <summary>Refuses a file that two inputs give; the same pattern twice too.</summary>
    internal static void RequireDistinct(IReadOnlyList<string> inputs)
    {
        if (inputs.Count == 0)
            throw new ArgumentException("There are no inputs: name files, folders, archives or manifests.", nameof(inputs));
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        var prefixes = new HashSet<string>(StringComparer.Ordinal);
        foreach (var input in inputs)
        {
            var full = ContentLocation.AddressOf(input) is null ? Path.TrimEndingDirectorySeparator(Path.GetFullPath(input)) : input;
            if (!seen.TryAdd(full, input))
                throw new ArgumentException($"The input '{input}' is given twice.", nameof(inputs));
            if (!prefixes.Add(Prefix(input)) && inputs.Count > 1 && !Manifest.Reads(input))
                throw new ArgumentException(
                    $"The paths of '{input}' would begin like those of another input: name the folder above both instead.", nameof(inputs));
        }
        foreach (var (full, input) in seen)
            for (var above = Path.GetDirectoryName(full); above is not null; above = Path.GetDirectoryName(above))
                if (seen.TryGetValue(above, out var outer) && Directory.Exists(above))
                    throw new ArgumentException($"The input '{input}' lies in '{outer}', which is given too.", nameof(inputs));
    }

    private static bool IsPattern(string input) => input.AsSpan().IndexOfAny('*', '?') >= 0;

    /// <summary>The folder before the first part that has a wildcard, and the rest.</summary>
    private static (string Folder, string Pattern) Fixed(string input)
    {
        var parts = input.Replace('\\', '/').Split('/');
        var first = Array.FindIndex(parts, IsPattern);
        var folder = string.Join('/', parts[..first]);
        return (first > 0 && folder.Length == 0 ? "/" : folder.Length == 0 ? "." : folder, string.Join('/', parts[first..]));
    }

    private static FolderSource Matching(string input, string prefix)
    {
        var (folder, pattern) = Fixed(input);
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"There is no folder '{folder}' to look for '{pattern}' in.");
        var expression = new Regex(Expression(pattern), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
        return new(Path.GetFullPath(folder), prefix, expression.IsMatch, $"No file matches '{input}'.");
    }

    /// <summary><c>*</c> is any letters of one name, <c>?</c> one of them, <c>**</c> any folders.</summary>
    private static string Expression(string pattern)
        => $"^{Regex.Escape(pattern).Replace(@"\*\*/", "(.+/)?", StringComparison.Ordinal).Replace(@"\*", "[^/]*", StringComparison.Ordinal).Replace(@"\?", "[^/]", StringComparison.Ordinal)}$";
}
