using System.Globalization;
using System.Text.Json;

namespace TorchSharp.Fx.Bench;

/// <summary>What one peer of <c>torchfx bench</c> may take of another's time or memory.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Against">The other.</param>
/// <param name="Most">The largest ratio.</param>
/// <param name="Batch">The batch size that it is for; null for all.</param>
/// <param name="IsMemory">Whether it is about peak memory instead of time.</param>
internal sealed record PeerLimit(string Peer, string Against, double Most, int? Batch = null, bool IsMemory = false);

/// <summary>A run of <c>torchfx bench</c> and what is expected of it.</summary>
/// <param name="Name">The name of the file with its results.</param>
/// <param name="Work">What it does.</param>
/// <param name="Arguments">Its command line.</param>
/// <param name="Limits">What is expected.</param>
internal sealed record SideBySide(string Name, string Work, string[] Arguments, params PeerLimit[] Limits)
{
    internal IEnumerable<GoalResult> Run(InstalledTool tool, string folder, IEnumerable<string> options)
    {
        var file = Path.Combine(folder, Name + ".json");
        if (!tool.Run(quiet: false, ["bench", .. Arguments, .. options, "--json", file]).HasSucceeded)
            return Limits.Select(limit => new GoalResult(Work, Measure(limit), limit.Most, double.NaN, null));
        using var json = JsonDocument.Parse(File.ReadAllText(file));
        var rows = json.RootElement.GetProperty("results").EnumerateArray().Select(row => row.Clone()).ToArray();
        return [.. from limit in Limits
                   from row in rows.Where(row => Peer(row) == limit.Peer && (limit.Batch ?? Number(row, "batch")) == Number(row, "batch"))
                   let other = rows.Single(other => Peer(other) == limit.Against && Number(other, "batch") == Number(row, "batch") && Number(other, "threads") == Number(row, "threads"))
                   select Compare(limit, row, other)];
    }

    private GoalResult Compare(PeerLimit limit, JsonElement row, JsonElement other)
    {
        var work = string.Create(CultureInfo.InvariantCulture, $"{Work}, batch {Number(row, "batch")}, threads {Number(row, "threads")}");
        return limit.IsMemory
            ? new(work, Measure(limit), limit.Most, Ratio("peak_mb"), null)
            : new(work, Measure(limit), limit.Most, Ratio("median_ms"), Ratio("min_ms"));

        double Ratio(string name) => Number(row, name) / Number(other, name);
    }

    private static string Measure(PeerLimit limit) => $"{limit.Peer} : {limit.Against}{(limit.IsMemory ? ", peak memory" : "")}";

    private static string Peer(JsonElement row) => row.GetProperty("peer").GetString()!;

    private static double Number(JsonElement row, string name) => row.GetProperty(name).GetDouble();
}
