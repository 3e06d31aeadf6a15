using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Draws the values of nodes. Maps are [C, h, w], of one image. Pictures are uint8 [3, H, W], ready for Vision's <c>io.write_png</c>.
/// </summary>
public static class feature_visualization
{
    /// <summary>
    /// Arranges tokens as a map, each patch at its position in the image. Counterpart: the <c>reshape_transform</c> of
    /// <c>pytorch-grad-cam</c>.
    /// </summary>
    /// <param name="tokens">[N, L, C]. Tokens before the patches (class token, registers) are left out.</param>
    /// <param name="size">Height and width of the grid of patches; the largest possible square when null.</param>
    /// <returns>[N, C, h, w], a view of the tokens where that is possible.</returns>
    /// <exception cref="ArgumentException">The tokens are not [N, L, C], or are fewer than the grid's patches.</exception>
    public static Tensor tokens_to_map(Tensor tokens, (long height, long width)? size = null)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        if (tokens.dim() != 3)
            throw new ArgumentException($"Tokens are [N, L, C], not [{string.Join(", ", tokens.shape)}].", nameof(tokens));
        var length = tokens.shape[1];
        var (height, width) = size ?? (Grid(length).Side, Grid(length).Side);
        if (height * width > length)
            throw new ArgumentException($"A grid of {height} × {width} places needs {height * width} tokens, and there are {length}.",
                nameof(size));
        return tokens.narrow(1, length - height * width, height * width).transpose(1, 2).unflatten(2, height, width);
    }

    /// <summary>The channels of a map side by side, those that vary most first, each from its lowest value (dark) to its highest
    /// (bright).</summary>
    /// <param name="map">[C, h, w]</param>
    /// <param name="count">The largest number of channels.</param>
    /// <param name="tile">The smallest height and width of a channel in the picture, in pixels.</param>
    public static Tensor channel_grid(Tensor map, int count = 64, int tile = 64)
    {
        CheckMap(map);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(tile, 1);
        const int Gap = 2;
        using var scope = NewDisposeScope();
        var channels = channels_by_variance(map)[..(int)Math.Min(count, map.shape[0])];
        var scale = (int)Math.Max(1, (tile + Math.Min(map.shape[1], map.shape[2]) - 1) / Math.Min(map.shape[1], map.shape[2]));
        var (height, width) = (map.shape[1] * scale, map.shape[2] * scale);
        var columns = (int)Math.Ceiling(Math.Sqrt(channels.Length));
        var rows = (channels.Length + columns - 1) / columns;
        var picture = full([3, rows * (height + Gap) - Gap, columns * (width + Gap) - Gap], 255, dtype: ScalarType.Byte);
        foreach (var (i, channel) in channels.Index())
        {
            using var one = NewDisposeScope();
            var (top, left) = (i / columns * (height + Gap), i % columns * (width + Gap));
            picture.narrow(1, top, height).narrow(2, left, width).copy_(enlarge(heat_map(map[channel]), height, width));
        }
        return picture.MoveToOuterDisposeScope();
    }

    /// <summary>The indices of a map's channels [C, h, w], by descending variance over the positions.</summary>
    public static long[] channels_by_variance(Tensor map)
    {
        CheckMap(map);
        using var scope = NewDisposeScope();
        return [.. map.detach().to(ScalarType.Float64).cpu().flatten(1).var(1, unbiased: false).argsort(0, descending: true).data<long>()];
    }

    /// <summary>The first three principal components of a map as red, green and blue, each from its lowest value to its highest.</summary>
    /// <param name="map">[C, h, w]</param>
    /// <returns>uint8 [3, h, w]. The sign of a component makes its largest weight positive.</returns>
    public static Tensor principal_components(Tensor map)
    {
        CheckMap(map);
        using var scope = NewDisposeScope();
        var places = map.detach().to(ScalarType.Float64).cpu().flatten(1).t();
        var (u, s, vh) = linalg.svd(places - places.mean([0], keepdim: true), fullMatrices: false);
        var found = Math.Min(3, s.shape[0]);
        var (scores, directions) = (u[TensorIndex.Colon, ..(int)found] * s[..(int)found], vh[..(int)found]);
        var largest = directions.gather(1, directions.abs().argmax(1, keepdim: true)).squeeze(1);
        var components = zeros(3, map.shape[1], map.shape[2]);
        components[..(int)found] = (scores * largest.sign()).t().reshape(found, map.shape[1], map.shape[2]).to(ScalarType.Float32);
        return Bytes(stack([.. components.unbind().Select(Normal)])).MoveToOuterDisposeScope();
    }

    /// <summary>The strength of a map [C, h, w] at each position: the Euclidean norm over its channels, [h, w].</summary>
    public static Tensor norm_map(Tensor map)
    {
        CheckMap(map);
        using var scope = NewDisposeScope();
        return map.detach().to(ScalarType.Float32).norm(0).MoveToOuterDisposeScope();
    }

    /// <summary>A token's attention to the patches, as one map per head.</summary>
    /// <param name="weights">Attention weights of one image, [heads, L, S]; see <see cref="explain.attention_maps"/>.</param>
    /// <param name="token">The index of the attending token; 0 is the class token.</param>
    /// <param name="size">Height and width of the grid of patches; the largest possible square when null.</param>
    /// <returns>[heads, h, w], for <see cref="channel_grid"/>.</returns>
    public static Tensor attention_map(Tensor weights, long token = 0, (long height, long width)? size = null)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (weights.dim() != 3 || token < 0 || token >= weights.shape[1])
            throw new ArgumentException(
                "The weights of one image are [heads, L, S], with the asking token among L; "
                + $"token {token} of [{string.Join(", ", weights.shape)}] is not.", nameof(weights));
        using var scope = NewDisposeScope();
        return tokens_to_map(weights.detach().select(1, token).unsqueeze(2), size).squeeze(1).clone().MoveToOuterDisposeScope();
    }

    /// <summary>A map as colours (viridis), from its lowest value to its highest.</summary>
    /// <param name="values">[h, w]</param>
    /// <returns>uint8 [3, h, w]</returns>
    public static Tensor heat_map(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        using var scope = NewDisposeScope();
        return Bytes(Colours.Viridis(Normal(values.detach().to(ScalarType.Float32).cpu()))).MoveToOuterDisposeScope();
    }

    /// <summary>Enlarges a picture; each pixel becomes a rectangle.</summary>
    public static Tensor enlarge(Tensor picture, long height, long width)
    {
        ArgumentNullException.ThrowIfNull(picture);
        using var scope = NewDisposeScope();
        var larger = nn.functional.interpolate(picture.unsqueeze(0).to(ScalarType.Float32), [height, width],
            mode: InterpolationMode.Nearest);
        return larger.squeeze(0).to(picture.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Resizes a map to the size of an image with bilinear interpolation, scaled from 0 (lowest) to 1 (highest). Counterpart:
    /// <c>pytorch_grad_cam.utils.image.scale_cam_image</c>.
    /// </summary>
    /// <param name="cam">[h, w]</param>
    /// <param name="height">The image's height.</param>
    /// <param name="width">The image's width.</param>
    public static Tensor scale_cam_image(Tensor cam, long height, long width)
    {
        ArgumentNullException.ThrowIfNull(cam);
        using var scope = NewDisposeScope();
        var normal = Normal(cam.detach().to(ScalarType.Float32).cpu());
        return nn.functional.interpolate(normal[TensorIndex.None, TensorIndex.None], [height, width], mode: InterpolationMode.Bilinear,
            align_corners: false)[0, 0].clone().MoveToOuterDisposeScope();
    }

    /// <summary>Draws a map over its image. Counterpart: <c>pytorch_grad_cam.utils.image.show_cam_on_image</c>.</summary>
    /// <param name="img">The image, uint8 [3, H, W].</param>
    /// <param name="cam">The map, [h, w].</param>
    /// <param name="image_weight">The weight of the image in the picture, from 0 to 1.</param>
    /// <returns>uint8 [3, H, W]</returns>
    public static Tensor show_cam_on_image(Tensor img, Tensor cam, double image_weight = 0.5)
    {
        ArgumentNullException.ThrowIfNull(img);
        using var scope = NewDisposeScope();
        var colours = Colours.Viridis(scale_cam_image(cam, img.shape[1], img.shape[2]));
        return Bytes(colours * (1 - image_weight) + img.to(ScalarType.Float32).cpu() / 255 * image_weight).MoveToOuterDisposeScope();
    }

    /// <summary>A node's value for images as a map [N, C, h, w]: channels first, or last where only that has the images' proportions, or
    /// tokens.</summary>
    internal static Tensor AsMap(Tensor value, Tensor images, string node) => value.dim() switch
    {
        4 when images.dim() == 4 && !HasProportions(value.shape[2], value.shape[3], images)
            && HasProportions(value.shape[1], value.shape[2], images) => value.permute(0, 3, 1, 2),
        >= 4 => value,
        3 when images.dim() == 4 => tokens_to_map(value, GridOf(value.shape[1], images)),
        3 => value,
        _ => throw new ArgumentException(
            $"The value of '{node}' is [{string.Join(", ", value.shape)}], which is no map: "
            + "name a node whose value is [N, C, h, w] or tokens [N, L, C]."),
    };

    /// <summary>The largest square grid of some tokens, and how many tokens are left.</summary>
    internal static (long Side, long Left) Grid(long length)
    {
        var side = (long)Math.Sqrt(length);
        return (side, length - side * side);
    }

    /// <summary>The grid with the images' proportions; null for the square.</summary>
    private static (long, long)? GridOf(long length, Tensor images)
    {
        var (height, width) = (images.shape[^2], images.shape[^1]);
        for (var rows = (long)Math.Round(Math.Sqrt(length * (double)height / width)); rows > 0; rows--)
            if (rows * width % height == 0 && rows * width / height * rows <= length)
                return (rows, rows * width / height);
        return null;
    }

    private static bool HasProportions(long height, long width, Tensor images)
        => Math.Abs(height * images.shape[^1] - width * images.shape[^2]) <= Math.Max(images.shape[^1], images.shape[^2]);

    /// <summary>From 0 to 1; all 0 where all values are the same.</summary>
    private static Tensor Normal(Tensor values)
    {
        var (low, high) = (values.min(), values.max());
        return (values - low) / (high - low).clamp_min(1e-12);
    }

    private static Tensor Bytes(Tensor picture) => (picture * 255).round().clamp(0, 255).to(ScalarType.Byte);

    private static void CheckMap(Tensor map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.dim() != 3 || map.NumberOfElements == 0)
            throw new ArgumentException($"A map is [C, h, w], one image's: map[0] of a batch. This is [{string.Join(", ", map.shape)}].",
                nameof(map));
    }
}
