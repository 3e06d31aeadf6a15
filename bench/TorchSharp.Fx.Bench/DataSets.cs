using System.Diagnostics;
using System.Globalization;
using TorchSharp.Fx.Data;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>
/// What a data set's features cost beyond the model: JPEG files to a Parquet table against the model called again and again on tensors that are there, with all threads.
/// Both take turns, some images each, so that a busy machine is busy for both; processor time is told besides, which other programs change little.
/// </summary>
internal static class DataSets
{
    private const int Batch = 8;

    /// <param name="args">The number of images, 900 by default; the model, resnet18 by default; and the number of turns, 9 by default.</param>
    internal static async Task<int> Run(string[] args)
    {
        TensorMemory.KeepFreed();
        var (count, turns) = (Number(args.ElementAtOrDefault(0) ?? "900"), Number(args.ElementAtOrDefault(2) ?? "9"));
        var folder = Directory.CreateTempSubdirectory("torchfx-images-");
        try
        {
            ImagesToFeatures.Make(folder.FullName, Math.Max(Batch, count / turns));
            await Compare(args.ElementAtOrDefault(1) ?? "resnet18", folder.FullName, turns);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
        return 0;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static async Task Compare(string name, string folder, int turns)
    {
        using var noGrad = no_grad();
        using var model = models.get_model(name);
        model.eval();
        using var preprocessing = new ImageClassification(224);
        var node = feature_extraction.feature_info(model, [InputShape.Parse("1x3x224x224")]).embedding!.name;
        using var plain = feature_extraction.create_feature_extractor(model, [node]);
        using var optimised = plain.optimize_for_inference();
        using var input = rand(Batch, 3, 224, 224);
        var (images, threads) = (Directory.GetFiles(folder).Length, get_num_threads());
        foreach (var (kind, extractor) in new[] { ("plain", plain), ("optimised", optimised) })
        {
            var pipeline = Pipeline(image => extractor.call(image), preprocessing.call, rand(3, 224, 224));
            var (wall, processor, milliseconds) = (new List<double>(), new List<double>(), new List<double>());
            for (var turn = 0; turn <= turns; turn++)
            {
                var alone = await Cost(() =>
                {
                    // Each thread has a number of its own.
                    set_num_threads(threads);
                    for (var done = 0; done < images; done += Batch)
                        extractor.call(input).Dispose();
                    return Task.CompletedTask;
                });
                var whole = await Cost(() => Write(pipeline, DataSource.Open([folder]), Path.Combine(Path.GetTempPath(), $"torchfx-{Environment.ProcessId}.parquet")));
                // The first turn warms up.
                if (turn > 0)
                {
                    wall.Add(alone.Wall / whole.Wall);
                    processor.Add(alone.Processor / whole.Processor);
                    milliseconds.Add(1000 * whole.Processor / images);
                }
            }
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name}, {kind}, batch {Batch}, threads {threads}, {turns} turns of {images} images: throughput {Median(wall):F2} of the model's own ({wall.Min():F2} to {wall.Max():F2}), by processor time {Median(processor):F2} ({processor.Min():F2} to {processor.Max():F2}), {Median(milliseconds):F1} ms of it an image"));
        }
    }

    private static FeaturePipeline Pipeline(Func<Tensor, IReadOnlyDictionary<string, Tensor>> extract, Func<Tensor, Tensor> preprocess, Tensor example)
    {
        using (example)
            return new(extract, example, new() { BatchSize = Batch, Preprocess = preprocess });
    }

    private static async Task Write(FeaturePipeline pipeline, DataSource source, string path)
    {
        using (var stream = File.Create(path))
        using (var table = new FeatureTableWriter(stream, new([], pipeline.Columns), new Dictionary<string, string>()))
        {
            await foreach (var row in pipeline.RunAsync(source.ItemsAsync()))
                table.Add(row.Error is null ? row : throw new InvalidDataException(row.Error));
            table.Complete();
        }
        File.Delete(path);
    }

    private static async Task<(double Wall, double Processor)> Cost(Func<Task> act)
    {
        using var self = Process.GetCurrentProcess();
        var (start, before) = (Stopwatch.GetTimestamp(), self.TotalProcessorTime);
        await act();
        self.Refresh();
        return (Stopwatch.GetElapsedTime(start).TotalSeconds, (self.TotalProcessorTime - before).TotalSeconds);
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
