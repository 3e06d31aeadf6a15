using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers;

/// <summary>The images beside each other, by what a node computes of them.</summary>
internal static class Comparison
{
    private const int MostPatches = 12, SmallestPatch = 32;

    /// <summary>The other images by the cosine of their vectors, the nearest first. A map counts by the mean over its places.</summary>
    internal static object Neighbours(Session session, GraphView view, Node node, ExploredInput input)
    {
        var own = VectorOf(session, view, node, input);
        return session.Inputs.All.Where(other => other.Id != input.Id && other.IsImage == input.IsImage)
            .Select(other => (Other: other, Vector: VectorOf(session, view, node, other)))
            .Where(other => other.Vector.shape[0] == own.shape[0])
            .Select(other => new { other.Other.Id, other.Other.Name, cosine = nn.functional.cosine_similarity(own, other.Vector, 0)
                .item<double>() })
            .OrderByDescending(other => other.cosine).ToArray();
    }

    /// <summary>Of each image the place where a channel is highest, the highest first, with the part of the image that is there.</summary>
    internal static object Patches(Session session, GraphView view, Node node, long channel) => session.Inputs.Images
        .Select(image => Patch(image, Pictures.Map(session, view, node, image), channel))
        .OrderByDescending(patch => patch.Value).Take(MostPatches).ToArray();

    private static FoundPatch Patch(ExploredInput image, Tensor map, long channel)
    {
        if (channel < 0 || channel >= map.shape[0])
            throw new ArgumentException($"There is no channel {channel}: there are {map.shape[0]}, the first is 0.");
        var (values, picture) = (map[channel], image.Tensors.Picture!);
        var place = values.argmax().item<long>();
        var (row, column) = (place / values.shape[1], place % values.shape[1]);
        var (top, height) = Span(row, values.shape[0], picture.shape[1]);
        var (left, width) = Span(column, values.shape[1], picture.shape[2]);
        var cut = picture.narrow(1, top, height).narrow(2, left, width);
        return new(image.Id, image.Name, values[row, column].to(ScalarType.Float64).item<double>(), [left, top, width, height],
            $"data:image/png;base64,{Convert.ToBase64String(Pictures.Png(cut.contiguous()))}");
    }

    /// <summary>The stretch of an image that a place of a map lies over, as large as can be seen.</summary>
    private static (long From, long Size) Span(long place, long places, long pixels)
    {
        var size = Math.Min(pixels, Math.Max(SmallestPatch, pixels / places));
        var middle = (2 * place + 1) * pixels / (2 * places);
        return (Math.Clamp(middle - size / 2, 0, pixels - size), size);
    }

    private static Tensor VectorOf(Session session, GraphView view, Node node, ExploredInput input)
    {
        var value = session.Values.TensorOf(view, node, input).to(ScalarType.Float64);
        var map = value.dim() switch { >= 4 => value[0].flatten(1).mean([1]), 3 => value[0].mean([0]), _ => value.flatten() };
        return map;
    }

    /// <param name="Id">The image.</param>
    /// <param name="Name">Its name.</param>
    /// <param name="Value">The channel's value there.</param>
    /// <param name="Box">Left, top, width and height in the picture.</param>
    /// <param name="Picture">What is there.</param>
    private sealed record FoundPatch(int Id, string Name, double Value, long[] Box, string Picture);
}
