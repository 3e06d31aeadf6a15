using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>A layer's call as one operation of ATen.</summary>
/// <param name="Schema">The operation.</param>
/// <param name="Type">The layer's class in Python.</param>
/// <param name="Input">The argument that is the layer's input.</param>
/// <param name="Tensors">The arguments that are the layer's own tensors, by the names that these have in it.</param>
/// <param name="Settings">The other arguments.</param>
internal sealed record LayerOperation(AtenSchema Schema, string Type, string Input, ImmutableArray<string> Tensors,
    ImmutableArray<(string Name, Argument Argument)> Settings);

/// <summary>The ATen operations of TorchSharp's layers: the layers that <see cref="Layers"/> makes, the other way round.</summary>
internal static class LayerWriter
{
    /// <summary>Class, its namespace in Python, and the operation: its input first, then tensors and settings of the layer by their names,
    /// or <c>argument=setting</c>. <c>[_]</c> where there is a form in place.</summary>
    private const string Table = """
        Conv1d conv conv1d input weight bias stride padding dilation groups
        Conv2d conv conv2d input weight bias stride padding dilation groups
        Conv3d conv conv3d input weight bias stride padding dilation groups
        ConvTranspose1d conv conv_transpose1d input weight bias stride padding output_padding groups dilation
        ConvTranspose2d conv conv_transpose2d.input input weight bias stride padding output_padding groups dilation
        ConvTranspose3d conv conv_transpose3d.input input weight bias stride padding output_padding groups dilation
        Linear linear linear input weight bias
        Embedding sparse embedding indices weight padding_idx scale_grad_by_freq sparse
        BatchNorm1d batchnorm batch_norm input weight bias running_mean running_var training=! momentum eps cudnn_enabled=true
        BatchNorm2d batchnorm batch_norm input weight bias running_mean running_var training=! momentum eps cudnn_enabled=true
        BatchNorm3d batchnorm batch_norm input weight bias running_mean running_var training=! momentum eps cudnn_enabled=true
        LayerNorm normalization layer_norm input normalized_shape weight bias eps
        GroupNorm normalization group_norm input num_groups weight bias eps
        ReLU activation relu[_] self
        ReLU6 activation hardtanh[_] self min_val=0 max_val=6
        GELU activation gelu[_] self approximate
        SiLU activation silu[_] self
        Mish activation mish[_] self
        Hardswish activation hardswish[_] self
        Hardsigmoid activation hardsigmoid[_] self
        Sigmoid activation sigmoid[_] self
        Tanh activation tanh[_] self
        LeakyReLU activation leaky_relu[_] self negative_slope
        ELU activation elu[_] self alpha
        Softplus activation softplus self beta threshold
        Softmax activation softmax.int self dim
        LogSoftmax activation log_softmax.int self dim
        Dropout dropout dropout[_] input|self p train=!
        Flatten flatten flatten.using_ints self start_dim end_dim
        MaxPool2d pooling max_pool2d self kernel_size stride padding dilation ceil_mode
        AvgPool2d pooling avg_pool2d self kernel_size stride padding ceil_mode count_include_pad divisor_override
        MaxPool1d pooling max_pool1d self kernel_size stride padding dilation ceil_mode
        MaxPool3d pooling max_pool3d self kernel_size stride padding dilation ceil_mode
        AdaptiveAvgPool1d pooling adaptive_avg_pool1d self output_size
        AdaptiveAvgPool2d pooling adaptive_avg_pool2d self output_size
        AdaptiveAvgPool3d pooling adaptive_avg_pool3d self output_size
        PixelShuffle pixelshuffle pixel_shuffle self upscale_factor
        PixelUnshuffle pixelshuffle pixel_unshuffle self downscale_factor
        ChannelShuffle channelshuffle channel_shuffle self groups
        CELU activation celu[_] self alpha
        SELU activation selu[_] self
        PReLU activation prelu self weight
        Softshrink activation softshrink self lambd=lambda
        Hardshrink activation hardshrink self lambd=lambda
        LogSigmoid activation log_sigmoid self
        Threshold activation threshold[_] self threshold value
        GLU activation glu self dim
        Softmax2d activation softmax.int self dim=-3
        Dropout1d dropout feature_dropout[_] input|self p train=!
        Dropout2d dropout feature_dropout[_] input|self p train=!
        Dropout3d dropout feature_dropout[_] input|self p train=!
        AlphaDropout dropout alpha_dropout[_] input|self p train=!
        FeatureAlphaDropout dropout feature_alpha_dropout[_] input|self p train=!
        Unflatten flatten unflatten.int self dim sizes=unflattened_size
        InstanceNorm1d instancenorm instance_norm input weight bias running_mean running_var use_input_stats=? momentum eps cudnn_enabled=true
        InstanceNorm2d instancenorm instance_norm input weight bias running_mean running_var use_input_stats=? momentum eps cudnn_enabled=true
        InstanceNorm3d instancenorm instance_norm input weight bias running_mean running_var use_input_stats=? momentum eps cudnn_enabled=true
        AvgPool1d pooling avg_pool1d self kernel_size stride padding ceil_mode count_include_pad
        AvgPool3d pooling avg_pool3d self kernel_size stride padding ceil_mode count_include_pad divisor_override
        Unfold fold im2col self kernel_size dilation padding stride
        Fold fold col2im self output_size kernel_size dilation padding stride
        ReflectionPad1d padding reflection_pad1d self padding
        ReflectionPad2d padding reflection_pad2d self padding
        ReflectionPad3d padding reflection_pad3d self padding
        ReplicationPad1d padding replication_pad1d self padding
        ReplicationPad2d padding replication_pad2d self padding
        ReplicationPad3d padding replication_pad3d self padding
        ConstantPad1d padding constant_pad_nd self pad=padding value
        ConstantPad2d padding constant_pad_nd self pad=padding value
        ConstantPad3d padding constant_pad_nd self pad=padding value
        ZeroPad2d padding constant_pad_nd self pad=padding value=0
        """;

