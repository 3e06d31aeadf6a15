using System.Text.Json;

namespace TorchSharp.Fx.Cli;

/// <summary>The objects found in images, in the form that COCO's annotations have, with a score for each.</summary>
/// <param name="model">What the command line calls the model.</param>
/// <param name="weights">Where its numbers come from, in words.</param>
/// <param name="categories">The names of its classes, the background first.</param>
internal sealed class CocoDocument(string model, string weights, IReadOnlyList<string> categories)
{
    // The names of classes that no image of COCO has.
    private const string Unused = "N/A";

    internal void Write(string path, IReadOnlyList<DetectedImage> images)
        => AtomicFile.Write(path, stream => Json.Write(stream, writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartObject("info");
            writer.WriteString("description", $"Detections by {model}, {weights}");
            writer.WriteEndObject();
            WriteList(writer, "images", images.Index(), entry => WriteImage(writer, entry.Index + 1, entry.Item));
            WriteList(writer, "annotations",
                images.Index().SelectMany(image => image.Item.Objects.Select(found => (Image: image, Object: found))).Index(),
                entry => WriteObject(writer, entry.Index + 1, entry.Item.Image.Index + 1, entry.Item.Image.Item.Size, entry.Item.Object));
            WriteList(writer, "categories", categories.Index().Skip(1).Where(entry => entry.Item != Unused), entry =>
            {
                writer.WriteNumber("id", entry.Index);
                writer.WriteString("name", entry.Item);
            });
            writer.WriteEndObject();
        }));

    private static void WriteImage(Utf8JsonWriter writer, int id, DetectedImage image)
    {
        writer.WriteNumber("id", id);
        writer.WriteString("file_name", image.Path);
        if (image.Error is null)
        {
            writer.WriteNumber("width", image.Size.Width);
            writer.WriteNumber("height", image.Size.Height);
        }
        else
            writer.WriteString("error", image.Error);
    }

    private static void WriteObject(Utf8JsonWriter writer, int id, int image, (long Height, long Width) size, FoundObject found)
    {
        writer.WriteNumber("id", id);
        writer.WriteNumber("image_id", image);
        writer.WriteNumber("category_id", found.Category);
        WriteNumbers(writer, "bbox", [found.Box[0], found.Box[1], found.Box[2] - found.Box[0], found.Box[3] - found.Box[1]]);
        writer.WriteNumber("score", found.Score);
        writer.WriteNumber("area", found.Area);
        writer.WriteNumber("iscrowd", 0);
        if (found.Mask is { } runs)
        {
            writer.WriteStartObject("segmentation");
            WriteNumbers(writer, "size", [size.Height, size.Width]);
            WriteNumbers(writer, "counts", runs);
            writer.WriteEndObject();
        }
        if (found.Keypoints is { } points)
        {
            WriteNumbers(writer, "keypoints", points);
            writer.WriteNumber("num_keypoints", points.Length / 3);
        }
    }

    private static void WriteList<T>(Utf8JsonWriter writer, string name, IEnumerable<T> items, Action<T> write)
    {
        writer.WriteStartArray(name);
        foreach (var item in items)
        {
            writer.WriteStartObject();
            write(item);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    // On one line: a mask has thousands.
    private static void WriteNumbers<T>(Utf8JsonWriter writer, string name, T[] numbers)
    {
        writer.WritePropertyName(name);
        writer.WriteRawValue(JsonSerializer.Serialize(numbers));
    }
}
