using Generate;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>The sample's language model: two graphs and a cache generate what the model generates, also optimised, from a file, and in ONNX Runtime with the cache as inputs and outputs.</summary>
[Collection(nameof(Alone))]
public sealed class GenerationTests : IDisposable
{
    private const int Steps = 20;

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable mode = no_grad();
    private readonly SmallLlama model;
    private readonly Tensor prompt = tensor(new long[] { 12, 7, 81, 3, 55, 20, 9 }).unsqueeze(0);
    private readonly GraphModule<Tensor, KeyValueCache, Tensor> prefill, decode;
    private readonly KeyValueCache example = new();
    private readonly long[] expected;
    private readonly List<Tensor> logits = [];

    public GenerationTests()
    {
        manual_seed(0);
        model = new SmallLlama(vocabulary: 96, width: 64, heads: 8, key_value_heads: 2, depth: 2);
        model.eval();
        expected = Generation.Greedy(prompt, Steps, model.call, model.call, one => logits.Add(one.MoveToOtherDisposeScope(scope)));
        prefill = fx.symbolic_trace(model, example_inputs: [prompt, new KeyValueCache()]);
        var first = prefill.call(prompt, example).argmax(-1, keepdim: true);
        decode = fx.symbolic_trace(model, example_inputs: [first, example]);
    }

    public void Dispose()
    {
        mode.Dispose();
        scope.Dispose();
    }

    private long[] Generated(Func<Tensor, KeyValueCache, Tensor> goOn, Action<Tensor, Tensor> same)
    {
        var step = 0;
        return Generation.Greedy(prompt, Steps, prefill.call, goOn, one => same(logits[step++], one));
    }

    private static void Bits(Tensor expected, Tensor actual) => Assert.Equal(expected.bytes.ToArray(), actual.bytes.ToArray());

    [Fact]
    public void Graphs_generate_bit_for_bit_what_the_model_generates()
    {
        Assert.True(expected.Distinct().Count() > 5, string.Join(' ', expected));
        Assert.Equal(expected, Generated(decode.call, Bits));
    }

    [Fact]
    public void So_do_a_copy_and_what_was_saved()
    {
        using var copy = decode.clone();
        Assert.Equal(expected, Generated(copy.call, Bits));
        var file = Path.GetTempFileName();
        fx.save(decode, file, [typeof(KeyValueCache)]);
        using var loaded = fx.load<GraphModule<Tensor, KeyValueCache, Tensor>>(file, [typeof(KeyValueCache)]);
        File.Delete(file);
        Assert.Equal(expected, Generated(loaded.call, Bits));
    }

    [Fact]
    public void The_optimised_copy_gives_the_same_logits_but_for_rounding()
    {
        using var fast = decode.optimize_for_inference();
        Assert.Equal(expected, Generated(fast.call, (a, b) => Assert.True(allclose(a, b, 1e-4, 1e-4))));
    }

    [Fact]
    public void Without_state_the_cache_goes_in_and_comes_out()
    {
        var prompted = prefill.lift_state(prompt, new KeyValueCache());
        var stepped = decode.lift_state(expected[0], example);
        var (result, state) = ((Tensor, Dictionary<string, object>))prompted.call(prompt)!;
        string[] names = [.. stepped.graph.find_nodes(Opcode.placeholder).Skip(1).Select(node => node.target.name)];
        Assert.Equal(["cache.Keys.0", "cache.Keys.1", "cache.Values.0", "cache.Values.1"], names.Order());
        for (var step = 0; step < Steps; step++)
        {
            Bits(logits[step], result);
            var token = result.argmax(-1, keepdim: true);
            Assert.Equal(expected[step], token.item<long>());
            (result, state) = ((Tensor, Dictionary<string, object>))stepped.call([token, .. names.Select(name => state[name])])!;
        }
    }

    [Fact]
    public void ONNX_Runtime_generates_the_same_with_the_cache_as_inputs_and_outputs()
    {
        using var prompted = new OnnxModel();
        using var stepped = new OnnxModel();
        onnx.export(prefill, prompted.Path, [prompt, new KeyValueCache()]);
        string[] caches = ["cache.Keys.0", "cache.Keys.1", "cache.Values.0", "cache.Values.1"];
        onnx.export(decode, stepped.Path, [tensor(expected[..1]).unsqueeze(0), example],
            dynamic_axes: caches.ToDictionary(name => name, IReadOnlyDictionary<int, string> (_) => new Dictionary<int, string> { [2] = "past" }));
        var inputs = stepped.Signature().Inputs.Select(input => input.Split(' ')[0]).ToArray();
        Assert.Equal(["tokens", .. caches], inputs.OrderBy(name => name != "tokens").ThenBy(name => name, StringComparer.Ordinal));
        var given = prompted.Run(prompt);
        for (var step = 0; step < Steps; step++)
        {
            Assert.True(allclose(logits[step], given["output"], 1e-4, 1e-4));
            var token = given["output"].argmax(-1, keepdim: true);
            Assert.Equal(expected[step], token.item<long>());
            given = stepped.Run([.. inputs.Select(name => name == "tokens" ? token : given[$"{name}.next"])]);
        }
    }
}
