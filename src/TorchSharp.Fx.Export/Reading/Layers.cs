using System.Collections.Frozen;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>
/// Layers of PyTorch's that are one operation, and what makes TorchSharp's layer of the same settings. A maker gives null where TorchSharp
/// has no layer with them: the operation then stays one.
/// Modules are made without memory where they can be; their tensors are put in afterwards.
/// </summary>
internal static class Layers
{
    private static readonly FrozenDictionary<string, (string Overload, Func<LayerCall, nn.Module?> Make)> Table = new Dictionary<string,
        (string, Func<LayerCall, nn.Module?>)>
    {
        ["conv.Conv1d"] = ("conv1d", call => Convolution(call)
            ? nn.Conv1d(In(call), call.Shape("weight")[0], call.Shape("weight")[2], call.Sizes("stride", 1)[0], call.Sizes("padding", 1)[0],
            call.Sizes("dilation", 1)[0],
            groups: call.Integer("groups"), bias: call.Owns("bias"), device: META) : null),
        ["conv.Conv2d"] = ("conv2d", call => Convolution(call)
            ? nn.Conv2d(In(call), call.Shape("weight")[0], Pair(call.Shape("weight")[2..]), Pair(call.Sizes("stride", 2)),
            Pair(call.Sizes("padding", 2)), Pair(call.Sizes("dilation", 2)),
            groups: call.Integer("groups"), bias: call.Owns("bias"), device: META) : null),
        ["conv.Conv3d"] = ("conv3d", call => Convolution(call)
            ? nn.Conv3d(In(call), call.Shape("weight")[0], Triple(call.Shape("weight")[2..]), Triple(call.Sizes("stride", 3)),
            Triple(call.Sizes("padding", 3)), Triple(call.Sizes("dilation", 3)),
            groups: call.Integer("groups"), bias: call.Owns("bias"), device: META) : null),
        ["conv.ConvTranspose2d"] = ("conv_transpose2d.input", call => Convolution(call)
            ? nn.ConvTranspose2d(call.Shape("weight")[0], call.Shape("weight")[1] * call.Integer("groups"), Pair(call.Shape("weight")[2..]),
            Pair(call.Sizes("stride", 2)), Pair(call.Sizes("padding", 2)), Pair(call.Sizes("output_padding", 2)),
                Pair(call.Sizes("dilation", 2)), groups: call.Integer("groups"), bias: call.Owns("bias"), device: META) : null),
        ["linear.Linear"] = ("linear", call => call.Owns("weight") && call.OwnsOrLacks("bias")
            ? nn.Linear(call.Shape("weight")[1], call.Shape("weight")[0], call.Owns("bias"), device: META) : null),
        ["sparse.Embedding"] = ("embedding", Embedding),
        ["batchnorm.BatchNorm1d"] = ("batch_norm", call => BatchNorm(call)
            ? nn.BatchNorm1d(Features(call), call.Number("eps"), call.Number("momentum"), call.Owns("weight"), call.Owns("running_mean"),
            device: META) : null),
        ["batchnorm.BatchNorm2d"] = ("batch_norm", call => BatchNorm(call)
            ? nn.BatchNorm2d(Features(call), call.Number("eps"), call.Number("momentum"), call.Owns("weight"), call.Owns("running_mean"),
            device: META) : null),
        ["batchnorm.BatchNorm3d"] = ("batch_norm", call => BatchNorm(call)
            ? nn.BatchNorm3d(Features(call), call.Number("eps"), call.Number("momentum"), call.Owns("weight"), call.Owns("running_mean"),
            device: META) : null),
        ["normalization.LayerNorm"] = ("layer_norm", call => call.OwnsOrLacks("weight", "bias")
            && (call.Owns("weight") || call.Lacks("bias"))
            ? nn.LayerNorm(call.Sizes("normalized_shape", Rank(call)), call.Number("eps"), call.Owns("weight"), call.Owns("bias"),
                device: META) : null),
        ["normalization.GroupNorm"] = ("group_norm", call => call.Owns("weight") && call.Owns("bias")
            ? nn.GroupNorm(call.Integer("num_groups"), call.Shape("weight")[0], call.Number("eps"), device: META) : null),
        ["activation.ReLU"] = ("relu", _ => nn.ReLU()),
        ["activation.ReLU/"] = ("relu_", _ => nn.ReLU(inplace: true)),
        ["activation.ReLU6"] = ("hardtanh", call => IsSix(call) ? nn.ReLU6() : null),
        ["activation.ReLU6/"] = ("hardtanh_", call => IsSix(call) ? nn.ReLU6(inplace: true) : null),
        ["activation.GELU"] =
            ("gelu", call => call.Text("approximate") == "none" ? nn.GELU() : nn.GELU(TorchSharp.Modules.GELU.Approximate.tanh)),
        ["activation.SiLU"] = ("silu", _ => nn.SiLU()),
        ["activation.SiLU/"] = ("silu_", _ => nn.SiLU(inplace: true)),
        ["activation.Mish"] = ("mish", _ => nn.Mish()),
        ["activation.Hardswish"] = ("hardswish", _ => nn.Hardswish()),
        ["activation.Hardswish/"] = ("hardswish_", _ => nn.Hardswish(inplace: true)),
        ["activation.Hardsigmoid"] = ("hardsigmoid", _ => nn.Hardsigmoid()),
        ["activation.Hardsigmoid/"] = ("hardsigmoid_", _ => nn.Hardsigmoid(inplace: true)),
        ["activation.Sigmoid"] = ("sigmoid", _ => nn.Sigmoid()),
        ["activation.Tanh"] = ("tanh", _ => nn.Tanh()),
        ["activation.LeakyReLU"] = ("leaky_relu", call => nn.LeakyReLU(call.Number("negative_slope"))),
        ["activation.LeakyReLU/"] = ("leaky_relu_", call => nn.LeakyReLU(call.Number("negative_slope"), inplace: true)),
        ["activation.ELU"] = ("elu", call => call.Number("scale") == 1 && call.Number("input_scale") == 1 ? nn.ELU(call.Number("alpha"))
            : null),
        ["activation.Softplus"] = ("softplus", call => nn.Softplus(call.Number("beta"), call.Number("threshold"))),
        ["activation.Softmax"] = ("softmax.int", call => call.IsGiven("dtype") ? null : nn.Softmax(call.Integer("dim"))),
        ["activation.LogSoftmax"] = ("log_softmax.int", call => call.IsGiven("dtype") ? null : nn.LogSoftmax(call.Integer("dim"))),
        ["dropout.Dropout"] = ("dropout", call => nn.Dropout(call.Number("p"))),
        ["dropout.Dropout/"] = ("dropout_", call => nn.Dropout(call.Number("p"), inplace: true)),
        ["flatten.Flatten"] = ("flatten.using_ints", call => nn.Flatten(call.Integer("start_dim"), call.Integer("end_dim"))),
        ["pooling.MaxPool2d"] = ("max_pool2d", call
            => nn.MaxPool2d(call.Sizes("kernel_size", 2), call.SizesOrNull("stride", 2), call.Sizes("padding", 2),
            call.Sizes("dilation", 2), call.Flag("ceil_mode"))),
        ["pooling.AvgPool2d"] = ("avg_pool2d", call
            => nn.AvgPool2d(call.Sizes("kernel_size", 2), call.SizesOrNull("stride", 2), call.Sizes("padding", 2), call.Flag("ceil_mode"),
            call.Flag("count_include_pad"),
            call.IsGiven("divisor_override") ? call.Integer("divisor_override") : null)),
        ["pooling.AdaptiveAvgPool2d"] = ("adaptive_avg_pool2d", call => nn.AdaptiveAvgPool2d(call.Sizes("output_size", 2))),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The mode that the program's call is in: layers with a flag for it follow <c>train</c> afterwards.</summary>
    internal static bool IsTraining(LayerCall call) => call.Overload switch
    {
        "batch_norm" => call.Flag("training"),
        "dropout" or "dropout_" => call.Flag("train"),
        _ => false,
    };

    /// <summary>The layer of TorchSharp's that does what the call does; null where there is none.</summary>
    /// <param name="type">The layer's class in Python.</param>
    /// <param name="call">The call.</param>
    internal static nn.Module? Make(string type, LayerCall call)
    {
        var name = type.Replace("torch.nn.modules.", "", StringComparison.Ordinal);
        foreach (var key in new[] { name, name + "/" })
            if (Table.TryGetValue(key, out var row) && row.Overload == call.Overload)
                try
                {
                    return row.Make(call);
                }
                catch (Exception error) when (error is NotSupportedException or ArgumentException or InvalidOperationException
                    or IndexOutOfRangeException or System.Runtime.InteropServices.ExternalException or OverflowException)
                {
                    // Settings that depend on an input, or that TorchSharp refuses: the operation says what is wrong when it runs.
                    return null;
                }
        return null;
    }

    private static bool Convolution(LayerCall call) => call.Owns("weight") && call.OwnsOrLacks("bias");

    private static bool BatchNorm(LayerCall call) => call.OwnsOrLacks("weight", "bias", "running_mean", "running_var")
        && call.Owns("weight") == call.Owns("bias") && call.Owns("running_mean") == call.Owns("running_var")
            && (call.Owns("weight") || call.Owns("running_mean"));

    private static bool IsSix(LayerCall call) => call.Number("min_val") == 0 && call.Number("max_val") == 6;

    private static nn.Module? Embedding(LayerCall call)
    {
        if (!call.Owns("weight") || call.Shape("weight") is not [var rows, var width])
            return null;
        var padding = call.Integer("padding_idx");
        var settings = new Dictionary<string, object?>
        {
            ["num_embeddings"] = rows, ["embedding_dims"] = width, ["padding_idx"] = padding < 0 ? null : padding, ["max_norm"] = null,
                ["norm_type"] = 2.0,
            ["scale_grad_by_freq"] = call.Flag("scale_grad_by_freq"), ["sparse"] = call.Flag("sparse"),
        };
        return NativeSettings.Build("Embedding", settings, new Dictionary<string, long[]> { ["weight"] = [rows, width] });
    }

    private static long In(LayerCall call) => call.Shape("weight")[1] * call.Integer("groups");

    private static long Features(LayerCall call) => call.Shape(call.Owns("weight") ? "weight" : "running_mean")[0];

    private static int Rank(LayerCall call) => call.Owns("weight") ? call.Shape("weight").Length : 1;

    private static (long, long) Pair(long[] sizes) => (sizes[0], sizes[1]);

    private static (long, long, long) Triple(long[] sizes) => (sizes[0], sizes[1], sizes[2]);
}
