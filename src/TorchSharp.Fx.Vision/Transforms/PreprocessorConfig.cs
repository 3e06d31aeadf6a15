using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Reads a <c>preprocessor_config.json</c> of Hugging Face's. What it leaves out is what the processor that it names does by
/// itself; what it asks for beyond <see cref="ImageProcessorSettings"/> is refused.</summary>
internal sealed class PreprocessorConfig
{
    private const int MostBytes = 1 << 20;
    private const long MostPixels = 1 << 14;

    // They say nothing of the pixels that a model is given: images are RGB here anyway, and labels are none.
    private static readonly string[] Harmless = ["do_convert_rgb", "do_reduce_labels"];
    private static readonly string[] Steps = ["do_resize", "do_center_crop", "do_rescale", "do_normalize"];

    private readonly JsonElement json;
    private readonly string path;
    private readonly KnownProcessor processor;

    private PreprocessorConfig(JsonElement json, string path)
    {
        (this.json, this.path) = (json, path);
        var name = Text("image_processor_type") ?? Text("feature_extractor_type")
            ?? throw Wrong("names no image_processor_type");
        processor = KnownProcessor.Of(name)
            ?? throw Wrong($"is for {name}, which is not known here; "
                + $"known are {string.Join(", ", KnownProcessor.All.Select(known => known.Name))}");
        foreach (var step in json.EnumerateObject().Where(entry => entry.Name.StartsWith("do_", StringComparison.Ordinal)
            && entry.Value.ValueKind == JsonValueKind.True && !Steps.Contains(entry.Name) && !Harmless.Contains(entry.Name)))
            throw Wrong($"asks for '{step.Name}', which is not done here");
    }

    internal static ImageProcessorSettings Read(string path)
    {
        var bytes = File.ReadAllBytes(new FileInfo(path) is { Exists: true, Length: > MostBytes } file
            ? throw new InvalidDataException($"{path} has {file.Length} bytes, too many for settings of images.") : path);
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new PreprocessorConfig(document.RootElement, path).Settings()
                : throw new InvalidDataException($"{path} is no JSON object.");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{path} is no JSON: {error.Message}", error);
        }
    }

    private ImageProcessorSettings Settings()
    {
        var crop = Flag("do_center_crop", processor.CropSize is not null) ? Crop() : null;
        var size = Flag("do_resize", true) ? Size() : null;
        // Its size is what is left after a part has been cut off, but for large ones.
        if (processor.CutsShare && size is ShorterSide(var side))
        {
            size = side < 384 ? new ShorterSide((long)(side / Share())) : new Exactly(side, side);
            crop = side < 384 ? side : crop;
        }
        return new(size, Interpolation(), crop, Flag("do_rescale", true) ? Number("rescale_factor") ?? 1 / 255.0 : 1,
            Flag("do_normalize", true) ? (Channels("image_mean") ?? processor.Mean, Channels("image_std") ?? processor.Std) : null);
    }

    private ImageSize Size() => Member("size") switch
    {
        null => processor.Size,
        { ValueKind: JsonValueKind.Object } size when Sides(size) is [("height", var height), ("width", var width)]
            => new Exactly(height, width),
        { ValueKind: JsonValueKind.Object } size when Sides(size) is [("shortest_edge", var side)] => new ShorterSide(side),
        { ValueKind: JsonValueKind.Array } size when size.GetArrayLength() == 2
            => new Exactly(Pixels("size", size[0]), Pixels("size", size[1])),
        { ValueKind: JsonValueKind.Number } size => processor.Size is Exactly
            ? new Exactly(Pixels("size", size), Pixels("size", size)) : new ShorterSide(Pixels("size", size)),
        { } other => throw Wrong($"has the size {other.GetRawText()}, which is neither a number nor height and width nor shortest_edge"),
    };

    private long? Crop() => Member("crop_size") switch
    {
        null => processor.CropSize ?? throw Wrong("asks for 'do_center_crop' without a crop_size"),
        { ValueKind: JsonValueKind.Object } size when Sides(size) is [("height", var height), ("width", var width)] && height == width
            => height,
        { ValueKind: JsonValueKind.Number } size => Pixels("crop_size", size),
        { } other => throw Wrong($"has the crop_size {other.GetRawText()}, and only squares are cut out here"),
    };

    private (string Name, long Pixels)[] Sides(JsonElement size) =>
        [.. size.EnumerateObject().Where(side => side.Value.ValueKind != JsonValueKind.Null)
            .OrderBy(side => side.Name, StringComparer.Ordinal).Select(side => (side.Name, Pixels("size", side.Value)))];

    private long Pixels(string name, JsonElement value)
        => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var pixels) && pixels is > 0 and <= MostPixels ? pixels
            : throw Wrong($"has the {name} {value.GetRawText()}, which is no number of pixels from 1 to {MostPixels}");

    /// <summary>The numbers are PIL's.</summary>
    private InterpolationMode Interpolation() => Number("resample") switch
    {
        null => processor.Interpolation,
        0 => InterpolationMode.Nearest,
        2 => InterpolationMode.Bilinear,
        3 => InterpolationMode.Bicubic,
        var other => throw Wrong(FormattableString.Invariant(
            $"asks for resample {other}; 0 (nearest), 2 (bilinear) and 3 (bicubic) are done here")),
    };

    private double Share() => Number("crop_pct") switch
    {
        null => 224 / 256.0,
        > 0.1 and <= 1 and var share => share,
        var other => throw Wrong(FormattableString.Invariant($"has the crop_pct {other}, which is no share of an image")),
    };

    private double[]? Channels(string name) => Member(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } one => [.. Enumerable.Repeat(Finite(name, one), 3)],
        { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() == 3
            => [.. list.EnumerateArray().Select(item => Finite(name, item))],
        { } other => throw Wrong($"has the {name} {other.GetRawText()}, which is not a number for each of three channels"),
    };

    private double? Number(string name) => Member(name) is { } value ? Finite(name, value) : null;

    private double Finite(string name, JsonElement value)
        => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number)
            && (name != "image_std" || number > 0) ? number
            : throw Wrong($"has the {name} {value.GetRawText()}, which is no {(name == "image_std" ? "positive " : "")}number");

    private bool Flag(string name, bool otherwise) => Member(name) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } other => throw Wrong($"has the {name} {other.GetRawText()}, which is neither true nor false"),
    };

    private string? Text(string name) => Member(name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private JsonElement? Member(string name)
        => json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private InvalidDataException Wrong(string what) => new($"{path} {what}.");
}
