using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>
/// Detectors, which take a list of images and find any number of boxes: the hand-written module, its optimised graph and ONNX Runtime on the export take turns
/// in one process, each with the same number of threads. What counts is the ratio of the medians to ONNX Runtime's, on a busy machine that of processor time.
/// </summary>
internal static class Detectors
{
    private static readonly (long Height, long Width)[] sizes = [(480, 640), (427, 640)];

    /// <param name="words">Names of models, of the two that have a goal where there are none; numbers are turns, 9 where there is none.</param>
    internal static void Run(string[] words)
    {
        var rounds = words.Select(word => int.TryParse(word, out var number) ? number : 0).Append(0).Max() is > 0 and var given ? given : 9;
        string[] names = [.. words.Where(word => !int.TryParse(word, out _))];
        Console.WriteLine("model images boxes | ms of eager, optimised, ONNX Runtime | ms of processor time | optimised : ONNX Runtime, by both");
        foreach (var name in names.Length > 0 ? names : ["fasterrcnn_resnet50_fpn", "ssdlite320_mobilenet_v3_large"])
            foreach (var count in new[] { 1, 2 })
                Measure(name, count, rounds);
    }

    private static void Measure(string name, int count, int rounds)
    {
        using var mode = no_grad();
        manual_seed(0);
        using var model = (DetectionModel)models.get_model(name);
        model.eval();
        List<Tensor> images = [.. sizes.Take(count).Select(size => rand(3, size.Height, size.Width))];
        using var traced = fx.symbolic_trace(model, example_inputs: [images], suppress_trace_warning: true);
        using var fast = traced.optimize_for_inference();
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var file = Path.Combine(folder.FullName, "detector.onnx");
            Onnx.onnx.export(traced, file, [images]);
            using var settings = new SessionOptions { IntraOpNumThreads = get_num_threads(), LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
            using var session = new InferenceSession(file, settings);
            var inputs = session.InputMetadata.Keys.Zip(images, (key, image) => (key, Value: OrtValue.CreateTensorValueFromMemory(image.data<float>().ToArray(), image.shape)))
                .ToDictionary(input => input.key, input => input.Value);
            using var options = new RunOptions();
            Report(name, model, fast, images, () => session.Run(options, inputs, session.OutputNames), rounds);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Report(string name, DetectionModel model, GraphModule<List<Tensor>, List<Dictionary<string, Tensor>>> fast, List<Tensor> images,
        Func<IDisposableReadOnlyCollection<OrtValue>> onnx, int rounds)
    {
        var found = 0L;
        var (times, busy) = (new List<double>[] { [], [], [] }, new List<double>[] { [], [], [] });
        for (var round = -2; round < rounds; round++)
            foreach (var (i, turn) in new Action[] { () => found = Found(model, images), () => Found(fast, images), () => onnx().Dispose() }.Index())
            {
                // Threads of the last one that still spin aren't to count.
                Thread.Sleep(50);
                var (watch, before) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
                turn();
                if (round < 0)
                    continue;
                times[i].Add(watch.Elapsed.TotalMilliseconds);
                busy[i].Add((Environment.CpuUsage.TotalTime - before).TotalMilliseconds);
            }
        var (wall, processor) = (Medians(times), Medians(busy));
        Console.WriteLine($"{name} {images.Count} {found} | {Told(wall)} | {Told(processor)} | {wall[1] / wall[2]:F2} {processor[1] / processor[2]:F2}");

        static double[] Medians(List<double>[] times) => [.. times.Select(list => list.Order().ElementAt(list.Count / 2))];

        static string Told(double[] times) => string.Join(", ", times.Select(time => time.ToString("F0")));
    }

    private static long Found(nn.Module<List<Tensor>, List<Dictionary<string, Tensor>>> model, List<Tensor> images)
    {
        using var scope = NewDisposeScope();
        return model.call(images).Sum(image => image["boxes"].shape[0]);
    }
}
