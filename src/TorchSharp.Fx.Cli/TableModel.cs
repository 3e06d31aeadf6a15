using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary>The model that a table of features was made with, built anew to compute the same of other images.</summary>
internal static class TableModel
{
    // Others change the last digits at most.
    private static readonly string[] Decisive = ["weights_sha256", "nodes", "preprocessing"];

    /// <summary>The metadata of a table about how to build its model.</summary>
    /// <param name="arguments">The command line of the model.</param>
    internal static KeyValuePair<string, string> Metadata(string[] arguments)
        => new(JobModel.Arguments, JsonSerializer.Serialize(arguments, Json.Plain));

    /// <summary>The features of an image under the table's key.</summary>
    /// <param name="table">The table.</param>
    /// <param name="model">The model where the user names it; null for the one that the table names.</param>
    /// <param name="image">The image's path.</param>
    /// <param name="token">Ends it.</param>
    internal static async Task<float[]> Features(FeatureVectors table, string? model, string image, CancellationToken token)
    {
        if (!File.Exists(image))
            throw new ToolException($"There is no file '{image}'.");
        using var built = JobModel.Build(Arguments(table, model), isHalf: false);
        built.RequireMade($"table '{table.Path}'", "table", Decisive.ToDictionary(name => name, table.Metadata.GetValueOrDefault));
        var place = built.Pipeline.Columns.Index().First(column => column.Item.Key == table.Key).Index;
        await foreach (var row in built.Pipeline.RunAsync(DataSource.Open([image]).ItemsAsync(token), cancellation: token))
            return row.Error is null ? [.. row.Features[place].Elements.Cast<object>().Select(Convert.ToSingle)]
                : throw new ToolException(row.Error);
        throw new ToolException($"'{image}' is no image.");
    }

    private static string[] Arguments(FeatureVectors table, string? model)
    {
        if (!table.Metadata.TryGetValue(JobModel.Arguments, out var text))
            throw new ToolException(
                $"'{table.Path}' does not say how its model is built, so no image can be compared with it: search for one of its rows "
                    + "(--row, --path), or write the table anew with 'torchfx extract'.");
        string[] arguments;
        try
        {
            arguments = [.. JsonNode.Parse(text)!.AsArray().Select(argument => (string)argument!)];
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new ToolException(
                $"The metadata '{JobModel.Arguments}' of '{table.Path}' can't be read: search for one of its rows (--row, --path).", error);
        }
        if (arguments is not [var made, ..])
            throw new ToolException($"The metadata '{JobModel.Arguments}' of '{table.Path}' names no model.");
        if (model is null && ModelAssembly.Named(made) is not null)
            throw new ToolException(
                $"The table '{table.Path}' was made with '{made}', code of an assembly, which is not run because a file says so: name it "
                    + "yourself with --model.") { IsWrongUsage = true };
        return [model ?? made, .. arguments[1..]];
    }
}
