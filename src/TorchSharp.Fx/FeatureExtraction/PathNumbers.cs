namespace TorchSharp.Fx.FeatureExtraction;

/// <summary>Tells nodes of one path apart: <c>layer1.add</c>, <c>layer1.add_1</c>, <c>layer1.add_2</c>.</summary>
internal sealed class PathNumbers
{
    private readonly Dictionary<string, int> last = new(StringComparer.Ordinal);

    /// <summary>The name of the next node of a path; a number that the path ends in is taken off first.</summary>
    internal string Next(string path)
    {
        (path, _) = Namespace.SplitSuffix(path);
        if (!last.TryGetValue(path, out var index))
        {
            last[path] = 0;
            return path;
        }
        last[path] = index + 1;
        return $"{path}_{index + 1}";
    }
}
