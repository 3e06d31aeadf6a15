using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Makes models that compute in eight bits. <c>docs/quantization.md</c> shows how. Counterpart: <c>torch.ao.quantization</c> and its
/// <c>quantize_fx</c>.
/// </summary>
public static partial class quantization
{
    /// <summary>
    /// A copy of a graph module in which each batch norm is part of the convolution or linear layer before it. Counterpart:
    /// <c>fuse_fx</c>.
    /// </summary>
    /// <param name="model">The module; it stays as it is.</param>
    /// <returns>A module of the same type in evaluation mode, with weights of its own.</returns>
    public static T fuse_fx<T>(T model) where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(model);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var fused = Opened(model).Owned(model, null);
        // In single precision, as PyTorch folds them, so that scales are the same.
        optimization.FuseAll(fused, precision: ScalarType.Float32);
        return fused;
    }

    /// <summary>A graph in evaluation mode in which the layers of libraries are torch.nn's.</summary>
    private static InferenceGraph Opened<T>(T model) where T : nn.Module, IGraphModule
    {
        var layers = new InferenceGraph(model, model.Program.EvalGraph.clone());
        new LeafInlining(layers).OpenModules(QuantizationTracer.IsStandIn, () => new QuantizationTracer { Training = false });
        return layers;
    }

    /// <summary>
    /// A copy of a graph module or extractor that observes the values which are to be quantised. Call it with the inputs that are
    /// typical, then take
    /// <see cref="convert_to_reference_fx"/>. Counterpart: <c>prepare_fx</c>.
    /// </summary>
    /// <param name="model">The module; it stays as it is.</param>
    /// <param name="qconfig_mapping">What is quantised how; all by histograms where null.</param>
    /// <param name="backend_config">What can be quantised; <see cref="BackendConfig.onednn"/> where null.</param>
    /// <returns>
    /// A module of the same type in evaluation mode, with weights of its own and observers named <c>activation_post_process_0</c> and
    /// so on.
    /// </returns>
    public static T prepare_fx<T>(T model, QConfigMapping? qconfig_mapping = null, BackendConfig? backend_config = null)
        where T : nn.Module, IGraphModule
        => Observed(fuse_fx(model), qconfig_mapping ?? QConfigMapping.default_mapping(), backend_config,
            ImmutableDictionary<string, Func<ObserverBase>>.Empty);

    /// <summary>Puts observers into a module without batch norms, which is the caller's.</summary>
    /// <param name="fused">The module.</param>
    /// <param name="mapping">What is quantised how.</param>
    /// <param name="backend_config">What can be quantised; <see cref="BackendConfig.onednn"/> where null.</param>
    /// <param name="known">What makes the observers of some nodes, by the nodes' names, in the place of the mapping's.</param>
    internal static T Observed<T>(
        T fused, QConfigMapping mapping, BackendConfig? backend_config, IReadOnlyDictionary<string, Func<ObserverBase>> known)
        where T : nn.Module, IGraphModule
    {
        var program = fused.Program;
        var graph = program.EvalGraph.clone();
        var quantizer = new Quantizer(mapping, backend_config ?? BackendConfig.onednn, program.Source.Module);
        var annotations = quantizer.Annotate(graph);
        foreach (var (node, annotation) in annotations)
            if (annotation.Config.has_weight && annotation.First == node)
                node.set_meta(ReferenceConversion.Weighted, annotation.QConfig);
        foreach (var (node, config) in quantizer.Recurrent(graph))
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
                "A model is quantised by the values that it computes of typical inputs, and there are none: give some.",
                nameof(calibration_inputs));
    }

    /// <summary>The same of a module that isn't a graph yet.</summary>
    /// <param name="model">The module; it stays as it is.</param>
    /// <param name="qconfig_mapping">What is quantised how; all by histograms where null.</param>
    /// <param name="backend_config">What can be quantised; <see cref="BackendConfig.onednn"/> where null.</param>
    /// <param name="example_inputs">Values to trace by, where the program looks at sizes.</param>
    public static GraphModule<T, TResult> prepare_fx<T, TResult>(nn.Module<T, TResult> model, QConfigMapping? qconfig_mapping = null,
        BackendConfig? backend_config = null, IReadOnlyList<object?>? example_inputs = null)
    {
        using var traced = Traced(model, example_inputs, (graph, constants) => new GraphModule<T, TResult>(model, graph, constants));
        return prepare_fx(traced, qconfig_mapping, backend_config);
    }

    /// <summary>
    /// The quantised copy of an observed module, as plain operations: values become steps and numbers again
    /// (<see cref="quantized_decomposed"/>), between them the
    /// operations compute in single precision, and weights are kept as steps. It runs anywhere, and says what int8 kernels compute.
    /// Counterpart: <c>convert_to_reference_fx</c>.
    /// </summary>
    /// <param name="graph_module">What <c>prepare_fx</c> made, after it has seen inputs; it stays as it is.</param>
    /// <returns>A module of the same type in evaluation mode.</returns>
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
    /// The quantised copy of an observed module, compiled: whole numbers between the layers, kernels of whole numbers in them where the
    /// processor has such (VNNI), else the reference graph optimised. To save or export take <see cref="convert_to_reference_fx"/>.
    /// Counterpart: <c>convert_fx</c>.
    /// </summary>
    /// <param name="graph_module">What <c>prepare_fx</c> made, after it has seen inputs; it stays as it is.</param>
    /// <returns>A module of the same type in evaluation mode.</returns>
    public static T convert_fx<T>(T graph_module) where T : nn.Module, IGraphModule
    {
        using var reference = convert_to_reference_fx(graph_module);
        return reference.optimize_for_inference();
    }

    /// <summary>
    /// A copy of a graph module whose linear and recurrent layers keep their weights as steps and take each input by its own range; it
    /// needs no calibration. Counterpart: <c>torch.ao.quantization.quantize_dynamic</c>, whose kernels use the lower half of the steps.
    /// </summary>
    /// <param name="model">The module; it stays as it is.</param>
    /// <param name="qconfig_mapping">
    /// What is quantised how; all linear and recurrent layers by <see cref="QConfig.default_dynamic_qconfig"/> with steps to 127 where
    /// null.
    /// </param>
    /// <returns>The reference graph, a module of the same type in evaluation mode, with weights of its own.</returns>
    public static T quantize_dynamic<T>(T model, QConfigMapping? qconfig_mapping = null) where T : nn.Module, IGraphModule
    {
        using var prepared = prepare_fx(model, qconfig_mapping ?? QConfigMapping.default_mapping(
            QConfig.default_dynamic_qconfig with { activation = () => new PlaceholderObserver(quant_max: 127) }));
        return convert_to_reference_fx(prepared);
    }

    /// <summary>
    /// A graph module or extractor that computes in eight bits, by what it sees in some inputs: <c>using var int8 =
    /// extractor.quantize(images);</c>.
    /// </summary>
    /// <param name="module">The module; it stays as it is.</param>
    /// <param name="calibration_inputs">Typical inputs, each as the module takes it. They stay the caller's.</param>
    /// <param name="qconfig_mapping">What is quantised how; all by histograms where null.</param>
    /// <returns>A module of the same type in evaluation mode, with weights of its own.</returns>
    /// <exception cref="ArgumentException">There are no inputs.</exception>
    public static T quantize<T>(this T module, IEnumerable<Tensor> calibration_inputs, QConfigMapping? qconfig_mapping = null)
        where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(calibration_inputs);
        using var prepared = prepare_fx(module, qconfig_mapping);
        Calibrate(prepared, calibration_inputs);
        return convert_to_reference_fx(prepared);
    }

    /// <summary>
    /// As <see cref="quantize{T}(T, IEnumerable{Tensor}, QConfigMapping?)"/>, but the layers whose quantisation costs most stay in
    /// floating point, as few as it takes for the
    /// outputs to meet a cosine.
    /// </summary>
    /// <param name="module">The module; it stays as it is.</param>
    /// <param name="calibration_inputs">Typical inputs, each as the module takes it. They stay the caller's.</param>
    /// <param name="target_cosine">The least cosine between each output and that in floating point, on each of the inputs.</param>
    /// <param name="qconfig_mapping">What is quantised how; all by histograms where null.</param>
    /// <exception cref="ArgumentException">There are no inputs.</exception>
    public static T quantize<T>(this T module, IReadOnlyList<Tensor> calibration_inputs, double target_cosine,
        QConfigMapping? qconfig_mapping = null)
        where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(calibration_inputs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(target_cosine, 1);
        using var floating = fuse_fx(module);
        return new PrecisionSearch<T>(floating, qconfig_mapping ?? QConfigMapping.default_mapping(), calibration_inputs).Run(target_cosine);
    }

    /// <summary>How far each value of a quantised module is from the one in floating point.</summary>
    /// <param name="model">The module that was quantised.</param>
    /// <param name="quantized">What was made of it.</param>
    /// <param name="inputs">Inputs to run both on. They stay the caller's.</param>
    public static QuantizationReport report<T>(T model, T quantized, IEnumerable<Tensor> inputs) where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(quantized);
        ArgumentNullException.ThrowIfNull(inputs);
        using var floating = fuse_fx(model);
        return QuantizationReport.Of(floating, quantized, inputs);
    }

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
