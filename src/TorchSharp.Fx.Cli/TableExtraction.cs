using System.Diagnostics;
using System.Globalization;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary>Features of a whole data set in one table: a row an input, also for those that are broken.</summary>
internal static class TableExtraction
{
    private const int ErrorsShown = 3;

    /// <param name="extractor">The model.</param>
    /// <param name="source">The inputs.</param>
    /// <param name="path">The table to write.</param>
    /// <param name="options">Batches, and what a broken input does.</param>
    /// <param name="origin">What the table says of where it comes from.</param>
    /// <param name="mapsBeside">Whether maps go into files beside the table.</param>
    /// <param name="token">Ends it; the table is then not written.</param>
    /// <returns>The tool's exit code.</returns>
    internal static async Task<int> Run(Extractor extractor, DataSource source, string path, FeaturePipelineOptions options,
        IEnumerable<KeyValuePair<string, string>> origin, bool mapsBeside, CancellationToken token)
    {
        var time = Stopwatch.StartNew();
        var pipeline = extractor.Pipeline(options);
        var schema = new FeatureSchema(source.Columns, pipeline.Columns).RequireDistinct();
        var progress = new PipelineProgress(0, 0);
        var errors = new List<string>();
        var metadata = new Dictionary<string, string>([.. extractor.Identity(options), .. origin]);
        await Terminal.WithCount("images", report => TableFile.WriteAsync(path, mapsBeside, schema, metadata, async table =>
        {
            await foreach (var row in pipeline.RunAsync(source.ItemsAsync(token),
                new Told<PipelineProgress>(done => report((progress = done).Rows)), token))
            {
                table.Add(row);
                if (row.Error is not null && errors.Count < ErrorsShown)
                    errors.Add(row.Error);
            }
        }));
        Console.Out.WriteLine(path);
        PrintSummary(extractor, pipeline, progress, errors, time.Elapsed);
        return progress.Errors == 0 ? 0 : Tool.WithErrors;
    }

    private static void PrintSummary(Extractor extractor, FeaturePipeline pipeline, PipelineProgress progress, List<string> errors,
        TimeSpan time)
    {
        var names = extractor.Nodes.ToDictionary(node => node.Key, node => node.Name);
        var table = Terminal.Table("key", "node", "shape of a row", "type");
        foreach (var column in pipeline.Columns)
            table.AddRow(column.Key, names[column.Key], $"[{string.Join(", ", column.Shape)}]", TypeName(column.Type));
        Terminal.Messages.Write(table);
        errors.ForEach(Console.Error.WriteLine);
        if (progress.Errors > errors.Count)
            Console.Error.WriteLine("… and others: see the column 'error'.");
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{progress.Rows} image{(progress.Rows == 1 ? "" : "s")}, {progress.Errors} error{(progress.Errors == 1 ? "" : "s")}, "
                + $"{time.TotalSeconds:F1} s"));
    }

    private static string TypeName(Type type)
        => type == typeof(float) ? "float32" : type == typeof(Half) ? "float16" : type == typeof(double) ? "float64" : "int64";
}
