using System.Diagnostics;
using System.Globalization;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>Runs images through a feature extractor, batch by batch, and writes what comes out.</summary>
/// <remarks>
/// Each of several threads reads, computes and writes a batch of its own, with its share of the processors: so files are read while the
/// model runs, and less time is lost than where all threads meet after each operation.
/// </remarks>
internal sealed class Extraction(Extractor extractor, FeatureWriter writer)
{
    // What bounds the memory on machines with many processors: how many images are worked on at once, where that is more than two batches.
    private const int ImagesAtOnce = 32;

    private readonly Dictionary<string, (string Shape, string Type)> shapes = [];
    private readonly List<string> written = [];

    /// <summary>Lines between the steps of a progress bar on the same terminal would tear it.</summary>
    private static bool PrintsAtOnce => Console.IsErrorRedirected || Console.IsOutputRedirected;

    internal void Run(IReadOnlyList<InputImage> images, int batchSize, CancellationToken token)
    {
        var time = Stopwatch.StartNew();
        var batches = images.Chunk(batchSize)
            .Select((batch, number) =>
                (Name: batchSize == 1 ? batch[0].Name : BatchName(number, (images.Count - 1) / batchSize), Images: batch));
        var threads = get_num_threads();
        var workers = extractor.IsRecorded
            ? 1 : Math.Min(Math.Min(threads, (images.Count + batchSize - 1) / batchSize), Math.Max(2, ImagesAtOnce / batchSize));
        try
        {
            Terminal.WithProgress("images", images.Count,
                advance => InOrder.Run(batches, workers, batch => RunBatch(batch.Name, batch.Images, threads / workers, token), result =>
            {
                Take(result);
                advance(result.Images);
            }));
        }
        finally
        {
            set_num_threads(threads);
            if (!PrintsAtOnce)
                written.ForEach(Console.Out.WriteLine);
        }
        PrintSummary(images.Count, time.Elapsed);
    }

    private Written RunBatch(string name, InputImage[] images, int threads, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        // Both hold for the calling thread.
        set_num_threads(threads);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var input = torch.stack([.. images.Select(image => extractor.Preprocessing.call(io.read_image(image.Path)))]);
        using var features = extractor.Call(input);
        var tensors =
            (extractor.IsRecorded
                ? features.Keys : extractor.Nodes.Select(request => request.Key)).ToDictionary(key => key, key => TensorOf(features, key));
        token.ThrowIfCancellationRequested();
        var paths = writer.Write(name, tensors, [.. images.Select(image => image.Path)]);
        return new(images.Length, paths,
            tensors.ToDictionary(entry => entry.Key,
                entry => ($"[{string.Join(", ", entry.Value.shape)}]", entry.Value.dtype.ToString().ToLowerInvariant())));
    }

    private void Take(Written batch)
    {
        foreach (var path in batch.Paths)
        {
            written.Add(path);
            if (PrintsAtOnce)
                Console.Out.WriteLine(path);
        }
        foreach (var (key, shape) in batch.Shapes)
            shapes.TryAdd(key, shape);
    }

    private static Tensor TensorOf(Features features, string key) => (features.value<object>(key) as Tensor)?.contiguous()
        ?? throw new ToolException(
            $"The feature '{key}' is a {features.value<object>(key).GetType().Name}, not a tensor, so it can't be written to a file.");

    /// <summary>Numbers of equal length, so that any listing has the batches in order.</summary>
    private static string BatchName(int number, int last)
        => "batch-" + number.ToString(CultureInfo.InvariantCulture)
            .PadLeft(Math.Max(4, last.ToString(CultureInfo.InvariantCulture).Length), '0');

    private void PrintSummary(int images, TimeSpan time)
    {
        var table = Terminal.Table("key", "node", "shape of a batch", "type");
        foreach (var (name, key) in extractor.IsRecorded ? Recorded() : extractor.Nodes)
            table.AddRow(key, name, shapes[key].Shape, shapes[key].Type);
        Terminal.Messages.Write(table);
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{images} image{(images == 1 ? "" : "s")}, {written.Count} file{(written.Count == 1 ? "" : "s")}, {time.TotalSeconds:F1} s"));
    }

    /// <summary>The requests that the run came by; a pattern's names are their own keys.</summary>
    private ReturnNodes Recorded()
    {
        var names = extractor.Nodes.ToDictionary(request => request.Key, request => request.Name);
        return [.. shapes.Keys.Select(key => new ReturnNode(names.GetValueOrDefault(key, key), key))];
    }

    /// <param name="Images">How many there were.</param>
    /// <param name="Paths">The files.</param>
    /// <param name="Shapes">The shape and type of each feature.</param>
    private sealed record Written(int Images, IReadOnlyList<string> Paths, IReadOnlyDictionary<string, (string Shape, string Type)> Shapes);
}
