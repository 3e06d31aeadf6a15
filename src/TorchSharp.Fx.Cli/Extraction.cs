using System.Diagnostics;
using System.Globalization;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>Runs images through a feature extractor, batch by batch, and writes what comes out.</summary>
internal sealed class Extraction(DualGraphModule extractor, nn.Module<Tensor, Tensor> preprocessing, FeatureWriter writer, ReturnNodes requested)
{
    private readonly Dictionary<string, (string Shape, string Type)> shapes = [];
    private readonly List<string> written = [];

    /// <summary>Lines between the steps of a progress bar on the same terminal would tear it.</summary>
    private static bool PrintsAtOnce => Console.IsErrorRedirected || Console.IsOutputRedirected;

    internal void Run(IReadOnlyList<InputImage> images, int batchSize, CancellationToken token)
    {
        var time = Stopwatch.StartNew();
        using var _ = no_grad();
        try
        {
            Terminal.WithProgress("images", images.Count, advance =>
            {
                foreach (var (number, batch) in images.Chunk(batchSize).Index())
                {
                    token.ThrowIfCancellationRequested();
                    RunBatch(batchSize == 1 ? batch[0].Name : BatchName(number, (images.Count - 1) / batchSize), batch, token);
                    advance(batch.Length);
                }
            });
        }
        finally
        {
            if (!PrintsAtOnce)
                written.ForEach(Console.Out.WriteLine);
        }
        PrintSummary(images.Count, time.Elapsed);
    }

    private void RunBatch(string name, InputImage[] images, CancellationToken token)
    {
        using var scope = NewDisposeScope();
        var input = torch.stack([.. images.Select(image => preprocessing.call(io.read_image(image.Path)))]);
        using var features = extractor.call(input);
        var tensors = requested.Select(request => request.Key).ToDictionary(key => key, key => TensorOf(features, key));
        token.ThrowIfCancellationRequested();
        foreach (var path in writer.Write(name, tensors, [.. images.Select(image => image.Path)]))
        {
            written.Add(path);
            if (PrintsAtOnce)
                Console.Out.WriteLine(path);
        }
        foreach (var (key, tensor) in tensors)
            shapes.TryAdd(key, ($"[{string.Join(", ", tensor.shape)}]", tensor.dtype.ToString().ToLowerInvariant()));
    }

    private static Tensor TensorOf(Features features, string key) => features.value<object>(key) as Tensor
        ?? throw new ToolException($"The feature '{key}' is a {features.value<object>(key).GetType().Name}, not a tensor, so it can't be written to a file.");

    /// <summary>Numbers of equal length, so that any listing has the batches in order.</summary>
    private static string BatchName(int number, int last)
        => "batch-" + number.ToString(CultureInfo.InvariantCulture).PadLeft(Math.Max(4, last.ToString(CultureInfo.InvariantCulture).Length), '0');

    private void PrintSummary(int images, TimeSpan time)
    {
        var table = Terminal.Table("key", "node", "shape of a batch", "type");
        foreach (var (name, key) in requested)
            table.AddRow(key, name, shapes[key].Shape, shapes[key].Type);
        Terminal.Messages.Write(table);
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{images} image{(images == 1 ? "" : "s")}, {written.Count} file{(written.Count == 1 ? "" : "s")}, {time.TotalSeconds:F1} s"));
    }
}
