using System.Diagnostics;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>
/// resnet50 in eval mode without gradients: the hand-written module within a dispose scope, as a careful user calls it, and its compiled graph. They take
/// turns, so that a busy machine is busy for both; what counts is the ratio of the medians.
/// </summary>
internal static class Comparison
{
    private const int Rounds = 15;

    internal static void Run()
    {
        using var noGrad = no_grad();
        using var model = models.resnet50();
        model.eval();
        using var traced = fx.symbolic_trace(model);
        using var extractor = feature_extraction.create_feature_extractor(model, ["layer1", "layer2", "layer3", "layer4"]);
        Console.WriteLine("threads batch   eager ms   compiled ms  ratio   4 stages ms  ratio");
        foreach (var threads in new[] { 1, 2 })
            foreach (var batch in new[] { 1, 16 })
            {
                set_num_threads(threads);
                using var input = rand(batch, 3, 224, 224);
                var times = Measure(() => Eager(model, input), () => traced.call(input).Dispose(), () => extractor.call(input).Dispose());
                Console.WriteLine($"{threads,7} {batch,5} {times[0],10:F1} {times[1],13:F1} {times[1] / times[0],6:F2} {times[2],13:F1} {times[2] / times[0],6:F2}");
            }
    }

    private static void Eager(ResNet model, Tensor input)
    {
        using var scope = NewDisposeScope();
        model.call(input);
    }

    /// <summary>The median of each contender's times in ms.</summary>
    private static double[] Measure(params Action[] contenders)
    {
        var times = contenders.Select(_ => new List<double>()).ToArray();
        for (var round = -2; round < Rounds; round++)
            for (var i = 0; i < contenders.Length; i++)
            {
                var watch = Stopwatch.StartNew();
                contenders[i]();
                if (round >= 0)
                    times[i].Add(watch.Elapsed.TotalMilliseconds);
            }
        return [.. times.Select(list => list.Order().ElementAt(Rounds / 2))];
    }
}
