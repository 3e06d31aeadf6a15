using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The shape rule of convolutions, of modules and functions. A convolution is the one frequent operation that is dear and that libtorch has
/// no kernel for on the meta device.
/// </summary>
internal sealed record ConvolutionShape(long[] Weight, long[] Stride, long[] Padding, long[] Dilation, long[] OutputPadding, long Groups,
    bool IsSame, bool IsTransposed)
{
    private int Dimensions => Weight.Length - 2;

    /// <summary>The convolution that a module does.</summary>
    internal static ConvolutionShape Of(Convolution module)
    {
        var weight = module.weight!.shape;
        return new(weight, Spread(module.stride, weight, 1), Spread(module.padding_type is null ? module.padding : null, weight, 0),
            Spread(module.dilation, weight, 1),
            Spread(module.output_padding, weight, 0), module.groups, module.padding_type == TorchSharp.Padding.Same, module.transposed);
    }

    /// <summary>
    /// The convolution that one of <c>torch.nn.functional</c>'s does, by its arguments' names; null for another function.
    /// </summary>
    internal static ConvolutionShape? Of(MethodBase function, object?[] args)
    {
        if (function.DeclaringType != typeof(nn.functional) || !function.Name.StartsWith("conv", StringComparison.Ordinal))
            return null;
        var given = function.GetParameters().Select(parameter => parameter.Name!).Zip(args)
            .ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);
        var weight = ((Tensor)given["weight"]!).shape;
        return new(weight, Named("stride", 1), Named("padding", 0), Named("dilation", 1), Named("output_padding", 0),
            Convert.ToInt64(given.GetValueOrDefault("groups") ?? 1L, null),
            given.GetValueOrDefault("padding") is TorchSharp.Padding.Same,
            function.Name.StartsWith("conv_transpose", StringComparison.Ordinal));

        // TorchSharp spells a parameter's name in one or the other number.
        long[] Named(string name, long otherwise)
            => Spread(given.GetValueOrDefault(name) ?? given.GetValueOrDefault(name + "s"), weight, otherwise);
    }

    /// <summary>
    /// The convolution's result for an input: a tensor of the shape and memory order that a real one would have, on the meta device.
    /// </summary>
    /// <exception cref="ArgumentException">The input doesn't fit.</exception>
    internal Tensor Apply(Tensor input)
    {
        var shape = input.shape;
        var channels = shape.Length - Dimensions - 1;
        var expected = IsTransposed ? Weight[0] : Weight[1] * Groups;
        if (channels is not (0 or 1) || shape[channels] != expected)
            throw new ArgumentException(
                $"A convolution of {expected} input channels and {Dimensions} spatial dimensions can't take a tensor of the shape "
                    + $"[{string.Join(", ", shape)}].");
        shape[channels] = IsTransposed ? Weight[1] * Groups : Weight[0];
        for (var i = 0; i < Dimensions; i++)
            shape[channels + 1 + i] = Extent(shape[channels + 1 + i], i);
        return TensorMetadata.Of(input).memory_format == memory_format.channels_last
            ? ChannelsLast(shape, input.dtype) : empty(shape, input.dtype, META);
    }

    private long Extent(long size, int i)
    {
        var reach = Dilation[i] * (Weight[i + 2] - 1);
        var extent = IsSame ? size
            : IsTransposed ? (size - 1) * Stride[i] - 2 * Padding[i] + reach + OutputPadding[i] + 1
            : size + 2 * Padding[i] > reach ? (size + 2 * Padding[i] - reach - 1) / Stride[i] + 1 : 0;
        return extent > 0
            ? extent : throw new ArgumentException(
                $"A convolution whose kernel spans {reach + 1} elements doesn't fit into "
                    + $"{size}{(Padding[i] > 0 ? $" and a padding of {Padding[i]}" : "")}.");
    }

    private static Tensor ChannelsLast(long[] shape, ScalarType dtype)
    {
        using var last = empty([shape[0], .. shape[2..], shape[1]], dtype, META);
        return last.permute([0, shape.Length - 1, .. Enumerable.Range(1, shape.Length - 2)]);
    }

    /// <summary>One number for each spatial dimension.</summary>
    private static long[] Spread(object? given, long[] weight, long otherwise) => given switch
    {
        long[] { Length: 1 } single => Enumerable.Repeat(single[0], weight.Length - 2).ToArray(),
        long[] { Length: > 0 } each => each,
        ITuple tuple => [.. Enumerable.Range(0, tuple.Length).Select(i => Convert.ToInt64(tuple[i], null))],
        long or int => Enumerable.Repeat(Convert.ToInt64(given, null), weight.Length - 2).ToArray(),
        _ => Enumerable.Repeat(otherwise, weight.Length - 2).ToArray(),
    };
}
