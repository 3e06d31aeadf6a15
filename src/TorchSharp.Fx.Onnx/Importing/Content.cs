using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>The modules and tensors of a graph that is built, each under a path of its own.</summary>
internal sealed class Content
{
    private readonly Dictionary<string, object> items = new(StringComparer.Ordinal);
    private readonly HashSet<string> levels = new(StringComparer.Ordinal);
    private readonly Dictionary<Weight, string> paths = [];

    internal IEnumerable<KeyValuePair<string, object>> Items => items;

    /// <summary>The path of a tensor, put there when it is first asked for. A layer's own weight is found in that.</summary>
    internal string Add(Weight weight)
    {
        if (paths.TryGetValue(weight, out var known))
            return known;
        var path = Free(Path(weight.Name));
        Put(path, weight.Registered);
        return paths[weight] = path;
    }

    /// <summary>Puts a module at a path, or near it where that is taken.</summary>
    internal string Add(string path, nn.Module module)
    {
        path = Free(Path(path));
        Put(path, module);
        return path;
    }

    /// <summary>Letters, digits and underscores, with dots between the levels.</summary>
    internal static string Path(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var letter in name)
            text.Append(char.IsAsciiLetterOrDigit(letter) || letter is '_' ? letter : letter is '.' or '/' ? '.' : '_');
        return string.Join('.', text.ToString().Split('.', StringSplitOptions.RemoveEmptyEntries)) is { Length: > 0 } path ? path : "_";
    }

    private void Put(string path, object item)
    {
        items.Add(path, item);
        for (var at = path.IndexOf('.', StringComparison.Ordinal); at >= 0; at = path.IndexOf('.', at + 1))
            levels.Add(path[..at]);
    }

    /// <summary>A path at which nothing is, that leads through nothing, and that nothing leads through.</summary>
    private string Free(string path)
    {
        for (var at = path.IndexOf('.', StringComparison.Ordinal); at >= 0; at = path.IndexOf('.', at + 1))
            if (items.ContainsKey(path[..at]))
                path = path[..at] + "_" + path[(at + 1)..];
        var (free, number) = (path, 0);
        while (items.ContainsKey(free) || levels.Contains(free))
            free = $"{path}_{++number}";
        return free;
    }
}
