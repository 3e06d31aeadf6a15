using SkiaSharp;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Draws the results of detectors on images. <c>torchvision.utils</c></summary>
/// <remarks>Images are uint8 [3, H, W]; each method returns a new one. Without given colours, each object has its own.</remarks>
public static class visualization
{
    /// <summary>Draws a frame around each box, and above it a label. <c>torchvision.utils.draw_bounding_boxes</c></summary>
    /// <param name="image">uint8 [3, H, W].</param>
    /// <param name="boxes">x1, y1, x2, y2 in pixels: [L, 4].</param>
    /// <param name="labels">A label for each box; null for none. Labels need an installed font; without one they are left out.</param>
    /// <param name="colors">Red, green and blue for each box.</param>
    /// <param name="width">The width of the frame, in pixels.</param>
    /// <param name="font_size">The height of the labels' letters, in pixels.</param>
    /// <exception cref="ArgumentException">The image or the boxes have other shapes, or there is not a label or colour for each
    /// box.</exception>
    public static Tensor draw_bounding_boxes(
        Tensor image, Tensor boxes, IReadOnlyList<string>? labels = null, IReadOnlyList<(byte r, byte g, byte b)>? colors = null,
        int width = 1,
        double font_size = 10)
    {
        Check(image, boxes, [-1, 4], "Boxes", "[L, 4]");
        colors = Each(boxes, labels, colors);
        return Drawn(image, canvas =>
        {
            using var font = new SKFont(SKTypeface.Default, (float)font_size);
            foreach (var (i, box) in ops.Numbers<float>(boxes.to(ScalarType.Float32)).Chunk(4).Index())
            {
                using var paint = Paint(colors[i]);
                (paint.Style, paint.StrokeWidth) = (SKPaintStyle.Stroke, width);
                canvas.DrawRect(new SKRect(box[0], box[1], box[2], box[3]), paint);
                if (labels?[i] is { Length: > 0 } text && font.ContainsGlyphs(text)) Write(canvas, font, text, box[0], box[1], colors[i]);
            }
        });
    }

    /// <summary>Lays a colour over the pixels of each mask. <c>torchvision.utils.draw_segmentation_masks</c></summary>
    /// <param name="image">uint8 [3, H, W].</param>
    /// <param name="masks">Which pixels belong to each object, bool [L, H, W].</param>
    /// <param name="alpha">How much of the image the colours hide, between 0 and 1.</param>
    /// <param name="colors">Red, green and blue for each mask.</param>
    /// <exception cref="ArgumentException">The image or the masks have other shapes or types, or there is not a colour for each
    /// mask.</exception>
    public static Tensor draw_segmentation_masks(
        Tensor image, Tensor masks, double alpha = 0.8, IReadOnlyList<(byte r, byte g, byte b)>? colors = null)
    {
        Check(image, masks, [-1, image.shape[^2], image.shape[^1]], "Masks", "[L, H, W] of the image's size");
        if (masks.dtype != ScalarType.Bool) throw new ArgumentException($"Masks are bool, not {masks.dtype}.", nameof(masks));
        colors = Each(masks, labels: null, colors);
        using var scope = NewDisposeScope();
        var result = image.clone();
        foreach (var (i, (r, g, b)) in colors.Index())
            result = torch.where(masks[i], torch.tensor(new[] { r, g, b }).view(3, 1, 1).to(image.device), result);
        var mixed = image.to(ScalarType.Float32) * (1 - alpha) + result.to(ScalarType.Float32) * alpha;
        return torch.where(masks.any(0), mixed.to(ScalarType.Byte), image).MoveToOuterDisposeScope();
    }

