using System.Globalization;
using TorchSharp.Fx.Onnx.Format;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>The files beside a model that hold its large tensors. None outside of the model's own folder is opened.</summary>
internal sealed class ExternalFiles(string folder) : IDisposable
{
    private readonly Dictionary<string, FileStream> open = new(StringComparer.Ordinal);

    internal (Stream Stream, long Offset, long Length) Find(TensorProto tensor)
    {
        var told = tensor.ExternalData.DistinctBy(entry => entry.Key).ToDictionary(entry => entry.Key, entry => entry.Value,
            StringComparer.Ordinal);
        var file = Open(told.GetValueOrDefault("location", ""), tensor.Name);
        var offset = Number(told, "offset", 0, tensor.Name);
        var length = Number(told, "length", Math.Max(0, file.Length - offset), tensor.Name);
        return offset <= file.Length && length <= file.Length - offset ? (file, offset, length) : throw new InvalidDataException(
            $"the tensor '{tensor.Name}' is said to be {length} bytes from byte {offset} of '{Path.GetFileName(file.Name)}', which has "
                + $"{file.Length}");
    }

    public void Dispose()
    {
        foreach (var file in open.Values)
            file.Dispose();
    }

    private FileStream Open(string location, string tensor)
    {
        if (open.TryGetValue(location, out var known))
            return known;
        if (location.Length == 0 || location.Contains('\0', StringComparison.Ordinal))
            throw new InvalidDataException($"the tensor '{tensor}' is in another file, but the model does not say in which");
        var path = Path.GetFullPath(Path.Combine(folder, location));
        if (!IsBeside(path) || (File.Exists(path) && File.ResolveLinkTarget(path, returnFinalTarget: true) is { } target
            && !IsBeside(target.FullName)))
            throw new InvalidDataException(
                $"the tensor '{tensor}' is said to be in '{location}', outside of the model's folder. Put a copy of the file beside the "
                    + "model and name that");
        if (!File.Exists(path))
            throw new InvalidDataException($"the tensor '{tensor}' is in the file '{location}', which is not beside the model");
        return open[location] = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
    }

    private bool IsBeside(string path) => path.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar,
        StringComparison.Ordinal);

    private static long Number(Dictionary<string, string> told, string key, long preset, string tensor)
        => !told.TryGetValue(key, out var text) ? preset
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new InvalidDataException($"the tensor '{tensor}' has the {key} '{text}', which is no number of bytes");
}
