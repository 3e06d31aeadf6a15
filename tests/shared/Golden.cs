using System.Text.Json;

namespace TorchSharp.Fx.Testing;

/// <summary>The golden data beside the test executable; its README says where it comes from.</summary>
internal static class Golden
{
    private static readonly string folder = Path.Combine(AppContext.BaseDirectory, "data");

    public static string PathOf(params string[] parts) => Path.Combine([folder, .. parts]);

    public static bool Has(string kind, string model) => File.Exists(PathOf(kind, model + ".json"));

    public static JsonElement Json(params string[] parts)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(PathOf(parts)));
        return document.RootElement.Clone();
    }

    /// <summary>torchvision's node names of a model, in one mode.</summary>
    public static string[] NodeNames(string model, bool train)
    {
        var golden = Json("node_names", model + ".json");
        var names = train && golden.TryGetProperty("train", out var own) ? own : golden.GetProperty("eval");
        return [.. names.EnumerateArray().Select(name => name.GetString()!)];
    }

    public static long Parameters(string model) => Json("node_names", model + ".json").GetProperty("parameters").GetInt64();

    /// <summary>A state_dict's keys with shapes and dtypes as PyTorch spells them, in order.</summary>
    public static string[] StateDict(string model) =>
    [
        .. Json("state_dict", model + ".json").GetProperty("state_dict").EnumerateArray()
            .Select(row => $"{row[0].GetString()} [{string.Join(", ", row[1].EnumerateArray())}] {row[2].GetString()}"),
    ];

    /// <summary>The nodes whose values are known, with their statistics, and the input's shape.</summary>
    public static (long[] input, (string node, TensorStatistics expected)[] nodes) Features(string model)
    {
        var golden = Json("features", model + ".json");
        return ([.. golden.GetProperty("input").EnumerateArray().Select(size => size.GetInt64())],
            [.. golden.GetProperty("nodes").EnumerateObject().Select(node => (node.Name, TensorStatistics.Parse(node.Value)))]);
    }
}
