using System.CommandLine;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>The options of the commands that draw: a model with its weights, images, and where the pictures go.</summary>
internal sealed class ImageOptions
{
    private readonly ModelOptions model = new();
    private readonly WeightsOptions weights = new();
    private readonly PreprocessingOptions preprocessing = new();

    private readonly Argument<string[]> inputs = Inputs();
    private readonly Option<string> folder = Folder();

    private readonly Option<string> format = new("--format")
    {
        Description = "Pictures only, or a figure with captions for each image.",
        DefaultValueFactory = _ => "png",
    };

    /// <summary>The images.</summary>
    internal static Argument<string[]> Inputs() => new("INPUT")
    {
        Description = "Images, or folders: all images in them and their subfolders, in natural order.",
        Arity = ArgumentArity.OneOrMore,
    };

    /// <summary>Where to write.</summary>
    internal static Option<string> Folder() => new("--out")
    {
        Description = "The folder to write to; created if missing.",
        HelpName = "DIR",
        Required = true,
    };

    internal void AddTo(Command command, params Option[] own)
    {
        model.AddTo(command);
        command.Add(inputs);
        format.AcceptOnlyFromAmong("png", "svg");
        foreach (var option in (Option[])[.. own, folder, format, .. weights.All])
            command.Add(option);
        preprocessing.AddTo(command);
    }

    /// <summary>Builds the model and draws each image.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="draw">Draws an image.</param>
    /// <param name="token">Stops between two images.</param>
    internal int Run(ParseResult parsed, Action<DrawnImage> draw, CancellationToken token)
    {
        var source = model.Read(parsed);
        source.RequireImages();
        var chosen = preprocessing.Read(parsed, source);
        var images = InputImages.Find(parsed.GetRequiredValue(inputs));
        using var trained = weights.Build(parsed, source);
        using var prepare = (chosen ?? trained.Preprocessing)();
        var target = parsed.GetRequiredValue(folder);
        Directory.CreateDirectory(target);
        foreach (var image in images)
        {
            token.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (seen, isFigure) = (SeenImage.Read(image.Path, prepare), parsed.GetRequiredValue(format) == "svg");
            var drawing = new DrawnImage(source, trained.Model, image, seen, isFigure, target);
            draw(drawing);
            drawing.End();
        }
        return 0;
    }
}

/// <summary>The pictures of one image: files of their own, or a figure.</summary>
/// <param name="Source">Where the model is from.</param>
/// <param name="Model">The model, in eval mode.</param>
/// <param name="Image">The image.</param>
/// <param name="Seen">What the model is given of it.</param>
/// <param name="IsFigure">Whether all are one SVG file.</param>
/// <param name="Folder">Where files go.</param>
internal sealed record DrawnImage(ModelSource Source, nn.Module Model, InputImage Image, SeenImage Seen, bool IsFigure, string Folder)
{
    private readonly Figure figure = new($"{Source.Name}: {Path.GetFileName(Image.Path)}");

    /// <summary>Adds pictures under a caption.</summary>
    /// <param name="caption">What they are of.</param>
    /// <param name="pictures">uint8 [3, H, W] each, with a word that becomes a part of its file's name.</param>
    internal void Add(string caption, params IReadOnlyList<(string Word, Tensor Picture)> pictures)
    {
        if (IsFigure)
            figure.Row(caption, pictures);
        else
            foreach (var (word, picture) in pictures)
                Write(word, path => io.write_png(picture, path), ".png");
    }

    internal void End()
    {
        if (IsFigure)
            Write("", figure.Write, ".svg");
    }

    private void Write(string word, Action<string> write, string extension)
    {
        var path = Path.Combine(Folder, string.Join('.', new[] { Image.Name, word }.Where(part => part.Length > 0)) + extension);
        write(path);
        Console.Out.WriteLine(path);
    }
}
