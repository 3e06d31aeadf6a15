using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>The observers of a quantised operation's values and weights. Counterpart: <c>torch.ao.quantization.QConfig</c>.</summary>
/// <param name="activation">Makes an observer for inputs and outputs.</param>
/// <param name="weight">Makes an observer for a weight.</param>
public sealed record QConfig(Func<ObserverBase> activation, Func<ObserverBase> weight)
{
    /// <summary>
    /// Histograms for activations, a scale for each output of a layer for weights. Counterpart: <c>get_default_qconfig("onednn")</c>.
    /// </summary>
    public static QConfig default_qconfig { get; } = new(() => new HistogramObserver(), PerChannelWeights);

    /// <summary>The same by lowest and highest values.</summary>
    public static QConfig minmax_qconfig { get; } = new(() => new MinMaxObserver(), PerChannelWeights);

    /// <summary>The same by moving averages of the lowest and highest values.</summary>
    public static QConfig moving_average_qconfig { get; } = new(() => new MovingAverageMinMaxObserver(), PerChannelWeights);

    /// <summary>
    /// Inputs by their own range when the model runs, one scale for each weight. Counterpart: <c>default_dynamic_qconfig</c>.
    /// </summary>
    public static QConfig default_dynamic_qconfig { get; } = new(() => new PlaceholderObserver(),
        () => new MinMaxObserver(ScalarType.Int8, QScheme.per_tensor_symmetric));

    /// <summary>The same with a scale for each output of a layer. Counterpart: <c>per_channel_dynamic_qconfig</c>.</summary>
    public static QConfig per_channel_dynamic_qconfig { get; } = new(() => new PlaceholderObserver(), PerChannelWeights);

    /// <summary>Fake quantisation, to train with. Counterpart: <c>get_default_qat_qconfig("onednn")</c>.</summary>
    public static QConfig default_qat_qconfig { get; } = new(() => new FakeQuantize(new MovingAverageMinMaxObserver()),
        () => new FakeQuantize(new MovingAveragePerChannelMinMaxObserver(0.01, 0, ScalarType.Int8, QScheme.per_channel_symmetric)));

    private static PerChannelMinMaxObserver PerChannelWeights() => new(0, ScalarType.Int8, QScheme.per_channel_symmetric);
}

/// <summary>
/// Says what is quantised how: the configuration of a name goes before that of a pattern of names, that before a type's, and that
/// before the global
/// one. Each method returns the mapping. Counterpart: <c>torch.ao.quantization.QConfigMapping</c>.
/// </summary>
public sealed class QConfigMapping
{
    private readonly Dictionary<string, QConfig?> types = new(StringComparer.Ordinal);
    private readonly List<(Regex Pattern, QConfig? Config)> patterns = [];
    private readonly Dictionary<string, QConfig?> names = new(StringComparer.Ordinal);
    private QConfig? global;

    /// <summary>
    /// All that can be is quantised by one configuration; sigmoid, softmax and tanh by the ranges that they have. Counterpart:
    /// <c>get_default_qconfig_mapping</c>.
    /// </summary>
    /// <param name="qconfig">The configuration; <see cref="QConfig.default_qconfig"/> where null.</param>
    public static QConfigMapping default_mapping(QConfig? qconfig = null)
    {
        var config = qconfig ?? QConfig.default_qconfig;
        var mapping = new QConfigMapping().set_global(config);
        using var activation = config.activation();
        if (!activation.is_dynamic)
            foreach (var (name, (scale, zero)) in BackendConfig.FixedRanges)
                mapping.set_object_type(name, config with { activation = () => new FixedQParamsObserver(scale, zero) });
        return mapping;
    }

    /// <summary>Sets the configuration that holds where nothing else says more.</summary>
    /// <param name="qconfig">The configuration; null for what stays in floating point.</param>
    public QConfigMapping set_global(QConfig? qconfig)
    {
        global = qconfig;
        return this;
    }

    /// <summary>Sets the configuration of a type of modules.</summary>
    /// <param name="type">The type, <c>typeof(Linear)</c>.</param>
    /// <param name="qconfig">The configuration; null for what stays in floating point.</param>
    public QConfigMapping set_object_type(Type type, QConfig? qconfig)
    {
        ArgumentNullException.ThrowIfNull(type);
        return set_object_type("nn." + type.Name, qconfig);
    }

    /// <summary>Sets the configuration of an operation.</summary>
    /// <param name="name">
    /// A function's or method's name, <c>add</c>, or that of a module's class after <c>nn.</c>, <c>nn.Conv2d</c>.
    /// </param>
    /// <param name="qconfig">The configuration; null for what stays in floating point.</param>
    public QConfigMapping set_object_type(string name, QConfig? qconfig)
    {
        types[name] = qconfig;
        return this;
    }

    /// <summary>
    /// Sets the configuration of modules whose names match a regular expression from their start; the first that does counts.
    /// </summary>
    /// <param name="module_name_regex">The expression.</param>
    /// <param name="qconfig">The configuration; null for what stays in floating point.</param>
    public QConfigMapping set_module_name_regex(string module_name_regex, QConfig? qconfig)
    {
        patterns.Add((new Regex($"^(?:{module_name_regex})", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)), qconfig));
        return this;
    }

    /// <summary>Sets the configuration of a module and all inside it.</summary>
    /// <param name="module_name">Its name, <c>layer1.0.conv1</c>; also a node's, <c>layer1.0.add</c>.</param>
    /// <param name="qconfig">The configuration; null for what stays in floating point.</param>
    public QConfigMapping set_module_name(string module_name, QConfig? qconfig)
    {
        names[module_name] = qconfig;
        return this;
    }

    /// <summary>The same mapping, but that some names stay in floating point.</summary>
    internal QConfigMapping Without(ReadOnlySpan<string> others)
    {
        var mapping = new QConfigMapping { global = global };
        foreach (var (type, config) in types)
            mapping.types[type] = config;
        mapping.patterns.AddRange(patterns);
        foreach (var (name, config) in names)
            mapping.names[name] = config;
        foreach (var name in others)
            mapping.names[name] = null;
        return mapping;
    }

    /// <summary>The configuration of an operation; null for what stays in floating point.</summary>
    /// <param name="name">The module's path, or the node's.</param>
    /// <param name="type">The operation.</param>
    /// <param name="others">Other names that it has.</param>
    internal QConfig? Of(string name, string type, IEnumerable<string> others)
    {
        foreach (var other in others)
            if (names.TryGetValue(other, out var exact))
                return exact;
        for (var path = name; ; path = ModuleHierarchy.Split(path).Prefix)
            if (names.TryGetValue(path, out var own))
                return own;
            else if (path.Length == 0)
                break;
        foreach (var (pattern, config) in patterns)
            if (pattern.IsMatch(name))
                return config;
        return types.TryGetValue(type, out var typed) ? typed : global;
    }
}
