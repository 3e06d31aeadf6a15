namespace TorchSharp.Fx.Inference;

/// <summary>A tensor as rows of its last dimension, as linear layers take it.</summary>
internal static class LinearRows
{
    /// <summary>How many there are.</summary>
    internal static long Count(ReadOnlySpan<long> sizes)
    {
        var rows = 1L;
        foreach (var size in sizes[..^1])
            rows *= size;
        return rows;
    }

    /// <summary>Finds the sizes of a linear layer's result; false for an input that doesn't fit.</summary>
    internal static bool TryResult(long inputs, long outputs, ReadOnlySpan<long> input, Span<long> result)
    {
        if (input.Length == 0 || input[^1] != inputs || input.Contains(0))
            return false;
        input.CopyTo(result);
        result[^1] = outputs;
        return true;
    }
}
