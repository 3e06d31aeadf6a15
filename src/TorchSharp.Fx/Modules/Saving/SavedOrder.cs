using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>
/// The order of a tensor's dimensions in memory, from the outermost to the innermost: a file has elements in the order of the shape, but
/// draws of the size of a tensor, and the last bit of a product, go by how it lies in memory.
/// </summary>
internal static class SavedOrder
{
    /// <summary>Writes the order where it is not that of the shape.</summary>
    internal static void Write(Utf8JsonWriter json, Tensor tensor)
    {
        if (tensor.is_sparse || tensor.is_contiguous())
            return;
        var strides = tensor.stride();
        long[] order =
            [.. Enumerable.Range(0, strides.Length).OrderByDescending(dimension => strides[dimension])
                .Select(dimension => (long)dimension)];
        using var ordered = tensor.permute(order);
        if (!ordered.is_contiguous())
            return;
        json.WriteStartArray("order");
        foreach (var dimension in order)
            json.WriteNumberValue(dimension);
        json.WriteEndArray();
    }

    /// <summary>The tensor, laid out as the file says; the given one is disposed where it is another.</summary>
    /// <exception cref="InvalidDataException">The file names other dimensions than there are.</exception>
    internal static Tensor Read(JsonElement json, Tensor tensor)
    {
        if (json.Find("order") is not { } given)
            return tensor;
        long[] order = [.. given.Items().Select(item => item.TryGetInt64(out var dimension) ? dimension : -1)];
        if (order.Length != tensor.dim()
            || !order.Order().SequenceEqual(Enumerable.Range(0, order.Length).Select(dimension => (long)dimension)))
            throw new InvalidDataException($"the order [{string.Join(", ", order)}] is none of {tensor.dim()} dimensions");
        using var scope = NewDisposeScope();
        var back = new long[order.Length];
        for (var i = 0; i < order.Length; i++)
            back[order[i]] = i;
        var laidOut = tensor.permute(order).contiguous().permute(back).MoveToOuterDisposeScope();
        tensor.Dispose();
        return laidOut;
    }
}
