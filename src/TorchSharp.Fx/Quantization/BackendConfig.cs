using System.Collections.Immutable;

namespace TorchSharp.Fx;

/// <summary>
/// Whether a result shares the scale of the inputs. Counterpart: <c>torch.ao.quantization.backend_config.ObservationType</c>.
/// </summary>
public enum ObservationType
{
    /// <summary>The result has its own scale.</summary>
    OUTPUT_USE_DIFFERENT_OBSERVER_AS_INPUT,
    /// <summary>All inputs and the result share one scale: pooling, concatenation, and operations that only move values.</summary>
    OUTPUT_SHARE_OBSERVER_WITH_INPUT,
}

/// <summary>
/// A sequence of operations that are quantised together. Values between them are not quantised. Counterpart:
/// <c>torch.ao.quantization.backend_config.BackendPatternConfig</c>.
/// </summary>
/// <param name="pattern">The operations in the order in which they run, each the only reader of the one before: a function by its name
/// (<c>add</c>), a method with a dot (<c>.view</c>), a module by its class (<c>nn.Conv2d</c>). The methods <c>add</c>, <c>mul</c>,
/// <c>matmul</c> and <c>relu</c> count as functions.</param>
public sealed record BackendPatternConfig(params ImmutableArray<string> pattern)
{
    /// <summary>Whether the result shares the scale of the inputs.</summary>
    public ObservationType observation_type { get; init; }

    /// <summary>Whether the first operation has a weight, which is quantised, and a bias, which isn't.</summary>
    public bool has_weight { get; init; }

    /// <summary>
    /// Whether the first operation supports dynamic quantisation: each input is quantised by its own range, and the result is in floating
    /// point.
    /// </summary>
    public bool is_dynamic { get; init; }

    /// <summary>
    /// Whether it is a recurrent layer. With <see cref="is_dynamic"/> the layer itself quantises its inputs and states by their own ranges.
    /// </summary>
    public bool is_recurrent { get; init; }

    /// <summary>Whether one kernel computes the whole pattern. Such patterns are matched before the others.</summary>
    public bool is_fused { get; init; }

    /// <summary>The only scale and zero point that the result may have; null for any.</summary>
    public (float scale, long zero_point)? fixed_qparams { get; init; }
}

/// <summary>
/// The operations that a backend can compute with quantised values. Counterpart: <c>torch.ao.quantization.backend_config.BackendConfig</c>.
/// </summary>
/// <param name="name">The backend.</param>
/// <param name="configs">Its patterns. Of patterns of the same length, the first that matches is used.</param>
public sealed record BackendConfig(string name, ImmutableArray<BackendPatternConfig> configs)
{
    private static readonly string[] Convolutions = ["nn.Conv1d", "nn.Conv2d", "nn.Conv3d"];

    private static readonly string[] Relus = ["nn.ReLU", "relu"];

    /// <summary>Results whose range is known, with the scale and zero point that cover it.</summary>
    internal static ImmutableArray<(string Name, (float Scale, long ZeroPoint) QParams)> FixedRanges { get; } =
    [
        .. from operation in new[] { "nn.Hardsigmoid", "hardsigmoid", ".hardsigmoid", "nn.Sigmoid", "sigmoid", ".sigmoid", "nn.Softmax" }
           select (operation, (1f / 256, 0L)),
        .. from operation in new[] { "nn.Tanh", "tanh", ".tanh" } select (operation, (2f / 256, 128L)),
    ];

    /// <summary>The patterns that oneDNN computes in eight bits. Counterpart: <c>get_onednn_backend_config()</c>.</summary>
    public static BackendConfig onednn { get; } = new("onednn",
    [
        .. from layer in Convolutions
           from rest in new string[][] { ["add", "nn.ReLU"], ["add"], ["nn.ReLU"], ["relu"], [] }
           where rest is not ["add", ..] || layer == "nn.Conv2d"
           select new BackendPatternConfig([layer, .. rest]) { has_weight = true, is_fused = rest.Length > 0 },
        .. from rest in new string[][] { ["nn.ReLU"], ["relu"], ["nn.LeakyReLU"], ["leaky_relu"], ["nn.Tanh"], ["tanh"], [] }
           select new BackendPatternConfig(["nn.Linear", .. rest]) { has_weight = true, is_fused = rest.Length > 0, is_dynamic = true },
        .. from layer in new[] { "conv1d", "conv2d", "conv3d", "linear" }
           from rest in new string[][] { ["nn.ReLU"], ["relu"], [] }
           select new BackendPatternConfig([layer, .. rest]) { has_weight = true, is_dynamic = layer == "linear" },
        .. from layer in new[] { "nn.LSTM", "nn.GRU" }
           select new BackendPatternConfig(layer) { has_weight = true, is_dynamic = true, is_recurrent = true },
        .. from norm in new[] { "nn.BatchNorm2d", "nn.BatchNorm3d" }
           from rest in new string[][] { ["nn.ReLU"], ["relu"], [] }
           select new BackendPatternConfig([norm, .. rest]) { is_fused = rest.Length > 0 },
        .. from operation in new[] { "add", "mul" }
           from relu in Relus
           select new BackendPatternConfig(operation, relu),
        .. Each(ObservationType.OUTPUT_USE_DIFFERENT_OBSERVER_AS_INPUT, """
            add mul matmul nn.LayerNorm nn.ELU nn.LeakyReLU nn.Hardswish nn.InstanceNorm1d nn.InstanceNorm2d nn.InstanceNorm3d nn.Dropout
            nn.PReLU elu hardswish leaky_relu dropout
            """),
        .. Each(ObservationType.OUTPUT_SHARE_OBSERVER_WITH_INPUT, """
            cat nn.AdaptiveAvgPool1d nn.AdaptiveAvgPool2d nn.AdaptiveAvgPool3d nn.AvgPool1d nn.AvgPool2d nn.AvgPool3d nn.Hardtanh nn.Identity
            nn.MaxPool1d nn.MaxPool2d nn.MaxPool3d nn.PixelShuffle nn.PixelUnshuffle nn.ReLU nn.ReLU6 adaptive_avg_pool1d
            adaptive_avg_pool2d adaptive_avg_pool3d hardtanh hardtanh_ interpolate max_pool1d max_pool2d max_pool3d pixel_shuffle
            pixel_unshuffle relu relu6 avg_pool1d avg_pool2d avg_pool3d clamp flatten mean narrow repeat_interleave transpose squeeze
            stack unsqueeze .contiguous .clamp .detach .mean .permute .repeat .repeat_interleave .reshape .relu_ .squeeze .squeeze_
            .transpose .unsqueeze .unsqueeze_ .view
            """),
        .. from range in FixedRanges select new BackendPatternConfig(range.Name) { fixed_qparams = range.QParams },
    ]);

    /// <summary>
    /// The same without the fusions that only oneDNN has: a sum with a convolution, and functions other than ReLU after a linear layer.
    /// Counterpart: <c>get_native_backend_config()</c>.
    /// </summary>
    public static BackendConfig native { get; } = new("native",
        [.. onednn.configs.Where(config => !config.is_fused || config.pattern is [_, "nn.ReLU" or "relu"])]);

    private static IEnumerable<BackendPatternConfig> Each(ObservationType observation, string operations)
        => from operation in operations.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
           select new BackendPatternConfig(operation) { observation_type = observation };
}
