using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>Sizes and strides of what attention is computed of, and the part of the batch that is computed at a time.</summary>
internal sealed class AttentionShape
{
    // Of 128 K to 1 M numbers, the best for 49, 197 and 392 tokens, with one thread and two. Part of the heads of an entry would not do:
    // oneDNN has no fast product then.
    private const long LogitsOfPart = 1 << 19;

    internal AttentionShape(Tensor query, Tensor key, Tensor value, Tensor? bias)
    {
        (Type, Query, Key, Value, Bias) =
            (query.dtype, Order.Of(query), Order.Of(key), Order.Of(value), bias is null ? null : Order.Of(bias));
        (Batch, Heads) = (Query.Sizes[0], Query.Sizes[1]);
        // So that no part has entries of the bias from its end and its beginning.
        var period = Bias is { } added && added.Sizes[0] > 1 ? added.Sizes[0] : Batch;
        Part = LargestDivisor(period, LogitsOfPart / (Heads * HeadLogits));
    }

    internal ScalarType Type { get; }

    internal Order Query { get; }

    internal Order Key { get; }

    internal Order Value { get; }

    internal Order? Bias { get; }

    internal long Batch { get; }

    internal long Heads { get; }

    /// <summary>How many entries of the batch are computed at a time.</summary>
    internal long Part { get; }

    /// <summary>
    /// Whether oneDNN takes the tensors for others: the entries of queries, keys and values that lie side by side (one linear layer
    /// computes all three) are then as far apart as those of a batch that lies within the tokens, and the product is wrong. Three times as
    /// many entries as tokens do that.
    /// </summary>
    internal bool IsMistaken
        => new[] { Query, Key, Value }.Any(order => order.Sizes[0] != order.Sizes[2]
            && order.Strides[0] == order.Sizes[0] * order.Sizes[1] * order.Sizes[3]);

    /// <summary>How many logits there are at a time.</summary>
    internal long PartLogits => Part * Heads * HeadLogits;

    /// <summary>The heads of a token lie side by side in the result, as a linear layer wants them.</summary>
    internal Order Result
    {
        get
        {
            var (tokens, channels) = (Query.Sizes[2], Value.Sizes[3]);
            return new([Batch, Heads, tokens, channels], [tokens * Heads * channels, channels, Heads * channels, 1]);
        }
    }

    internal Order Logits => new([Part, Heads, Query.Sizes[2], Key.Sizes[2]], [Heads * HeadLogits, HeadLogits, Key.Sizes[2], 1]);

    private long HeadLogits => Query.Sizes[2] * Key.Sizes[2];

    /// <summary>The layout of a part of a tensor.</summary>
    internal Order PartOf(Order whole) => whole with { Sizes = [Math.Min(whole.Sizes[0], Part), .. whole.Sizes[1..]] };

    private static long LargestDivisor(long number, long most)
    {
        for (var divisor = Math.Min(number, most); divisor > 1; divisor--)
            if (number % divisor == 0)
                return divisor;
        return 1;
    }

    /// <summary>How a tensor of four dimensions lies in memory.</summary>
    internal sealed record Order(long[] Sizes, long[] Strides)
    {
        internal static Order Of(Tensor tensor) => new(Shims.Sizes(tensor).ToArray(), Shims.Strides(tensor).ToArray());

        internal Order Transposed => new([Sizes[0], Sizes[1], Sizes[3], Sizes[2]], [Strides[0], Strides[1], Strides[3], Strides[2]]);

        /// <summary>Where the part begins that starts with an entry of the batch; a bias repeats its entries.</summary>
        internal nint Offset(long entry) => (nint)(entry % Sizes[0] * Strides[0]);
    }
}
