using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class quantization
{
    /// <summary>
    /// Makes a quantised copy of a floating-point model with the weights, scales and zero points of a checkpoint of PyTorch's eager
    /// quantisation. They are assigned by module path. Counterpart: <c>torch.ao.quantization.convert</c> and <c>load_state_dict</c>, as
    /// <c>torchvision.models.quantization</c> does with <c>quantize=True</c>.
    /// </summary>
    /// <param name="model">The model before conversion, with a <c>QuantStub</c> module where quantisation begins, and
    /// <c>FloatFunctional</c> modules. Its batch norms are dropped, because the checkpoint has them folded into the convolutions. The model
    /// is not changed.</param>
    /// <param name="state_dict">The checkpoint's tensors, as <c>Pth.load_file</c> reads them: of a converted model, or of one in
    /// quantisation-aware training (<c>prepare_qat</c>). The caller disposes them.</param>
    /// <param name="example_inputs">Example inputs for the trace, where the program reads sizes.</param>
    /// <returns>The reference graph (<see cref="convert_to_reference_fx"/>), in eval mode, with its own weights.</returns>
    /// <exception cref="ArgumentException">The checkpoint doesn't fit the model.</exception>
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
    /// Quantises a quantisable image model and compiles it like <see cref="convert_fx"/>. Counterpart:
    /// <c>torchvision.models.quantization.utils.quantize_model</c>; TorchSharp.Fx.Vision's <c>models.quantization</c> calls it for
    /// <c>quantize: true</c>.
    /// </summary>
    /// <param name="model">The floating-point model of images [N, 3, H, W], as for <see cref="load_quantized"/>. It is not changed.</param>
    /// <param name="backend">Decides the scales when there is no checkpoint: <c>fbgemm</c> has one scale per output channel of a weight,
    /// <c>qnnpack</c> one per weight. Both quantise values to 0…127.</param>
    /// <param name="state_dict">The checkpoint with weights and scales. Without one, the model is calibrated with one random image [1, 3,
    /// 299, 299], as in torchvision.</param>
    /// <returns>A module in eval mode, with its own weights.</returns>
    /// <exception cref="ArgumentException">The backend is unknown, or the checkpoint doesn't fit the model.</exception>
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
