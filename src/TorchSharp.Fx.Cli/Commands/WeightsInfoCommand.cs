using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx weights info NAME|FILE</c></summary>
internal sealed class WeightsInfoCommand : ToolCommand
{
    private readonly Argument<string> subject =
        new("NAME|FILE") { Description =
            "Published weights, such as ResNet50_Weights.DEFAULT, a model, which stands for its default ones, or a .pth, .pt or "
                + ".safetensors file." };

    public WeightsInfoCommand()
        : base("info", "Shows the facts about published weights, or the tensors in a file.", "weights info ResNet50_Weights.DEFAULT",
            "weights info checkpoint.pth")
    {
        Add(subject);
        SetAction(parsed => Print(parsed.GetRequiredValue(subject)));
    }

    private static void Print(string subject)
    {
        if (File.Exists(subject) || Path.GetExtension(subject) is ".pth" or ".pt" or ".safetensors")
            PrintFile(subject);
        else
            PrintPublished(PublishedWeights.Of(subject).FirstOrDefault(weights => weights.is_default) ?? models.get_weight(subject));
    }

    private static void PrintPublished(Vision.Weights weights)
    {
        var meta = weights.meta;
        var table = Terminal.Table("", weights.ToString());
        table.AddRow("model", weights.model);
        table.AddRow("address", weights.url.AbsoluteUri);
        table.AddRow(File.Exists(weights.LocalPath()) ? "downloaded to" : "not downloaded; goes to", weights.LocalPath());
        table.AddRow("parameters", meta.num_params.ToString("N0", CultureInfo.InvariantCulture));
        table.AddRow("GFLOPs, file", $"{PublishedWeights.Number(meta.gflops)}, {PublishedWeights.Number(meta.file_size)} MB");
        foreach (var (set, measures) in meta.metrics)
            table.AddRow(set, string.Join(", ", measures.Select(measure => $"{measure.Key} {PublishedWeights.Number(measure.Value)}")));
        if (meta.categories.Count > 0)
            table.AddRow("classes", $"{meta.categories.Count}: {string.Join(", ", meta.categories.Take(4))} …");
        table.AddRow("recipe", meta.recipe.AbsoluteUri);
        Terminal.Results.Write(table);
    }

    private static void PrintFile(string path)
    {
        using var file = WeightsFiles.Open(path);
        var table = Terminal.Table("tensor", "shape", "type");
        foreach (var (key, tensor) in file.Tensors)
            table.AddRow(key, $"[{string.Join(", ", tensor.shape)}]", tensor.block.type.name);
        Terminal.Results.Write(table);
        Console.Out.WriteLine(file.Summary());
    }
}
