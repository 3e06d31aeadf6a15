using System.Text.Json;
using TorchSharp.Fx.Files;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision.Tests.Features;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests.Quantization;

/// <summary>
/// <c>models.quantization</c> with <c>quantize: true</c>. The checkpoints are as PyTorch makes them of deterministic weights: its scales of
/// activations are golden, those of weights follow from the weights.
/// </summary>
public sealed class QuantizedTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable noGradients = no_grad();
    private readonly string folder = Directory.CreateTempSubdirectory("torchfx-").FullName;

    public void Dispose()
    {
        noGradients.Dispose();
        scope.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    public static TheoryData<string> Goldens
        => [.. Directory.GetFiles(Golden.PathOf("quantized"), "*.json").Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Goldens))]
    public void It_computes_what_torchvision_s_does(string name)
    {
        var golden = Golden.Json("quantized", $"{name}.json");
        var weights = Written(name, golden);
        using var int8 = models.get_model($"quantized_{name}", weights, options: Local);
        var size = golden.GetProperty("size").GetInt64();
        var y = Logits(int8, DeterministicWeights.Input(1, 3, size, size)).flatten()[TensorIndex.Slice(step: golden.GetProperty("every").GetInt64())];
        var step = golden.GetProperty("output_scale").GetSingle();
        // A value between two steps goes either way, and what is computed of it follows: of the other models hardly any does.
        var allowed = name == "mobilenet_v3_large" ? 2.001f : 1.001f;
        Assert.All(golden.GetProperty("output").EnumerateArray().Select(number => number.GetSingle()).Zip(y.data<float>().ToArray()),
            pair => Assert.InRange(pair.Second, pair.First - allowed * step, pair.First + allowed * step));
    }

    [Fact]
    public void Weights_and_quantize_are_arguments_as_in_torchvision()
    {
        var weights = Written("resnet18", Golden.Json("quantized", "resnet18.json"));
        using Module<Tensor, Tensor> int8 = models.quantization.resnet18(quantize: true, weights: ResNet18_QuantizedWeights.IMAGENET1K_FBGEMM_V1, options: Local);
        Assert.Same(weights, ResNet18_QuantizedWeights.IMAGENET1K_FBGEMM_V1);
        using var other = models.get_model("quantized_resnet18", "DEFAULT", options: Local);
        var x = DeterministicWeights.Input(1, 3, 64, 64);
        Assert.Equal(int8.call(x).data<float>().ToArray(), Logits(other, x).data<float>().ToArray());
        Assert.False(int8.training);
        Assert.Empty(int8.parameters());
    }

    [Fact]
    public void Each_layer_takes_steps_and_gives_them_after_its_activation()
    {
        // Whole numbers from layer to layer need no other form.
        using var model = models.quantization.resnet18();
        using var reference = quantization.load_quantized(model, Checkpoint("resnet18", Golden.Json("quantized", "resnet18.json")));
        var layers = reference.graph.nodes.Where(node => node.target.name is "conv2d" or "linear").ToArray();
        Assert.Equal(21, layers.Length);
        Assert.All(layers, layer => Assert.Equal("dequantize_per_tensor", layer.all_input_nodes[0].target.name));
        Assert.All(reference.graph.find_nodes(Opcode.call_module).Where(node => node.name.Contains("relu", StringComparison.Ordinal)),
            relu => Assert.Equal("quantize_per_tensor", Assert.Single(relu.users).target.name));
    }

    [Fact]
    public void What_lies_in_a_known_range_has_its_steps()
    {
        using var model = models.quantization.mobilenet_v3_large();
        using var reference = quantization.load_quantized(model, Checkpoint("mobilenet_v3_large", Golden.Json("quantized", "mobilenet_v3_large.json")));
        var gates = reference.graph.find_nodes(Opcode.call_module).Where(node => node.target.name.EndsWith("scale_activation", StringComparison.Ordinal)).ToArray();
        Assert.Equal(8, gates.Length);
        Assert.All(gates, gate => Assert.Equal([0.00390625, 0L], Assert.Single(gate.users).args.Skip(1).Take(2).Select(argument => ((Literal)argument).Value)));
    }

    [Theory]
    [InlineData("googlenet")]
    [InlineData("mobilenet_v3_large")]
    public void Without_weights_it_is_a_graph_of_random_ones(string name)
    {
        var build = typeof(models.quantization).GetMethod(name, [typeof(bool), typeof(Vision.Weights), typeof(long?), typeof(DownloadOptions)])!;
        using var int8 = (Module)build.Invoke(null, [true, null, 7L, null])!;
        Assert.Equal([2, 7], Logits(int8, torch.rand(2, 3, 64, 64)).shape);
        Assert.Contains(((IGraphModule)int8).graph.nodes, node => node.name.StartsWith("quantize_per_tensor", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("fbgemm")]
    [InlineData("qnnpack")]
    public void Without_a_checkpoint_scales_are_those_of_a_random_image(string backend)
    {
        using var model = (Module<Tensor, Tensor>)DeterministicWeights.Fill(models.get_model("quantized_shufflenet_v2_x0_5"));
        model.eval();
        using var int8 = quantization.quantize_model(model, backend);
        var x = DeterministicWeights.Input(1, 3, 224, 224);
        Assert.InRange(nn.functional.cosine_similarity(model.call(x), int8.call(x), 1).item<float>(), 0.98f, 0.99999f);
        Assert.StartsWith("Scales are chosen for fbgemm or qnnpack, not for 'x86'.",
            Assert.Throws<ArgumentException>(() => quantization.quantize_model(model, "x86")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void In_floating_point_weights_are_those_of_floating_point()
    {
        Assert.StartsWith("ResNet18_Weights.IMAGENET1K_V1 are weights of 'resnet18', not of 'quantized_resnet18'.",
            Assert.Throws<ArgumentException>(() => models.quantization.resnet18(quantize: true, weights: ResNet18_Weights.DEFAULT)).Message, StringComparison.Ordinal);
        Assert.StartsWith("ResNet18_QuantizedWeights.IMAGENET1K_FBGEMM_V1 are weights of 'quantized_resnet18', not of 'resnet18'.",
            Assert.Throws<ArgumentException>(() => models.quantization.resnet18(quantize: false, weights: ResNet18_QuantizedWeights.DEFAULT)).Message, StringComparison.Ordinal);
        Assert.StartsWith("ResNet18_QuantizedWeights.IMAGENET1K_FBGEMM_V1 tell 1000 classes apart, not 5.",
            Assert.Throws<ArgumentException>(() => models.quantization.resnet18(quantize: true, weights: ResNet18_QuantizedWeights.DEFAULT, num_classes: 5)).Message, StringComparison.Ordinal);
        using var plain = models.quantization.resnet18(quantize: false, num_classes: 5);
        Assert.IsType<ResNet>(plain);
    }

    [Fact]
    public void A_layer_of_another_shape_is_refused()
    {
        var golden = Golden.Json("quantized", "resnet18.json");
        using var model = models.quantization.resnet18(num_classes: 5);
        var state = Checkpoint("resnet18", golden);
        Assert.StartsWith("The checkpoint's 'fc.weight' is of shape [1000, 512], the model's of [5, 512].",
            Assert.Throws<ArgumentException>(() => quantization.load_quantized(model, state)).Message, StringComparison.Ordinal);
    }

    private DownloadOptions Local => new() { model_dir = folder };

    /// <summary>A file where the published one would be downloaded to.</summary>
    private Vision.Weights Written(string name, JsonElement golden)
    {
        var weights = models.get_model_weights($"quantized_{name}").Single(row => row.is_default);
        Assert.Equal(golden.GetProperty("weights").GetString(), Path.GetFileName(weights.url.LocalPath));
        Safetensors.save_file(Checkpoint(name, golden), Path.Combine(folder, Path.GetFileName(weights.url.LocalPath)));
        return weights;
    }

    private static Tensor Logits(Module model, Tensor x) => model switch
    {
        Module<Tensor, GoogLeNetOutputs> google => google.call(x).logits,
        Module<Tensor, InceptionOutputs> inception => inception.call(x).logits,
        _ => ((Module<Tensor, Tensor>)model).call(x),
    };

    /// <summary>What PyTorch's conversion makes of the model, or with scales of weights its preparation for training.</summary>
    private static Dictionary<string, Tensor> Checkpoint(string name, JsonElement golden)
    {
        using var model = models.get_model($"quantized_{name}");
        DeterministicWeights.Fill(model);
        var isOfTraining = golden.TryGetProperty("weight_scales", out var scales);
        var state = new Dictionary<string, Tensor>();
        var modules = model.named_modules().ToArray();
        foreach (var (path, module) in modules)
            if (module is TorchSharp.Modules.Conv2d or TorchSharp.Modules.Linear && golden.GetProperty("scales").TryGetProperty(path, out _))
            {
                // A layer's norm comes right after it.
                var norm = modules.SkipWhile(item => item.name != path).Skip(1).Select(item => item.module).FirstOrDefault() as TorchSharp.Modules.BatchNorm2d;
                if (isOfTraining)
                    Training(state, path, module, norm, scales.GetProperty(path).GetSingle());
                else
                    Convert(state, path, module, norm, perChannel: name != "mobilenet_v2");
            }
        foreach (var range in golden.GetProperty("scales").EnumerateObject())
        {
            var owner = isOfTraining ? range.Name + ".activation_post_process" : range.Name;
            (state[owner + ".scale"], state[owner + ".zero_point"]) = (torch.tensor([range.Value[0].GetSingle()]), torch.tensor([range.Value[1].GetInt32()]));
        }
        return state;
    }

    private static void Convert(Dictionary<string, Tensor> state, string path, Module layer, TorchSharp.Modules.BatchNorm2d? norm, bool perChannel)
    {
        var (weight, bias) = Numbers(layer);
        if (norm is not null)
        {
            var factor = (norm.running_var! + norm.eps).rsqrt();
            bias = ((bias ?? torch.zeros_like(factor)) - norm.running_mean!) * factor * norm.weight! + norm.bias!;
            weight = weight * (factor * norm.weight!).reshape(-1, 1, 1, 1);
        }
        var rows = weight.flatten(1).abs().amax(1);
        var scale = (perChannel ? rows : rows.max().expand(rows.shape)) / 127.5f;
        state[path + ".weight"] = (weight / scale.reshape([-1, .. weight.shape[1..].Select(_ => 1L)])).round().clamp(-128, 127).to(ScalarType.Int8);
        state[path + ".weight_scale"] = scale.clone();
        state[path + ".weight_zero_point"] = torch.zeros_like(scale).to(ScalarType.Int64);
        if (bias is not null)
            state[path + ".bias"] = bias;
    }

    private static void Training(Dictionary<string, Tensor> state, string path, Module layer, TorchSharp.Modules.BatchNorm2d? norm, float scale)
    {
        var (weight, bias) = Numbers(layer);
        state[path + ".weight"] = weight;
        if (bias is not null)
            state[path + ".bias"] = bias;
        foreach (var (key, tensor) in norm?.state_dict() ?? [])
            state[$"{path}.bn.{key}"] = tensor.clone();
        state[path + ".weight_fake_quant.scale"] = torch.tensor([scale]);
        state[path + ".weight_fake_quant.zero_point"] = torch.tensor([0]);
        state[path + ".weight_fake_quant.activation_post_process.min_val"] = weight.min();
    }

    private static (Tensor Weight, Tensor? Bias) Numbers(Module layer) => layer is TorchSharp.Modules.Conv2d convolution
        ? (convolution.weight!.detach().clone(), convolution.bias?.detach().clone())
        : (((TorchSharp.Modules.Linear)layer).weight!.detach().clone(), ((TorchSharp.Modules.Linear)layer).bias?.detach().clone());
}
