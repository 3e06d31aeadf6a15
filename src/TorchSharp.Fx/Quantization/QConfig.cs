using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>The observers of a quantised operation's values and weights. Counterpart: <c>torch.ao.quantization.QConfig</c>.</summary>
/// <param name="activation">Makes an observer for inputs and outputs.</param>
/// <param name="weight">Makes an observer for a weight.</param>
public sealed record QConfig(Func<ObserverBase> activation, Func<ObserverBase> weight)
{
    /// <summary>
    /// Histogram observers for activations; for weights one scale per output channel. Counterpart: <c>get_default_qconfig("onednn")</c>.
    /// </summary>
    public static QConfig default_qconfig { get; } = new(() => new HistogramObserver(), PerChannelWeights);

    /// <summary>The same with minimum and maximum instead of histograms.</summary>
    public static QConfig minmax_qconfig { get; } = new(() => new MinMaxObserver(), PerChannelWeights);

    /// <summary>The same with moving averages of minimum and maximum instead of histograms.</summary>
    public static QConfig moving_average_qconfig { get; } = new(() => new MovingAverageMinMaxObserver(), PerChannelWeights);

    /// <summary>
    /// Dynamic quantisation: each input by its own range when the model runs; one scale for each weight. Counterpart:
    /// <c>default_dynamic_qconfig</c>.
    /// </summary>
    public static QConfig default_dynamic_qconfig { get; } = new(() => new PlaceholderObserver(),
        () => new MinMaxObserver(ScalarType.Int8, QScheme.per_tensor_symmetric));

    /// <summary>The same with one scale per output channel of a weight. Counterpart: <c>per_channel_dynamic_qconfig</c>.</summary>
    public static QConfig per_channel_dynamic_qconfig { get; } = new(() => new PlaceholderObserver(), PerChannelWeights);

    /// <summary>Fake quantisation, for quantisation-aware training. Counterpart: <c>get_default_qat_qconfig("onednn")</c>.</summary>
    public static QConfig default_qat_qconfig { get; } = new(() => new FakeQuantize(new MovingAverageMinMaxObserver()),
        () => new FakeQuantize(new MovingAveragePerChannelMinMaxObserver(0.01, 0, ScalarType.Int8, QScheme.per_channel_symmetric)));

    private static PerChannelMinMaxObserver PerChannelWeights() => new(0, ScalarType.Int8, QScheme.per_channel_symmetric);
}

/// <summary>
/// Assigns a <see cref="QConfig"/> to each part of a model. A configuration by name has priority over one by name pattern, that over one by
/// type, and that over the global one. Each method returns the mapping. Counterpart: <c>torch.ao.quantization.QConfigMapping</c>.
/// </summary>
public sealed class QConfigMapping
{
    /// <summary>The type under which attention has its configuration.</summary>
    internal const string Attention = "nn.MultiheadAttention";

    private readonly Dictionary<string, QConfig?> types = new(StringComparer.Ordinal);
    private readonly List<(Regex Pattern, QConfig? Config)> patterns = [];
    private readonly Dictionary<string, QConfig?> names = new(StringComparer.Ordinal);
    private QConfig? global;

    /// <summary>
    /// Everything that can be quantised has one configuration; sigmoid, softmax and tanh have the fixed ranges of their results.
    /// Counterpart: <c>get_default_qconfig_mapping</c>.
    /// </summary>
    /// <param name="qconfig">The configuration; <see cref="QConfig.default_qconfig"/> when null.</param>
    /// <param name="attention">Whether it also applies to the linear layers in <c>MultiheadAttention</c>, as in PyTorch's eager mode
    /// (<c>get_default_custom_config_dict</c>); not where it trains.</param>
    public static QConfigMapping default_mapping(QConfig? qconfig = null, bool attention = false)
    {
        var config = qconfig ?? QConfig.default_qconfig;
        var mapping = new QConfigMapping().set_global(config);
        if (attention)
            mapping.set_object_type(Attention, config);
        using var activation = config.activation();
        if (!activation.is_dynamic)
            foreach (var (name, (scale, zero)) in BackendConfig.FixedRanges)
                mapping.set_object_type(name, config with { activation = () => new FixedQParamsObserver(scale, zero) });
        return mapping;
    }

    /// <summary>Sets the configuration for everything that no other one applies to.</summary>
    /// <param name="qconfig">The configuration; null to stay in floating point.</param>
    public QConfigMapping set_global(QConfig? qconfig)
    {
        global = qconfig;
        return this;
    }

    /// <summary>Sets the configuration of a type of modules.</summary>
    /// <param name="type">The type, <c>typeof(Linear)</c>; of <c>MultiheadAttention</c> the linear layers in it are meant.</param>
    /// <param name="qconfig">The configuration; null to stay in floating point.</param>
    public QConfigMapping set_object_type(Type type, QConfig? qconfig)
    {
        ArgumentNullException.ThrowIfNull(type);
        return set_object_type("nn." + type.Name, qconfig);
    }

    /// <summary>Sets the configuration of an operation.</summary>
    /// <param name="name">The name of a function or method (<c>add</c>), or of a module's class (<c>nn.Conv2d</c>).</param>
    /// <param name="qconfig">The configuration; null to stay in floating point.</param>
    public QConfigMapping set_object_type(string name, QConfig? qconfig)
    {
        types[name] = qconfig;
        return this;
    }

    /// <summary>
    /// Sets the configuration of modules whose names match a regular expression from their start. The first expression that matches
    /// applies.
    /// </summary>
    /// <param name="module_name_regex">The expression.</param>
    /// <param name="qconfig">The configuration; null to stay in floating point.</param>
    public QConfigMapping set_module_name_regex(string module_name_regex, QConfig? qconfig)
    {
        patterns.Add((new Regex($"^(?:{module_name_regex})", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)), qconfig));
        return this;
    }

    /// <summary>Sets the configuration of a module and all inside it.</summary>
    /// <param name="module_name">The module's name (<c>layer1.0.conv1</c>), or a node's (<c>layer1.0.add</c>).</param>
    /// <param name="qconfig">The configuration; null to stay in floating point.</param>
    public QConfigMapping set_module_name(string module_name, QConfig? qconfig)
    {
        names[module_name] = qconfig;
        return this;
    }

    /// <summary>Whether the layers in a module of a type have a configuration, so that it has to be opened.</summary>
    internal bool Opens(Type type) => "nn." + type.Name is Attention && HasAttention;

    /// <summary>Whether the layers in attention have a configuration.</summary>
    internal bool HasAttention => types.GetValueOrDefault(Attention) is not null;

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
    /// <param name="within">The type of the opened module that it is in.</param>
    internal QConfig? Of(string name, string type, IEnumerable<string> others, string? within = null)
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
        return types.TryGetValue(type, out var typed) || types.TryGetValue(within ?? "", out typed) ? typed : global;
    }
}
