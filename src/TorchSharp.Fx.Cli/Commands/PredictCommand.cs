using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx predict MODEL INPUT…</c></summary>
internal sealed class PredictCommand : ToolCommand
{
    private readonly Argument<string> model = new("MODEL") { Description = "A classification model of 'torchfx models'." };
    private readonly Argument<string[]> inputs =
        new("INPUT") { Description = "Images, or folders: all images in them and in the folders inside, in natural order.",
            Arity = ArgumentArity.OneOrMore };
    private readonly Option<int> top =
        new("--top") { Description = "The number of labels to print per image.", HelpName = "N", DefaultValueFactory = _ => 5 };
    private readonly Option<string> weights =
        new("--weights") { Description = "Published weights (DEFAULT, IMAGENET1K_V2), or a .pth or .safetensors file.",
            HelpName = "NAME|FILE", DefaultValueFactory = _ => "DEFAULT" };
    private readonly Option<string> format = Choice("--format", "The output format.", "table", "json");

    private readonly PreprocessingOptions preprocessing = new();

    public PredictCommand() : base("predict", "Classifies images, with the labels of published weights.",
        "predict resnet50 photo.jpg", "predict convnext_tiny photos --top 3 --format json",
        "predict resnet50 photo.jpg --weights IMAGENET1K_V1")
    {
        Add(model);
        Add(inputs);
        foreach (var option in new Option[] { top, weights, format })
            Add(option);
        preprocessing.AddTo(this);
        top.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number < 1)
                result.AddError($"--top must be 1 or more, not {number}.");
        });
        SetAction((parsed, token) => Task.FromResult(Run(parsed, token)));
    }

    private int Run(ParseResult parsed, CancellationToken token)
    {
        NativeFiles.Require();
        var source = ModelSource.Find(parsed.GetRequiredValue(model), args: null);
        source.RequireImages();
        var numbers = parsed.GetRequiredValue(weights);
        var labels = Labels(source, numbers);
        var chosen = preprocessing.Read(parsed, source);
        var images = InputImages.Find(parsed.GetRequiredValue(inputs));
        using var trained = Weights.Build(source, numbers, seed: 0);
        using var prepare = (chosen ?? trained.Preprocessing)();
        using var _ = no_grad();
        var predictions = images.Select(image =>
        {
            token.ThrowIfCancellationRequested();
            return (image.Path, Predict(trained.Model, prepare, image.Path, labels, parsed.GetValue(top)));
        }).ToArray();
        if (parsed.GetRequiredValue(format) == "json")
            PrintJson(source.Name, trained.Weights, predictions);
        else
            PrintTable(predictions);
        return 0;
    }

    private static IReadOnlyList<string> Labels(ModelSource source, string weights)
    {
        if (!source.IsInCatalogue)
            throw new ToolException(
                "predict needs labels, which only the models of 'torchfx models' have; 'torchfx extract' takes a class of any assembly.");
        var published = Weights.Published(source, weights) ?? models.get_model_weights(source.Name).First(row => row.is_default);
        using var preprocessing = published.transforms();
        return preprocessing is ImageClassification
            ? published.meta.categories
            : throw new ToolException(
                $"'{source.Name}' doesn't classify whole images, so there is no label to predict; 'torchfx extract' gives what it computes.");
    }

    private static Prediction[] Predict(nn.Module model, nn.Module<Tensor, Tensor> prepare, string image, IReadOnlyList<string> labels,
        int count)
    {
        using var scope = NewDisposeScope();
        var input = prepare.call(io.read_image(image)).unsqueeze(0);
        var logits = model switch
        {
            nn.Module<Tensor, GoogLeNetOutputs> google => google.call(input).logits,
            nn.Module<Tensor, InceptionOutputs> inception => inception.call(input).logits,
            _ => ((nn.Module<Tensor, Tensor>)model).call(input),
        };
        var (probabilities, classes) = logits[0].softmax(0).topk(Math.Min(count, labels.Count));
        return [.. classes.data<long>()
            .Zip(probabilities.data<float>(), (index, probability) => new Prediction(labels[(int)index], index, probability))];
    }

    private static void PrintTable((string Image, Prediction[] Predictions)[] rows)
    {
        var table = Terminal.Table("image", "label", "probability");
        foreach (var (image, predictions) in rows)
            foreach (var (rank, prediction) in predictions.Index())
                table.AddRow(rank == 0 ? image : "", prediction.Label,
                    (100 * prediction.Probability).ToString("F1", CultureInfo.InvariantCulture) + " %");
        Terminal.Results.Write(table);
    }

    private static void PrintJson(string model, string weights, (string Image, Prediction[] Predictions)[] rows) => Json.Print(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("model", model);
        writer.WriteString("weights", weights);
        writer.WriteStartArray("images");
        foreach (var (image, predictions) in rows)
        {
            writer.WriteStartObject();
            writer.WriteString("image", image);
            writer.WriteStartArray("predictions");
            foreach (var prediction in predictions)
                Write(writer, prediction);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private static void Write(Utf8JsonWriter writer, Prediction prediction)
    {
        writer.WriteStartObject();
        writer.WriteString("label", prediction.Label);
        writer.WriteNumber("class", prediction.Class);
        writer.WriteNumber("probability", prediction.Probability);
        writer.WriteEndObject();
    }

    /// <param name="Label">What the class is called.</param>
    /// <param name="Class">Its number.</param>
    /// <param name="Probability">From 0 to 1.</param>
    private sealed record Prediction(string Label, long Class, float Probability);
}
