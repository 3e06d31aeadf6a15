using System.Diagnostics;
using Generate;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>
/// Tokens of the Generate sample's language model, one after the other: the module itself, its graph of a step, and the optimised graph. They take turns, each
/// round begun by the next of them, and what counts is the median over the rounds of the ratio within one. The prompt, seven tokens, goes through the module's graph of a prompt in all three, and is not timed.
/// </summary>
internal static class Decoding
{
    private const int Rounds = 31;
    private const int Steps = 64;

    internal static void Run()
    {
        using var noGrad = no_grad();
        Console.WriteLine("threads width depth   eager ms a token   graph  ratio   optimised  ratio");
        foreach (var threads in new[] { 1, 2 })
            foreach (var (width, heads, depth) in new[] { (64, 8, 2), (256, 8, 6), (1024, 16, 8) })
            {
                set_num_threads(threads);
                using var model = new SmallLlama(vocabulary: 1000, width, heads, key_value_heads: heads / 4, depth);
                model.eval();
                using var prompt = tensor(new long[] { 12, 7, 81, 3, 55, 20, 9 }).unsqueeze(0);
                using var prefill = fx.symbolic_trace(model, example_inputs: [prompt, new KeyValueCache()]);
                var example = new KeyValueCache();
                using var first = prefill.call(prompt, example).argmax(-1, keepdim: true);
                using var decode = fx.symbolic_trace(model, example_inputs: [first, example]);
                using var fast = decode.optimize_for_inference();
                var times = Measure(prompt, prefill.call, model.call, decode.call, fast.call);
                Console.WriteLine($"{threads,7} {width,5} {depth,5} {Median(times[0]),18:F3} {Median(times[1]),7:F3} {Ratio(times[1]),6:F2} {Median(times[2]),11:F3} {Ratio(times[2]),6:F2}");

                double Ratio(List<double> each) => Median(each.Zip(times[0], (time, eager) => time / eager));
            }
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);

    private static List<double>[] Measure(Tensor prompt, Func<Tensor, KeyValueCache, Tensor> begin, params Func<Tensor, KeyValueCache, Tensor>[] contenders)
    {
        var times = contenders.Select(_ => new List<double>()).ToArray();
        for (var round = -2; round < Rounds; round++)
            for (var turn = 0; turn < contenders.Length; turn++)
            {
                var i = (turn + round + contenders.Length) % contenders.Length;
                var watch = new Stopwatch();
                // The prompt's logits start the clock, the last token's are the end.
                Generation.Greedy(prompt, Steps, begin, contenders[i], _ => watch.Start());
                if (round >= 0)
                    times[i].Add(watch.Elapsed.TotalMilliseconds / Steps);
            }
        return times;
    }
}
