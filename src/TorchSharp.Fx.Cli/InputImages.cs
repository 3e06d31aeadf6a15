using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary>An image to read.</summary>
/// <param name="Path">Where it is, as the command line leads there.</param>
/// <param name="Name">A name for what is made of it, unique in one run.</param>
internal sealed record InputImage(string Path, string Name);

/// <summary>The images that files and folders stand for, always in the same order.</summary>
/// <remarks>
/// Inputs come in the order of the command line. A folder stands for every image in it and in the folders inside, in natural order (2.png
/// before 10.png); files of other kinds and hidden ones are passed over. A file given by itself is always read, whatever its name.
/// </remarks>
internal static class InputImages
{
    private static readonly EnumerationOptions Recursively =
        new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.Hidden | FileAttributes.System };

    internal static IReadOnlyList<InputImage> Find(IEnumerable<string> inputs)
    {
        var taken = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        return [.. inputs.SelectMany(Expand).Select(path => new InputImage(path, Unique(path, taken)))];
    }

    private static IEnumerable<string> Expand(string input)
    {
        if (File.Exists(input))
            return [input];
        if (!Directory.Exists(input))
            throw new ToolException($"There is no file or folder '{input}'.");
        string[] found =
            [.. Directory.EnumerateFiles(input, "*", Recursively).Where(IsImage)
                .OrderBy(path => Path.GetRelativePath(input, path), NaturalOrder.Comparer)];
        return found.Length > 0
            ? found : throw new ToolException(
                $"The folder '{input}' has no images ({string.Join(", ", SourceTexts.ImageEndings)}), nor have the folders inside.");
    }

    private static bool IsImage(string path)
        => SourceTexts.ImageEndings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>The file's name without its extension; with it where that is taken, then with a number.</summary>
    private static string Unique(string path, HashSet<string> taken)
    {
        var name = Path.GetFileName(path);
        return Enumerable.Range(2, int.MaxValue - 2).Select(i => $"{name}-{i}").Prepend(name)
            .Prepend(Path.GetFileNameWithoutExtension(path)).First(taken.Add);
    }
}