    private static readonly FrozenDictionary<string,
        string[]> Rows = Table.Split('\n').Select(row => row.Trim().Split(' ')).ToFrozenDictionary(row => row[0], row => row[1..],
        StringComparer.Ordinal);

    /// <summary>The operation of a layer.</summary>
    /// <exception cref="NotSupportedException">There is none for such a layer.</exception>
    internal static LayerOperation Of(nn.Module module)
    {
        var type = module.GetType().Name;
        if (module.GetType().Assembly != TensorTypes.TorchSharp || !Rows.TryGetValue(type, out var row))
            throw new NotSupportedException($"{type} has no operation of ATen in the table of layers");
        using var json = Settings(module);
        var settings = json.RootElement.GetProperty("settings");
        if (settings.Find("padding_mode") is { } padding && padding.GetString() != "Zeros")
            throw new NotSupportedException($"its padding is {padding.GetString()}, which ATen has as an operation of its own");
        var inPlace = settings.Find("inplace") is { ValueKind: JsonValueKind.True };
        var schema = AtenSchema.Find(row[1].Replace("[_]", inPlace ? "_" : "", StringComparison.Ordinal))
            ?? throw new NotSupportedException($"{type} has no operation in place");
        var tensors = ImmutableArray.CreateBuilder<string>();
        var arguments = ImmutableArray.CreateBuilder<(string, Argument)>();
        foreach (var entry in row[3..])
        {
            var (name, setting) = entry.Split('=') is [var left, var right] ? (left, right) : (entry, entry);
            var parameter = schema.Parameters.First(parameter => parameter.Name == name);
            if (parameter.Type.Name == "Tensor")
            {
                if (Registry.Get(module, name) is not null)
                    tensors.Add(name);
            }
            else if (Setting(module, settings, setting, parameter, type) is { } argument)
                arguments.Add((name, argument));
        }
        return new(schema, $"torch.nn.modules.{row[0]}.{type}",
            schema.Parameters.First(parameter => row[2].Split('|').Contains(parameter.Name)).Name, tensors.ToImmutable(),
            arguments.ToImmutable());
    }

    private static JsonDocument Settings(nn.Module module)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            ModuleSettings.Write(json, module);
            json.WriteEndObject();
        }
        return JsonDocument.Parse(buffer.ToArray());
    }

    private static Argument? Setting(nn.Module module, JsonElement settings, string name, AtenParameter parameter, string type)
    {
        if (name == "!")
            return module.training;
        // A norm without statistics of its own goes by its input's.
        if (name == "?")
            return module.training || Registry.Get(module, "running_mean") is null;
        if (Form.IsConstant(name))
            return Form.Constant(name);
        if (settings.Find(name) is not { } value)
            return null;
        // Which argument is left out says what null means, but for a padding that has a name.
        if (value.ValueKind == JsonValueKind.Null)
            return parameter.Name == "padding" && type.StartsWith("Conv", StringComparison.Ordinal)
                ? throw new NotSupportedException("its padding has a name and not a size") : null;
        return Value(value, parameter.Type);
    }

    private static Argument Value(JsonElement value, AtenType type) => value.ValueKind switch
    {
        JsonValueKind.Array => new ListArgument([.. value.EnumerateArray().Select(item => Value(item, type.Item))],
            AtenSchema.ItemType(type)),
        _ when type.IsList => new ListArgument([.. Enumerable.Repeat(Value(value, type.Item), type.Count)], AtenSchema.ItemType(type)),
        JsonValueKind.True or JsonValueKind.False => value.GetBoolean(),
        JsonValueKind.Number => value.GetInt64(),
        _ => type.Name == "str" ? value.GetString()! : double.Parse(value.GetString()!, CultureInfo.InvariantCulture),
    };
}
