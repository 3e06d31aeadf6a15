using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp.Fx.Data;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>Small pictures of a table's rows, found again where the table was made from, or where the user says.</summary>
internal sealed class TablePictures
{
    private const string Source = "source";
    private const long Side = 160;

    private readonly Option<string[]> images = new("--images")
    {
        Description = "For HTML: the inputs of 'extract' that the table was made from; by default where they were then.",
        HelpName = "INPUT",
        AllowMultipleArgumentsPerToken = true,
    };

    internal void AddTo(Command command) => command.Add(images);

    /// <summary>The metadata of a table about its origin.</summary>
    /// <param name="inputs">As the command line has them.</param>
    /// <param name="column">The column of manifests that has the paths.</param>
    internal static KeyValuePair<string, string> Metadata(IReadOnlyList<string> inputs, string? column) => new(Source, new JsonObject
    {
        ["inputs"] = new JsonArray([.. inputs.Select(input => (JsonNode)input)]),
        ["folder"] = Environment.CurrentDirectory,
        ["column"] = column,
    }.ToJsonString(Json.Plain));

    /// <summary>The pictures of some rows as <c>data:</c> addresses, by path; those that can't be read are left out.</summary>
    internal async Task<Dictionary<string, string>> Find(ParseResult parsed, FeatureVectors table, IEnumerable<string> paths,
        CancellationToken token)
    {
        var (wanted, found) = (paths.ToHashSet(StringComparer.Ordinal), new Dictionary<string, string>(StringComparer.Ordinal));
        var all = wanted.Count;
        var source = Open(parsed, table);
        using var loader = Loader();
        // The source may go on for long after the last.
        await using var items = source.ItemsAsync(token).GetAsyncEnumerator(token);
        while (wanted.Count > 0 && await items.MoveNextAsync())
            if (wanted.Remove(items.Current.Path) && await Encoded(loader, items.Current, token) is { } picture)
                found.Add(items.Current.Path, picture);
        if (found.Count < all)
            Console.Error.WriteLine($"{all - found.Count} of {all} pictures could not be found or read; --images says where they are.");
        return found;
    }

    /// <summary>The picture of a file.</summary>
    internal static async Task<string?> Of(string path, CancellationToken token)
    {
        using var loader = Loader();
        return await Encoded(loader, new(0, path, new StoredContent(new(Path.GetFullPath(path))), []), token);
    }

    private static ItemLoader Loader() => new(new() { Preprocess = Small });

    private static async Task<string?> Encoded(ItemLoader loader, DataItem item, CancellationToken token)
    {
        using var loaded = await loader.LoadAsync(item, token);
        return loaded.Tensor is null ? null : $"data:image/png;base64,{Convert.ToBase64String(io.encode_png(loaded.Tensor))}";
    }

    /// <summary>As high as all others, and no wider than twice that.</summary>
    private static Tensor Small(Tensor image)
        => transforms.resize(image, Side, Math.Clamp((long)Math.Round(Side * (double)image.shape[^1] / image.shape[^2]), 1, 2 * Side));

    private DataSource Open(ParseResult parsed, FeatureVectors table)
    {
        if (parsed.GetValue(images) is { Length: > 0 } given)
            return DataSource.Open(given);
        try
        {
            if (table.Metadata.TryGetValue(Source, out var text) && JsonNode.Parse(text) is { } source)
                return DataSource.Open([.. source["inputs"]!.AsArray().Select(input => (string)input!)],
                    new() { Folder = (string?)source["folder"], PathColumn = (string?)source["column"] });
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new ToolException($"The metadata '{Source}' of '{table.Path}' can't be read: say with --images where the pictures are.",
                error);
        }
        throw new ToolException($"'{table.Path}' does not say where its pictures are: give --images.") { IsWrongUsage = true };
    }
}
