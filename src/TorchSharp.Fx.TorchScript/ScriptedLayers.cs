using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript;

/// <summary>Calls whose form depends on settings.</summary>
internal static class ScriptedLayers
{
    private const string Nearest = """
        def nearest(x: Tensor,
            size: Optional[List[int]],
            scale: Optional[List[float]]) -> Tensor:
          if torch.eq(torch.dim(x), 3):
            y = torch.upsample_nearest1d(x, size, scale)
          else:
            if torch.eq(torch.dim(x), 4):
              y = torch.upsample_nearest2d(x, size, scale)
            else:
              y = torch.upsample_nearest3d(x, size, scale)
          return y
        """;

    private const string ChannelDropout = """
        def channel_dropout(x: Tensor,
            p: float,
            rank: int) -> Tensor:
          if torch.eq(torch.dim(x), rank):
            y = torch.feature_dropout(x, p, True)
          else:
            y = torch.squeeze(torch.feature_dropout(torch.unsqueeze(x, 0), p, True), 0)
          return y
        """;

    private const string Masked = """
        def masked(scores: Tensor,
            mask: Tensor) -> Tensor:
          if torch.eq(ops.prim.dtype(mask), 11):
            y = torch.masked_fill(scores, torch.logical_not(mask), float("-inf"))
          else:
            y = torch.add(scores, mask)
          return y
        """;

    internal static void AddTo(Dictionary<string, Func<Script, Call, string>> table)
    {
        for (var n = 1; n <= 3; n++)
        {
            var dimensions = n;
            table[$"conv{n}d"] = (_, call) => Convolution(call, dimensions);
            table[$"conv{n}d_padding"] = (_, call) => Convolution(call, dimensions);
            table[$"convtranspose{n}d"] = (_, call) =>
                $"torch.conv_transpose{dimensions}d({call.At(0)}, {call.Named("weight")}, {call.Named("bias") ?? "None"}, "
                    + $"{call.Named("stride")}, {call.Named("padding")}, {call.Named("output_padding")}, {call.Named("groups")}, "
                    + $"{call.Named("dilation")})";
            table[$"batchnorm{n}d"] = BatchNorm;
            table[$"instancenorm{n}d"] = InstanceNorm;
            table[$"dropout{n}d"] = (script, call) => Dropout(script, call, dimensions);
            table[$"dropout{n}d_"] = (script, call) => $"torch.copy_({call.At(0)}, {Dropout(script, call, dimensions)})";
        }
        table["interpolate"] = (script, call) => Resize(script, call, call.Setting("mode"), call.Named("size"), call.Named("scale_factor"));
        table["upsample"] = (script, call) => call.Module is Upsample module
            ? Resize(script, call, call.Setting("mode"), Expressions.OfValue(Field(module, "_size")),
                Expressions.OfValue(Field(module, "_scale_factor")))
            : Resize(script, call, call.Setting("mode"), call.Named("size"), call.Named("scale_factor"));
        foreach (var name in new[] { "quantile", "nanquantile" })
            table[name] = (_, call) =>
                $"torch.{name}({call.At(0)}, {call.Named("q")}, {(call.Setting("dim") is -1L ? "None" : call.Named("dim"))}, "
                    + $"{call.Named("keepdim")})";
        table["unfold"] = (_, call) => call.Named("step") is { } step
            ? $"torch.unfold({call.At(0)}, {call.Named("dimension")}, {call.Named("size")}, {step})"
                : $"torch.im2col({call.At(0)}, {Patches(call)})";
        table["fold"] = (_, call) => $"torch.col2im({call.At(0)}, {Pair(call, "output_size", 1)}, {Patches(call)})";
        table["take_along_dim"] = (_, call) => TensorTypes.IsTensor(call.TypeAt(1)!)
            ? $"torch.take_along_dim({call.At(0)}, {call.At(1)}, {call.Named("dim") ?? "None"})"
                : throw new NotSupportedException("its indices are no tensor");
        table["scaled_dot_product_attention"] = Attention;
        table["tensor"] = Tensor;
        table["pad"] = Pad;
        table["item"] = (_, call) => $"{Expressions.TypeName(call.Node.type)}({call.At(0)})";
        table["scalar"] = (_, call) => call.At(0)!;
    }

    /// <summary>Padding by other than zeros is a step of its own.</summary>
    private static string Convolution(Call call, int n)
    {
        var (input, padding) = (call.At(0)!, call.Named("padding") is { } given and not "None" ? given : "0");
        if ((call.Setting("padding_type") ?? call.Setting("padding")) is Padding named)
            padding = torchscript.Quoted(named.ToString().ToLowerInvariant());
        if (call.Setting("padding_mode") is PaddingModes mode and not PaddingModes.Zeros)
        {
            if (call.Setting("padding") is not long[] sizes || call.Setting("padding_type") is Padding.Same)
                throw new NotSupportedException("its padding is not given in numbers");
            var around = sizes.Reverse().SelectMany(size => new[] { size, size });
            (input, padding) = ($"torch.pad({input}, {Expressions.OfValue(around)}, {Expressions.OfValue(mode)})", "0");
        }
        return $"torch.conv{n}d({input}, {call.Named("weight")}, {call.Named("bias") ?? "None"}, "
            + $"{Or(call.Named("stride") ?? call.Named("strides"), "1")}, {padding}, {Or(call.Named("dilation"), "1")}, "
            + $"{call.Named("groups")})";
    }

