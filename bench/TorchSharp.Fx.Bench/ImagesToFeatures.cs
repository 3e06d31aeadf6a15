using System.Diagnostics;
using System.Globalization;
using SkiaSharp;
using TorchSharp.Fx.Cli;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>
/// What reading images, preparing them and writing features costs <c>torchfx extract</c> beyond the model itself: the time of the whole against that of the extractor alone, called
/// again and again on tensors that are there, with all threads. They take turns, so that a busy machine is busy for both.
/// </summary>
internal static class ImagesToFeatures
{
    private const int Rounds = 3;

    // What extract may take for nine tenths of the model's throughput.
    private const double Most = 1 / 0.9;

    /// <param name="args">The model, resnet18 by default, and the number of images, 500 by default.</param>
    internal static int Run(string[] args)
    {
        foreach (var result in Goals(args.ElementAtOrDefault(0) ?? "resnet18", int.Parse(args.ElementAtOrDefault(1) ?? "500", CultureInfo.InvariantCulture)))
            Console.WriteLine(result);
        return 0;
    }

    internal static IReadOnlyList<GoalResult> Goals(string name, int count)
    {
        TensorMemory.KeepFreed();
        var folder = Directory.CreateTempSubdirectory("torchfx-images-");
        try
        {
            Make(folder.FullName, count);
            var images = InputImages.Find([folder.FullName]);
            return Compare(name, images, folder.CreateSubdirectory("features").FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static List<GoalResult> Compare(string name, IReadOnlyList<InputImage> images, string folder)
    {
        using var noGrad = no_grad();
        using var model = models.get_model(name);
        model.eval();
        using var preprocessing = new ImageClassification(224);
        PrintParts(images, preprocessing);
        var node = feature_extraction.feature_info(model, [InputShape.Parse("1x3x224x224")]).embedding!.name;
        using var plain = feature_extraction.create_feature_extractor(model, [node]);
        using var optimised = plain.optimize_for_inference();
        var results = new List<GoalResult>();
        foreach (var (kind, extractor) in new[] { ("plain", plain), ("optimised", optimised) })
            foreach (var batch in new[] { 1, 8 })
            {
                // Disposed by the usings above, not by this.
                var features = new Extractor(name, new(model, () => preprocessing, Cli.Weights.Random), preprocessing, input => extractor.call(input), [node]);
                var extraction = new Extraction(features, FeatureWriter.Create("safetensors", folder, new Dictionary<string, string>()));
                using var input = rand(batch, 3, 224, 224);
                var (alone, whole) = Measure(() => Alone(extractor, input, images.Count), () => Silently(() => extraction.Run(images, batch, CancellationToken.None)));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind}, batch {batch}: alone {images.Count / alone[0]:F1} images/s, extract {images.Count / whole[0]:F1}"));
                results.Add(new($"{images.Count} JPEGs to features, {name}, {kind}, batch {batch}, threads {get_num_threads()}", "extract : the model alone", Most, whole[Rounds / 2] / alone[Rounds / 2], whole[0] / alone[0]));
            }
        return results;
    }

    /// <summary>The time of each part for one image, in ms, with one thread.</summary>
    private static void PrintParts(IReadOnlyList<InputImage> images, ImageClassification preprocessing)
    {
        var threads = get_num_threads();
        set_num_threads(1);
        var (decoding, preparing) = (new List<double>(), new List<double>());
        foreach (var path in images.Select(image => image.Path))
        {
            var start = Stopwatch.GetTimestamp();
            using var image = io.read_image(path);
            decoding.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            start = Stopwatch.GetTimestamp();
            preprocessing.call(image).Dispose();
            preparing.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        set_num_threads(threads);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"an image of {images.Average(image => new FileInfo(image.Path).Length) / 1e3:F0} kB, one thread: decoding {decoding.Order().ElementAt(images.Count / 2):F2} ms, preparing {preparing.Order().ElementAt(images.Count / 2):F2} ms"));
    }

    /// <summary>Seconds, in order, of both taking turns; the first turn warms up.</summary>
    private static (double[] First, double[] Second) Measure(Action first, Action second)
    {
        var times = (First: new List<double>(), Second: new List<double>());
        for (var round = 0; round <= Rounds; round++)
        {
            times.First.Add(Seconds(first));
            times.Second.Add(Seconds(second));
        }
        return ([.. times.First.Skip(1).Order()], [.. times.Second.Skip(1).Order()]);
    }

    private static double Seconds(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void Alone(DualGraphModule extractor, Tensor input, int count)
    {
        for (var done = 0L; done < count; done += input.shape[0])
            extractor.call(input).Dispose();
    }

    /// <summary>The command prints the path of each file.</summary>
    private static void Silently(Action action)
    {
        var (output, messages) = (Console.Out, Console.Error);
        Console.SetOut(TextWriter.Null);
        Console.SetError(TextWriter.Null);
        action();
        Console.SetOut(output);
        Console.SetError(messages);
    }

    /// <summary>Parts of photographs, enlarged, with some grain, which makes the files as large as a camera's of this size.</summary>
    internal static void Make(string folder, int count)
    {
        var random = new Random(1);
        var photographs = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "images")).Order().Select(SKBitmap.Decode).ToArray();
        for (var i = 0; i < count; i++)
        {
            var photograph = photographs[i % photographs.Length];
            var height = (int)(Math.Min(photograph.Height, photograph.Width * 3 / 4) * (0.7 + 0.3 * random.NextDouble()));
            var (left, top) = (random.Next(photograph.Width - height * 4 / 3 + 1), random.Next(photograph.Height - height + 1));
            using var part = new SKBitmap(640, 480);
            using (var canvas = new SKCanvas(part))
            using (var image = SKImage.FromBitmap(photograph))
            {
                canvas.DrawImage(image, SKRect.Create(left, top, height * 4f / 3, height), new SKRect(0, 0, part.Width, part.Height), new SKSamplingOptions(SKCubicResampler.Mitchell));
            }
            foreach (ref var level in part.GetPixelSpan())
                level = (byte)Math.Clamp(level + random.Next(-5, 6), 0, 255);
            using var data = part.Encode(SKEncodedImageFormat.Jpeg, 90);
            File.WriteAllBytes(Path.Combine(folder, $"{i:D4}.jpg"), data.ToArray());
        }
    }
}