    /// <summary>Draws a disc at each key point that is visible. <c>torchvision.utils.draw_keypoints</c></summary>
    /// <param name="image">uint8 [3, H, W].</param>
    /// <param name="keypoints">x and y in pixels of each object's points: [L, K, 2], or [L, K, 3] with more than 0 where it is
    /// visible.</param>
    /// <param name="connectivity">Pairs of points that a line joins; null is none.</param>
    /// <param name="colors">Red, green and blue for each object.</param>
    /// <param name="radius">The radius of the discs, in pixels.</param>
    /// <param name="width">The width of the lines, in pixels.</param>
    /// <exception cref="ArgumentException">The image or the points have other shapes, or there is not a colour for each object.</exception>
    public static Tensor draw_keypoints(
        Tensor image, Tensor keypoints, IReadOnlyList<(int from, int to)>? connectivity = null,
        IReadOnlyList<(byte r, byte g, byte b)>? colors = null,
        int radius = 2, int width = 3)
    {
        Check(image, keypoints, [-1, -1, keypoints.shape[^1] == 2 ? 2 : 3], "Key points", "[L, K, 2] or [L, K, 3]");
        colors = Each(keypoints, labels: null, colors);
        var (count, numbers) = ((int)keypoints.shape[2], ops.Numbers<float>(keypoints.to(ScalarType.Float32)));
        return Drawn(image, canvas =>
        {
            foreach (var (i, points) in numbers.Chunk(Math.Max(1, count * (int)keypoints.shape[1])).Index())
            {
                using var paint = Paint(colors[i]);
                paint.StrokeWidth = width;
                foreach (var (from, to) in connectivity ?? [])
                    if (Visible(from) && Visible(to)) canvas.DrawLine(At(from), At(to), paint);
                for (var k = 0; k < keypoints.shape[1]; k++)
                    if (Visible(k)) canvas.DrawCircle(At(k), radius, paint);

                bool Visible(int k) => count == 2 || points[k * count + 2] > 0;
                SKPoint At(int k) => new(points[k * count], points[k * count + 1]);
            }
        });
    }

    /// <summary>Colours that differ, as torchvision counts through them. <c>torchvision.utils._generate_color_palette</c></summary>
    internal static (byte r, byte g, byte b) Color(long number) =>
        ((byte)(number * ((1 << 25) - 1) % 255), (byte)(number * ((1 << 15) - 1) % 255), (byte)(number * ((1 << 21) - 1) % 255));

    private static void Write(SKCanvas canvas, SKFont font, string text, float left, float top, (byte r, byte g, byte b) color)
    {
        var (height, wide) = (font.Spacing, font.MeasureText(text));
        // Inside the box where there is no room above it.
        var y = top >= height ? top - height : top;
        using var back = Paint(color);
        canvas.DrawRect(new SKRect(left, y, left + wide + 4, y + height), back);
        using var front =
            Paint(299 * color.r + 587 * color.g
                + 114 * color.b > 128_000 ? ((byte)0, (byte)0, (byte)0) : ((byte)255, (byte)255, (byte)255));
        canvas.DrawText(text, left + 2, y - font.Metrics.Ascent, SKTextAlign.Left, font, front);
    }

    private static SKPaint Paint((byte r, byte g, byte b) color) => new() { Color = new(color.r, color.g, color.b), IsAntialias = true };

    private static unsafe Tensor Drawn(Tensor image, Action<SKCanvas> draw)
    {
        using var scope = NewDisposeScope();
        var (height, width) = ((int)image.shape[1], (int)image.shape[2]);
        var pixels = torch.cat([image.cpu(), torch.full([1, height, width], 255, dtype: ScalarType.Byte)]).permute(1, 2, 0).contiguous();
        fixed (byte* start = pixels.bytes)
        {
            using var surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Premul), (nint)start);
            draw(surface.Canvas);
        }
        return pixels.permute(2, 0, 1)[..3].contiguous().to(image.device).MoveToOuterDisposeScope();
    }

    private static IReadOnlyList<(byte r, byte g, byte b)> Each(
        Tensor objects, IReadOnlyList<string>? labels, IReadOnlyList<(byte r, byte g, byte b)>? colors)
    {
        var count = objects.shape[0];
        if (labels is not null && labels.Count != count)
            throw new ArgumentException($"There are {labels.Count} labels for {count} objects.", nameof(labels));
        if (colors is not null && colors.Count != count)
            throw new ArgumentException($"There are {colors.Count} colours for {count} objects.", nameof(colors));
        return colors ?? [.. Enumerable.Range(0, (int)count).Select(i => Color(i))];
    }

    private static void Check(Tensor image, Tensor objects, long[] shape, string what, string form)
    {
        if (image.dtype != ScalarType.Byte || image.shape is not [3, > 0, > 0])
            throw new ArgumentException($"An image to draw on is uint8 [3, H, W], not {image.dtype} {ops.Shape(image)}.", nameof(image));
        if (objects.dim() != shape.Length || !objects.shape.Zip(shape).All(size => size.Second < 0 || size.First == size.Second))
            throw new ArgumentException($"{what} are {form}, not {ops.Shape(objects)}.", nameof(objects));
    }
}
