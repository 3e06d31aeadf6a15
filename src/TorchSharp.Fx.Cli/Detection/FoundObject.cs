using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>An object that a detector found in an image.</summary>
/// <param name="Category">The number of its class.</param>
/// <param name="Score">From 0 to 1.</param>
/// <param name="Box">x1, y1, x2, y2 in pixels.</param>
internal sealed record FoundObject(long Category, float Score, float[] Box)
{
    // A mask is a probability for each pixel.
    private const double Inside = 0.5;

    /// <summary>How many pixels are outside and inside the mask in turn, column by column; null where the model draws none.</summary>
    internal long[]? Mask { get; private init; }

    /// <summary>How many pixels the mask has, or the box.</summary>
    internal double Area => Mask?.Where((_, run) => run % 2 == 1).Sum() ?? (Box[2] - Box[0]) * (double)(Box[3] - Box[1]);

    /// <summary>x, y and 1 for each key point, in a row; null where the model finds none.</summary>
    internal float[]? Keypoints { get; private init; }

    /// <summary>The objects in a detector's result for an image, best first.</summary>
    internal static FoundObject[] Of(IReadOnlyDictionary<string, Tensor> found)
    {
        var (boxes, labels, scores) =
            (Rows<float>(found["boxes"]), found["labels"].data<long>().ToArray(), found["scores"].data<float>().ToArray());
        var masks = Masks(found) is { } inside ? Enumerable.Range(0, labels.Length).Select(i => Runs(inside[i])).ToArray() : null;
        var keypoints = found.TryGetValue("keypoints", out var points) ? Rows<float>(points.flatten(1)) : null;
        return [.. boxes.Select((box, i) => new FoundObject(labels[i], scores[i], box) { Mask = masks?[i], Keypoints = keypoints?[i] })];
    }

    /// <summary>Which pixels belong to each object, [L, H, W]; null where the model draws no masks.</summary>
    internal static Tensor? Masks(IReadOnlyDictionary<string, Tensor> found)
        => found.TryGetValue("masks", out var masks) ? masks.squeeze(1).ge(Inside) : null;

    private static T[][] Rows<T>(Tensor rows) where T : unmanaged
        => rows.shape[0] == 0 ? [] : [.. rows.contiguous().data<T>().ToArray().Chunk((int)rows.shape[1])];

    /// <summary>COCO's run lengths: they begin with the pixels outside, of which there may be none.</summary>
    private static long[] Runs(Tensor mask)
    {
        var (runs, inside, length) = (new List<long>(), false, 0L);
        foreach (var pixel in mask.t().contiguous().data<bool>())
        {
            if (pixel != inside)
            {
                runs.Add(length);
                (inside, length) = (pixel, 0);
            }
            length++;
        }
        runs.Add(length);
        return [.. runs];
    }
}

/// <summary>An image and what was found in it.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Size">Height and width in pixels.</param>
/// <param name="Objects">What is in it, best first.</param>
/// <param name="Error">Why it could not be read; null where it could.</param>
internal sealed record DetectedImage(string Path, (long Height, long Width) Size, FoundObject[] Objects, string? Error = null);
