using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>
/// Images whose size changes from call to call: the optimised graph of resnet50's stages and ONNX Runtime on the export take turns in one process, on the same
/// image. Sizes never seen before cost the making of kernels; eight that come again don't.
/// </summary>
internal static class Sizes
{
    private const int Least = 200, Most = 420, Known = 8;

    /// <param name="words">How many sizes of each kind are measured, 120 where there is none.</param>
    internal static void Run(string[] words)
    {
        var count = words is [var word] ? int.Parse(word, CultureInfo.InvariantCulture) : 120;
        using var mode = no_grad();
        random.manual_seed(0);
        using var model = models.resnet50();
        model.eval();
        using var stages = feature_extraction.create_feature_extractor(model, ["layer1", "layer2", "layer3", "layer4"]);
        using var fast = stages.optimize_for_inference();
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var file = Path.Combine(folder.FullName, "stages.onnx");
            using (var example = rand(1, 3, 224, 224))
                Onnx.onnx.export(stages, file, [example], ["x"],
                    new Dictionary<string, IReadOnlyDictionary<int, string>> { ["x"] = new Dictionary<int, string> { [2] = "height", [3] = "width" } });
            Console.WriteLine("threads sizes | ms of optimised, ONNX Runtime | ratios of medians, of processor time");
            var most = get_num_threads();
            foreach (var threads in new[] { 1, most }.Distinct())
            {
                set_num_threads(threads);
                using var settings = new SessionOptions { IntraOpNumThreads = threads, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
                using var session = new InferenceSession(file, settings);
                var order = new Random(threads);
                (long, long)[] fresh = [.. Enumerable.Range(0, count).Select(_ => ((long)order.Next(Least, Most), (long)order.Next(Least, Most)))];
                (long, long)[] again = [.. Enumerable.Range(0, count).Select(i => fresh[i % Known])];
                Report(threads, "fresh", Measure(fast, session, fresh, warmUp: 10));
                Report(threads, "again", Measure(fast, session, again, warmUp: 3 * Known));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The times and the processor times of both, in ms.</summary>
    private static (List<double> Time, List<double> Busy)[] Measure(
        DualGraphModule<Tensor> fast, InferenceSession session, (long Height, long Width)[] sizes, int warmUp)
    {
        var measured = new (List<double> Time, List<double> Busy)[] { ([], []), ([], []) };
        using var options = new RunOptions();
        foreach (var (turn, (height, width)) in sizes.Index())
        {
            using var image = rand(1, 3, height, width);
            using var value = OrtValue.CreateTensorValueFromMemory(image.data<float>().ToArray(), image.shape);
            var inputs = new Dictionary<string, OrtValue> { ["x"] = value };
            foreach (var (i, run) in new Func<IDisposable>[] { () => fast.call(image), () => session.Run(options, inputs, session.OutputNames) }.Index())
            {
                // Threads of the last one that still spin aren't to count.
                Thread.Sleep(50);
                var (watch, before) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
                run().Dispose();
                if (turn < warmUp)
                    continue;
                measured[i].Time.Add(watch.Elapsed.TotalMilliseconds);
                measured[i].Busy.Add((Environment.CpuUsage.TotalTime - before).TotalMilliseconds);
            }
        }
        return measured;
    }

    private static void Report(int threads, string sizes, (List<double> Time, List<double> Busy)[] measured)
    {
        var (ours, theirs) = (measured[0], measured[1]);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{threads} {sizes} | {Median(ours.Time):F1}, {Median(theirs.Time):F1} | {Median(ours.Time) / Median(theirs.Time):F2} {ours.Busy.Sum() / theirs.Busy.Sum():F2}"));

        static double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);
    }
}
