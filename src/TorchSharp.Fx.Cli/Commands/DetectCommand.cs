using System.CommandLine;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx detect MODEL INPUT…</c></summary>
internal sealed class DetectCommand : ToolCommand
{
    private const string Document = "detections.json";
    private const int SomeBroken = 3;

    private readonly Argument<string> model = new("MODEL") { HelpName = "MODEL", Description = "A detector of 'torchfx models'." };

    private readonly Argument<string[]> inputs = ImageOptions.Inputs();
    private readonly Option<string> folder = ImageOptions.Folder();

    private readonly Option<int?> side = new("--min-size")
    {
        Description =
            "The shorter side that images are resized to, in pixels; by default the model's own. Smaller is faster and finds less.",
        HelpName = "N",
    };

    private readonly Option<double> threshold = new("--threshold")
    {
        Description = "The lowest score of an object to keep, from 0 to 1.",
        HelpName = "SCORE",
        DefaultValueFactory = _ => 0.5,
    };

    private readonly WeightsOptions weights = new("DEFAULT");

    public DetectCommand() : base("detect", $"Finds objects in images: {Document} in COCO's form, and pictures of what was found.",
        "detect fasterrcnn_resnet50_fpn street.jpg --out found", "detect maskrcnn_resnet50_fpn photos --threshold 0.8 --out found",
        "detect ssdlite320_mobilenet_v3_large photos --weights mine.safetensors --out found")
    {
        model.CompletionSources.Add(Completions.Detectors);
        Add(model);
        Add(inputs);
        foreach (var option in (Option[])[folder, threshold, side, .. weights.All])
            Add(option);
        threshold.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !(result.GetValueOrDefault<double>() is >= 0 and <= 1))
                result.AddError($"--threshold is from 0 to 1, not {result.Tokens[0]}.");
        });
        side.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && result.GetValueOrDefault<int?>() is < 1)
                result.AddError($"--min-size is a number of pixels, not {result.Tokens[0]}.");
        });
        SetAction((parsed, token) => Task.FromResult(Run(parsed, token)));
    }

    private int Run(ParseResult parsed, CancellationToken token)
    {
        NativeFiles.Require();
        var source = ModelSource.FindDetector(parsed.GetRequiredValue(model));
        var images = InputImages.Find(parsed.GetRequiredValue(inputs));
        var target = parsed.GetRequiredValue(folder);
        using var trained = weights.Build(parsed, source);
        if (parsed.GetValue(side) is { } pixels)
            Resize((DetectionModel)trained.Model, pixels, source.Name);
        var categories = models.get_model_weights(source.Name).First(row => row.is_default).meta.categories;
        Directory.CreateDirectory(target);
        using var _ = no_grad();
        var found = new List<DetectedImage>();
        Terminal.WithProgress("images", images.Count, advance =>
        {
            foreach (var image in images)
            {
                token.ThrowIfCancellationRequested();
                found.Add(Detect((DetectionModel)trained.Model, image, parsed.GetValue(threshold), categories, target));
                advance(1);
            }
        });
        var document = Path.Combine(target, Document);
        new CocoDocument(source.Name, trained.Weights, categories).Write(document, found);
        Console.Out.WriteLine(document);
        var broken = found.Count(image => image.Error is not null);
        Console.Error.WriteLine($"{found.Sum(image => image.Objects.Length)} objects in {found.Count - broken} images"
            + (broken == 0 ? "" : $", {broken} broken: '{Document}' says what is wrong"));
        return broken == 0 ? 0 : SomeBroken;
    }

    private static void Resize(DetectionModel detector, int pixels, string name)
    {
        try
        {
            detector.Resize(pixels);
        }
        catch (ArgumentException error)
        {
            throw new ToolException($"--min-size is not for '{name}': {error.Message}.") { IsWrongUsage = true };
        }
    }

    private static DetectedImage Detect(DetectionModel model, InputImage image, double threshold, IReadOnlyList<string> categories,
        string target)
    {
        using var scope = NewDisposeScope();
        Tensor picture;
        try
        {
            picture = io.read_image(image.Path);
        }
        catch (Exception error) when (error is ImageDecodeException or IOException or UnauthorizedAccessException)
        {
            return new(image.Path, default, [], Failure.Sentence(error));
        }
        var all = model.call([transforms.convert_image_dtype(picture)])[0];
        var best = all["scores"].ge(threshold).nonzero().squeeze(1);
        var found = all.ToDictionary(part => part.Key, part => part.Value.index_select(0, best));
        var objects = FoundObject.Of(found);
        io.write_png(Drawn(picture, found, objects, categories), Path.Combine(target, $"{image.Name}.png"));
        Console.Out.WriteLine(Path.Combine(target, $"{image.Name}.png"));
        return new(image.Path, (picture.shape[1], picture.shape[2]), objects);
    }

    private static Tensor Drawn(Tensor picture, Dictionary<string, Tensor> found, FoundObject[] objects, IReadOnlyList<string> categories)
    {
        (byte, byte, byte)[] colors = [.. objects.Select(one => visualization.Color(one.Category))];
        var size = Math.Max(picture.shape[1], picture.shape[2]);
        if (FoundObject.Masks(found) is { } masks && objects.Length > 0)
            picture = visualization.draw_segmentation_masks(picture, masks, alpha: 0.5, colors);
        if (found.TryGetValue("keypoints", out var keypoints))
            picture = visualization.draw_keypoints(picture, keypoints, Skeleton, colors, radius: (int)(2 + size / 500),
                width: (int)(1 + size / 500));
        return visualization.draw_bounding_boxes(picture, found["boxes"],
            [.. objects.Select(one => $"{categories[(int)one.Category]} {one.Score:F2}")],
            colors, width: (int)(1 + size / 400), font_size: Math.Max(11, size / 50.0));
    }

    // Nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles, the left one first: what COCO joins.
    private static readonly (int, int)[] Skeleton =
    [
        (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10), (1, 2), (0, 1), (0, 2),
        (1, 3),
        (2, 4), (3, 5), (4, 6),
    ];
}
