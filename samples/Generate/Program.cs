using System.Diagnostics;
using Generate;
using TorchSharp;
using TorchSharp.Fx;
using static TorchSharp.torch;

// Generates tokens by two graphs of one model, one for the prompt and one for each token after it; the cache goes from call to call.
// dotnet run --project samples/Generate [-- STEPS]
var steps = args.Length > 0 ? int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture) : 20;

using var inference = no_grad();
manual_seed(0);
using var model = new SmallLlama(vocabulary: 96, width: 64, heads: 8, key_value_heads: 2, depth: 2);
model.eval();
var prompt = tensor(new long[] { 12, 7, 81, 3, 55, 20, 9 }).unsqueeze(0);

// The prompt's graph holds for an empty cache and any number of tokens. Running it once gives the example of what the other one gets.
using var prefill = fx.symbolic_trace(model, example_inputs: [prompt, new KeyValueCache()]);
var example = new KeyValueCache();
var first = prefill.call(prompt, example).argmax(-1, keepdim: true);
using var decode = fx.symbolic_trace(model, example_inputs: [first, example]);
using var fast = decode.optimize_for_inference();

Show("eager", model.call, model.call);
Show("graphs", prefill.call, decode.call);
Show("optimised", prefill.call, fast.call);

fx.save(decode, "decode.fx.safetensors", [typeof(KeyValueCache)]);
using var loaded = fx.load<GraphModule<Tensor, KeyValueCache, Tensor>>("decode.fx.safetensors", [typeof(KeyValueCache)]);
Show("loaded", prefill.call, loaded.call);

void Show(string way, Func<Tensor, KeyValueCache, Tensor> begin, Func<Tensor, KeyValueCache, Tensor> go_on)
{
    // The first time, methods are compiled.
    var tokens = Generation.Greedy(prompt, steps, begin, go_on);
    var watch = Stopwatch.StartNew();
    _ = Generation.Greedy(prompt, steps, begin, go_on);
    Console.WriteLine($"{way,-10} {string.Join(' ', tokens)}   {watch.Elapsed.TotalMilliseconds / steps:F2} ms a token");
}
