using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

namespace TorchSharp.Fx.Data;

/// <summary>The files of one shard, by their names in the job's store.</summary>
internal sealed record ShardFiles(JobStore Store, int Number)
{
    internal const string Shards = "shards", Parts = "parts", Leases = "leases";
    private const string DoneEnding = ".done.json", LeaseEnding = ".lease";

    private string Name => Number.ToString("D5", CultureInfo.InvariantCulture);

    internal string Manifest => $"{Shards}/shard-{Name}.parquet";

    /// <summary>The beginning of its results' names.</summary>
    internal string Part => $"{Parts}/part-{Name}";

    internal string Done => Part + DoneEnding;

    internal string Lease => $"{Leases}/shard-{Name}{LeaseEnding}";

    internal string Lock => $"{Leases}/shard-{Name}.lock";

    internal bool IsDone => Store.Exists(Done);

    /// <summary>The numbers of the shards that are done, by one look.</summary>
    internal static IEnumerable<int> AllDone(JobStore store) => Numbers(store, $"{Parts}/part-", DoneEnding);

    /// <summary>The numbers of those that have a lease.</summary>
    internal static IEnumerable<int> AllLeased(JobStore store) => Numbers(store, $"{Leases}/shard-", LeaseEnding);

    internal string PartOf(ShardOutcome outcome) => Store.PartOf(Part, outcome.Sha256);

    /// <summary>The record of its result; null where there is none yet.</summary>
    internal ShardOutcome? Outcome()
    {
        try
        {
            return Store.Read(Done) is { } text ? JsonSerializer.Deserialize<ShardOutcome>(text, ShardOutcome.Json) : null;
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"'{Store.PathOf(Done)}' is damaged ({error.Message}): delete it, and run the job again.",
                error);
        }
    }

    internal static async Task<string> HashOf(string path, CancellationToken cancellation)
    {
        using var stream = File.OpenRead(path);
        return await HashOf(stream, cancellation).ConfigureAwait(false);
    }

    internal static async Task<string> HashOf(Stream stream, CancellationToken cancellation)
        => Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellation).ConfigureAwait(false));

    private static IEnumerable<int> Numbers(JobStore store, string prefix, string ending)
    {
        foreach (var name in store.List(prefix).Where(name => name.EndsWith(ending, StringComparison.Ordinal)))
            if (int.TryParse(name.AsSpan()[prefix.Length..^ending.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                yield return number;
    }
}

/// <summary>The result of a finished shard.</summary>
/// <param name="Shard">The shard's number.</param>
/// <param name="Rows">The number of rows.</param>
/// <param name="Errors">The number of rows with an error.</param>
/// <param name="Sha256">The SHA-256 of the result file.</param>
/// <param name="Bytes">The length of the result file in bytes.</param>
/// <param name="Seconds">The computing time in seconds.</param>
/// <param name="Finished">The time when it was finished.</param>
/// <param name="Worker">The name of the worker that computed it.</param>
public sealed record ShardOutcome(int Shard, long Rows, long Errors, string Sha256, long Bytes, double Seconds, DateTime Finished,
    string Worker)
{
    internal static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web) { WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    internal Task WriteAsync(Stream stream) => JsonSerializer.SerializeAsync(stream, this, Json);
}
