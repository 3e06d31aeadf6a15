using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class quantization
{
    /// <summary>
    /// The quantised copy of a model in floating point by a checkpoint of PyTorch's eager quantisation: its weights, scales and zero
    /// points, by the paths of the modules. Counterpart: <c>torch.ao.quantization.convert</c> and <c>load_state_dict</c>, as
    /// <c>torchvision.models.quantization</c> does with <c>quantize=True</c>.
    /// </summary>
    /// <param name="model">
    /// The model before it was converted: with a module named <c>QuantStub</c> where eight bits begin, and <c>FloatFunctional</c>s. Its
    /// batch norms, which the checkpoint has in the convolutions, are left out. It stays as it is.
    /// </param>
    /// <param name="state_dict">
    /// The checkpoint's tensors, as <c>Pth.load_file</c> reads them: converted, or of training (<c>prepare_qat</c>). They stay the
    /// caller's.
    /// </param>
    /// <param name="example_inputs">Values to trace by, where the program looks at sizes.</param>
    /// <returns>The reference graph (<see cref="convert_to_reference_fx"/>), in evaluation mode, with weights of its own.</returns>
    /// <exception cref="ArgumentException">The checkpoint is another model's.</exception>
    public static GraphModule<T, TResult> load_quantized<T, TResult>(nn.Module<T, TResult> model,
        IReadOnlyDictionary<string, Tensor> state_dict,
        IReadOnlyList<object?>? example_inputs = null)
    {
        ArgumentNullException.ThrowIfNull(state_dict);
        using var traced = Traced(model, example_inputs, (graph, constants) => new GraphModule<T, TResult>(model, graph, constants));
        return Converted(traced, state_dict, model.named_modules().Select(module => module.name).ToHashSet());
    }

    private static T Converted<T>(T traced, IReadOnlyDictionary<string, Tensor> state_dict, IReadOnlySet<string> modules)
        where T : nn.Module, IGraphModule
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var layers = new InferenceGraph(traced, traced.Program.EvalGraph.clone());
        new CheckpointConversion(layers, new(state_dict), modules).Run();
        return layers.Owned(traced, null);
    }

    /// <summary>
    /// A quantisable model of images in eight bits, compiled as <see cref="convert_fx"/> compiles it. Counterpart:
    /// <c>torchvision.models.quantization.utils.quantize_model</c>; TorchSharp.Fx.Vision's <c>models.quantization</c> calls it for
    /// <c>quantize: true</c>.
    /// </summary>
    /// <param name="model">
    /// The model in floating point, from images [N, 3, H, W], as <see cref="load_quantized"/> takes it. It stays as it is.
    /// </param>
    /// <param name="backend">
    /// Without a checkpoint: <c>fbgemm</c> for values in the steps 0 to 127 and a scale for each output of a layer, <c>qnnpack</c> for one
    /// scale for each weight.
    /// </param>
    /// <param name="state_dict">
    /// The checkpoint that has weights and scales; without one, scales are those of an image [1, 3, 299, 299] of random numbers, as in
    /// torchvision.
    /// </param>
    /// <returns>A module in evaluation mode, with weights of its own.</returns>
    /// <exception cref="ArgumentException">The backend is neither, or the checkpoint is another model's.</exception>
    public static GraphModule<Tensor, TResult> quantize_model<TResult>(nn.Module<Tensor, TResult> model, string backend = "fbgemm",
        IReadOnlyDictionary<string, Tensor>? state_dict = null)
    {
        using var reference = state_dict is null ? Calibrated(model, backend) : load_quantized(model, state_dict);
        return reference.optimize_for_inference();
    }

    /// <summary>The reference graph by the values of one random image.</summary>
    private static GraphModule<Tensor, TResult> Calibrated<TResult>(nn.Module<Tensor, TResult> model, string backend)
    {
        var config = backend switch
        {
            "fbgemm" => QConfig.minmax_qconfig with { activation = () => new MinMaxObserver(quant_min: 0, quant_max: 127) },
            "qnnpack" => new QConfig(() => new MinMaxObserver(quant_min: 0, quant_max: 127),
                () => new MinMaxObserver(ScalarType.Int8, QScheme.per_tensor_symmetric)),
            _ => throw new ArgumentException($"Scales are chosen for fbgemm or qnnpack, not for '{backend}'.", nameof(backend)),
        };
        using var prepared = prepare_fx(model, QConfigMapping.default_mapping(config));
        using var image = rand(1, 3, 299, 299);
        Calibrate(prepared, [image]);
        return convert_to_reference_fx(prepared);
    }
}
