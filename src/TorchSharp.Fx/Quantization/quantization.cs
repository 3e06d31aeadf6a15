using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Makes quantised models, which compute with 8-bit integers. <c>docs/quantization.md</c> shows how. Counterpart:
/// <c>torch.ao.quantization</c> and its <c>quantize_fx</c>.
/// </summary>
public static partial class quantization
{
    /// <summary>
    /// A copy of a graph module in which each batch norm is folded into the convolution or linear layer before it. Counterpart:
    /// <c>fuse_fx</c>.
    /// </summary>
    /// <param name="model">The module; it is not changed.</param>
    /// <returns>A module of the same type in eval mode, with its own weights.</returns>
    public static T fuse_fx<T>(T model) where T : nn.Module, IGraphModule => Fused(model, null);

    /// <summary>The same, and what a mapping has a configuration for inside modules is seen.</summary>
    private static T Fused<T>(T model, QConfigMapping? mapping) where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(model);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var fused = Opened(model, mapping).Owned(model, null);
        // The weights of an attention's three layers are parts of one.
        if (fused.graph.nodes.Any(node => node.get_meta(LeafInlining.Opened) is not null))
            fused.fold_constants();
        // In single precision, as PyTorch folds them, so that scales are the same.
        optimization.FuseAll(fused, precision: ScalarType.Float32);
        return fused;
    }

    /// <summary>A graph in evaluation mode in which the layers of libraries are torch.nn's.</summary>
    private static InferenceGraph Opened<T>(T model, QConfigMapping? mapping) where T : nn.Module, IGraphModule
    {
        var layers = new InferenceGraph(model, model.Program.EvalGraph.clone());
        new LeafInlining(layers).OpenModules(
            type => QuantizationTracer.IsStandIn(type) && mapping?.Opens(type) != true, () => new QuantizationTracer { Training = false });
        return layers;
    }

    /// <summary>
    /// A copy of a graph module or extractor with observers of the values that will be quantised. Calibrate it by calling it with typical
    /// inputs, then call <see cref="convert_fx"/> or <see cref="convert_to_reference_fx"/>. Counterpart: <c>prepare_fx</c>.
    /// </summary>
    /// <param name="model">The module; it is not changed.</param>
    /// <param name="qconfig_mapping">The configuration of each part; <see cref="QConfigMapping.default_mapping"/> when null.</param>
    /// <param name="backend_config">The operations that can be quantised; <see cref="BackendConfig.onednn"/> when null.</param>
    /// <returns>A module of the same type in eval mode, with its own weights and observers named <c>activation_post_process_0</c> and so
    /// on.</returns>
    public static T prepare_fx<T>(T model, QConfigMapping? qconfig_mapping = null, BackendConfig? backend_config = null)
        where T : nn.Module, IGraphModule
    {
        var mapping = qconfig_mapping ?? QConfigMapping.default_mapping();
        return Observed(Fused(model, mapping), mapping, backend_config, ImmutableDictionary<string, Func<ObserverBase>>.Empty);
    }

    /// <summary>Puts observers into a module without batch norms, which is the caller's.</summary>
    /// <param name="fused">The module.</param>
    /// <param name="mapping">What is quantised how.</param>
    /// <param name="backend_config">The operations that can be quantised; <see cref="BackendConfig.onednn"/> when null.</param>
    /// <param name="known">What makes the observers of some nodes, by the nodes' names, in the place of the mapping's.</param>
    internal static T Observed<T>(
        T fused, QConfigMapping mapping, BackendConfig? backend_config, IReadOnlyDictionary<string, Func<ObserverBase>> known)
        where T : nn.Module, IGraphModule
    {
        var program = fused.Program;
        var graph = program.EvalGraph.clone();
        var quantizer = new Quantizer(mapping, backend_config ?? BackendConfig.onednn, program.Source.Module);
        var annotations = quantizer.Annotate(graph, graph.Aliases(program.Source, training: false));
        foreach (var (node, annotation) in annotations)
            if (annotation.Config.has_weight && annotation.First == node)
                node.set_meta(ReferenceConversion.Weighted, annotation.QConfig);
        foreach (var (node, config) in quantizer.Recurrent(graph).Concat(quantizer.Attentions(graph)))
            node.set_meta(ReferenceConversion.Weighted, config);
        var observers = new ObserverInsertion(graph, annotations, path => program.Source.Attribute(path)()).Run();
        foreach (var node in graph.find_nodes(Opcode.call_module))
            if (observers.TryGetValue(node.target.name, out var observer))
                program.Add(node.target.name, known.TryGetValue(node.all_input_nodes[0].name, out var make) ? make() : observer);
        fused.graph = graph;
        return fused;
    }

    /// <summary>Shows typical inputs to observers.</summary>
    internal static void Calibrate<T>(T prepared, IEnumerable<Tensor> calibration_inputs) where T : nn.Module, IGraphModule
    {
        using var mode = no_grad();
        var count = 0;
        foreach (var input in calibration_inputs)
        {
            using var scope = NewDisposeScope();
            prepared.Program.Release(prepared.Program.Run(input), [input]);
            count++;
        }
        if (count == 0)
            throw new ArgumentException(
                "There are no calibration inputs: give typical inputs, from whose values the scales are computed.",
                nameof(calibration_inputs));
    }

    /// <summary>The same for a module that isn't traced yet.</summary>
    /// <param name="model">The module; it is not changed.</param>
    /// <param name="qconfig_mapping">The configuration of each part; <see cref="QConfigMapping.default_mapping"/> when null.</param>
    /// <param name="backend_config">The operations that can be quantised; <see cref="BackendConfig.onednn"/> when null.</param>
    /// <param name="example_inputs">Example inputs for the trace, where the program reads sizes.</param>
    public static GraphModule<T, TResult> prepare_fx<T, TResult>(nn.Module<T, TResult> model, QConfigMapping? qconfig_mapping = null,
        BackendConfig? backend_config = null, IReadOnlyList<object?>? example_inputs = null)
    {
        using var traced = Traced(model, example_inputs, (graph, constants) => new GraphModule<T, TResult>(model, graph, constants));
        return prepare_fx(traced, qconfig_mapping, backend_config);
    }

    /// <summary>
    /// Makes the quantised copy of a calibrated module from plain operators. Values are quantised and dequantised
    /// (<see cref="quantized_decomposed"/>), the operations between compute in float32, and weights are stored quantised. It runs anywhere
    /// and defines the results that int8 kernels compute. Counterpart: <c>convert_to_reference_fx</c>.
    /// </summary>
    /// <param name="graph_module">The calibrated module of <c>prepare_fx</c>; it is not changed.</param>
    /// <returns>A module of the same type in eval mode.</returns>
    public static T convert_to_reference_fx<T>(T graph_module) where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(graph_module);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var layers = new InferenceGraph(graph_module, graph_module.Program.EvalGraph.clone());
        new ReferenceConversion(layers).Run();
        return layers.Owned(graph_module, null);
    }

    /// <summary>
    /// Makes the compiled quantised copy of a calibrated module, with integer kernels and 8-bit integers between the layers. On a processor
    /// without VNNI it is the optimised reference graph. To save or export, use <see cref="convert_to_reference_fx"/>. Counterpart:
    /// <c>convert_fx</c>.
    /// </summary>
    /// <param name="graph_module">The calibrated module of <c>prepare_fx</c>; it is not changed.</param>
    /// <returns>A module of the same type in eval mode.</returns>
    public static T convert_fx<T>(T graph_module) where T : nn.Module, IGraphModule
    {
        using var reference = convert_to_reference_fx(graph_module);
        return reference.optimize_for_inference();
    }

    /// <summary>
    /// Dynamic quantisation: a copy of a graph module whose linear and recurrent layers store quantised weights and quantise each input by
    /// its own range. It needs no calibration. Counterpart: <c>torch.ao.quantization.quantize_dynamic</c>, whose kernels use the lower half
    /// of the quantised range.
    /// </summary>
    /// <param name="model">The module; it is not changed.</param>
    /// <param name="qconfig_mapping">The configuration of each part. When null, all linear and recurrent layers use
    /// <see cref="QConfig.default_dynamic_qconfig"/> with quantised inputs up to 127.</param>
    /// <returns>The reference graph, a module of the same type in eval mode, with its own weights.</returns>
    public static T quantize_dynamic<T>(T model, QConfigMapping? qconfig_mapping = null) where T : nn.Module, IGraphModule
    {
        using var prepared = prepare_fx(model, qconfig_mapping ?? QConfigMapping.default_mapping(
            QConfig.default_dynamic_qconfig with { activation = () => new PlaceholderObserver(quant_max: 127) }));
        return convert_to_reference_fx(prepared);
    }

    /// <summary>
    /// Quantises a graph module or extractor, calibrated with the given inputs: <c>using var int8 = extractor.quantize(images);</c>.
    /// </summary>
    /// <param name="module">The module; it is not changed.</param>
    /// <param name="calibration_inputs">Typical inputs for calibration, each a full input of the module. The caller disposes them.</param>
    /// <param name="qconfig_mapping">The configuration of each part; when null, <see cref="QConfigMapping.default_mapping"/> with
    /// attention.</param>
    /// <returns>A module of the same type in eval mode, with its own weights.</returns>
    /// <exception cref="ArgumentException">There are no calibration inputs.</exception>
    public static T quantize<T>(this T module, IEnumerable<Tensor> calibration_inputs, QConfigMapping? qconfig_mapping = null)
        where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(calibration_inputs);
        using var prepared = prepare_fx(module, qconfig_mapping ?? Everything);
        Calibrate(prepared, calibration_inputs);
        return convert_to_reference_fx(prepared);
    }

    /// <summary>
    /// Like <see cref="quantize{T}(T, IEnumerable{Tensor}, QConfigMapping?)"/>, but keeps layers in floating point until the outputs reach
    /// a cosine: as few as possible, those with the largest quantisation error first.
    /// </summary>
    /// <param name="module">The module; it is not changed.</param>
    /// <param name="calibration_inputs">Typical inputs for calibration, each a full input of the module. The caller disposes them.</param>
    /// <param name="target_cosine">The smallest allowed cosine between each output and its floating-point value, on each input; at most
    /// 1.</param>
    /// <param name="qconfig_mapping">The configuration of each part; when null, <see cref="QConfigMapping.default_mapping"/> with
    /// attention.</param>
    /// <exception cref="ArgumentException">There are no calibration inputs.</exception>
    public static T quantize<T>(this T module, IReadOnlyList<Tensor> calibration_inputs, double target_cosine,
        QConfigMapping? qconfig_mapping = null)
        where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(calibration_inputs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(target_cosine, 1);
        var mapping = qconfig_mapping ?? Everything;
        using var floating = Fused(module, mapping);
        return new PrecisionSearch<T>(floating, mapping, calibration_inputs).Run(target_cosine);
    }

    /// <summary>Measures the error of each value of a quantised module against floating point.</summary>
    /// <param name="model">The module that was quantised.</param>
    /// <param name="quantized">The quantised module.</param>
    /// <param name="inputs">Inputs to run both on. The caller disposes them.</param>
    public static QuantizationReport report<T>(T model, T quantized, IEnumerable<Tensor> inputs) where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(quantized);
        ArgumentNullException.ThrowIfNull(inputs);
        var floating = fuse_fx(model);
        if (!QuantizationReport.Names(quantized).IsSubsetOf(floating.graph.nodes.Select(node => node.name)))
        {
            floating.Dispose();
            floating = Fused(model, Everything);
        }
        using (floating)
            return QuantizationReport.Of(floating, quantized, inputs);
    }

    private static QConfigMapping Everything => QConfigMapping.default_mapping(attention: true);

    private static TModule Traced<TModule>(
        nn.Module model, IReadOnlyList<object?>? inputs, Func<Graph, IReadOnlyDictionary<string, Tensor>, TModule> make)
    {
        ArgumentNullException.ThrowIfNull(model);
        var tracer = new QuantizationTracer { Training = false };
        try
        {
            var graph = inputs is null ? tracer.trace(model) : tracer.trace(model, inputs);
            return make(graph, tracer.tensor_constants);
        }
        finally
        {
            tracer.DisposeConstants();
        }
    }
}