    /// <summary>In training mode it counts the batches and updates its statistics.</summary>
    private static string BatchNorm(Script script, Call call)
    {
        var module = (BatchNorm)call.Module!;
        if (module.training && module.track_running_stats)
        {
            if (module.momentum is null)
                throw new NotSupportedException("its momentum is null, which averages over all batches");
            script.Add($"{script.Name("batches")} = torch.add_({call.Named("num_batches_tracked")}, 1)");
        }
        var training = module.training || !module.track_running_stats;
        return Normalised("batch_norm", call, training, module.momentum);
    }

    private static string InstanceNorm(Script script, Call call)
    {
        var module = (InstanceNorm)call.Module!;
        return Normalised("instance_norm", call, module.training || !module.track_running_stats, module.momentum);
    }

    private static string Normalised(string operation, Call call, bool usesInput, double? momentum)
        => $"torch.{operation}({call.At(0)}, {call.Named("weight") ?? "None"}, {call.Named("bias") ?? "None"}, "
            + $"{call.Named("running_mean") ?? "None"}, {call.Named("running_var") ?? "None"}, {Expressions.OfValue(usesInput)}, "
            + $"{Expressions.OfValue(momentum ?? 0.1)}, {call.Named("eps")}, True)";

    private static string Patches(Call call)
        => $"{Pair(call, "kernel_size", 1)}, {Pair(call, "dilation", 1)}, {Pair(call, "padding", 0)}, {Pair(call, "stride", 1)}";

    /// <summary>One number stands for both dimensions, null for what is left out.</summary>
    private static string Pair(Call call, string name, int otherwise) => call.Named(name) switch
    {
        null or "None" => $"[{otherwise}, {otherwise}]",
        var both when call.IsList(name) => both,
        var one => $"[{one}, {one}]",
    };

    /// <summary>A mask of numbers is added, one of bools says what may be looked at: which it is shows when it runs.</summary>
    private static string Attention(Script script, Call call)
    {
        var scores =
            script.Assign("scores",
                $"torch.div(torch.matmul({call.At(0)}, torch.transpose({call.At(1)}, -2, -1)), torch.sqrt(torch.size({call.At(0)}, -1)))");
        if (call.Setting("is_casual") is true)
            scores = $"torch.masked_fill({scores}, torch.eq(torch.tril(torch.ones_like({scores})), 0), float(\"-inf\"))";
        else if (call.Named("attn_mask") is { } mask and not "None")
            scores = $"{script.Helper("masked", Masked)}({scores}, {mask})";
        return $"torch.matmul(torch.softmax({scores}, -1), {call.At(2)})";
    }

    /// <summary>Whole channels are dropped; an input of one dimension less has no batch.</summary>
    private static string Dropout(Script script, Call call, int n)
        => (call.Module?.training ?? call.Setting("training")) is false
            ? call.At(0)! : $"{script.Helper("channel_dropout", ChannelDropout)}({call.At(0)}, {call.Named("p")}, {n + 2})";

    /// <summary>One number of TorchSharp's <c>pad</c> is that of all four sides.</summary>
    private static string Pad(Script script, Call call)
    {
        var padding = call.Named("pad")!;
        if (!call.IsList("pad"))
            padding = $"[{padding}, {padding}, {padding}, {padding}]";
        return $"torch.pad({call.At(0)}, {padding}, {call.Named("mode")}, {call.Named("value")})";
    }

    private static string Resize(Script script, Call call, object? mode, string? size, string? scale)
    {
        if (call.Setting("antialias") is true || call.Setting("recompute_scale_factor") is true)
            throw new NotSupportedException("antialiasing and computing the factor anew are not supported");
        var (input, aligns) = (call.At(0)!, Expressions.OfValue(call.Setting("align_corners") ?? false));
        return mode?.ToString()!.ToLowerInvariant() switch
        {
            "nearest" => $"{script.Helper("nearest", Nearest)}({input}, {size}, {scale})",
            "linear" => $"torch.upsample_linear1d({input}, {size}, {aligns}, {scale})",
            "bilinear" => $"torch.upsample_bilinear2d({input}, {size}, {aligns}, {scale})",
            "bicubic" => $"torch.upsample_bicubic2d({input}, {size}, {aligns}, {scale})",
            "trilinear" => $"torch.upsample_trilinear3d({input}, {size}, {aligns}, {scale})",
            var other => throw new NotSupportedException($"its mode {other} is not supported"),
        };
    }

    /// <summary>A tensor of a number or of a list of numbers, of the type that they have in C#.</summary>
    private static string Tensor(Script script, Call call)
    {
        var element = call.TypeAt(0) is { } given ? ValueConversion.ElementOf(given) ?? given : typeof(object);
        var type = call.Named("dtype") is { } asked and not "None" ? asked
            : Type.GetTypeCode(element) switch
            {
                TypeCode.Boolean => "11",
                TypeCode.Byte => "0",
                TypeCode.SByte => "1",
                TypeCode.Int16 => "2",
                TypeCode.Int32 => "3",
                TypeCode.Int64 => "4",
                TypeCode.Single => "6",
                TypeCode.Double => "7",
                _ => throw new NotSupportedException($"a tensor of {CSharpNames.OfType(element)} is not supported"),
            };
        var data = call.At(0);
        var device = call.Named("device") ?? "None";
        return call.Unused() is { } left
            ? throw new NotSupportedException($"'tensor' is not supported with its argument '{left}'")
                : $"torch.tensor({data}, dtype={type}, device={device})";
    }

    private static string Or(string? expression, string instead) => expression is null or "None" ? instead : expression;

    private static object? Field(nn.Module module, string name)
        => module.GetType().GetField(name, BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(module);
}
