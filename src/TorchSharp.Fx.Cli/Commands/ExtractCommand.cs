using System.CommandLine;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx extract MODEL INPUT…</c></summary>
internal sealed class ExtractCommand : ToolCommand
{
    private const string TableEnding = ".parquet";

    private readonly ExtractionOptions options = new();
    private readonly TableOptions table = new();
    private readonly Argument<string[]> inputs =
        new("INPUT") { Description =
            "Images, or folders: all images in them and in the folders inside, in natural order. For a table also patterns, archives and "
                + "manifests.", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string> folder =
        new("--out") { Description =
            "The folder to write to, created if missing; or a .parquet file, for one table with a row per image.",
                HelpName = "DIR|FILE.parquet", Required = true };
    private readonly Option<string> format =
        Choice("--format", "In a folder: one .safetensors file per batch, or one .npy file per key and a .json file that lists them.",
            "safetensors", "npy");
    private readonly Option<bool> record =
        new("--record") { Description =
            "Run the model's own code instead of its graph: for models that can't be traced." };

    public ExtractCommand()
        : base("extract",
            "Runs a model on images and writes the values of its nodes: to one table, or to files, one for each image or batch.",
        "extract resnet18 photo.jpg --nodes layer4 --out features",
        "extract resnet50 photos --nodes embedding --weights DEFAULT --out features.parquet --batch 8 --optimised",
        "extract resnet50 shards/*.tar labels.csv --nodes embedding --weights DEFAULT --out features.parquet --float16",
        "extract resnet50 photos --nodes layer3,layer4 --weights DEFAULT --out features.parquet --maps safetensors",
        "extract resnet50 photos --nodes stages,layer3.?.conv2,fc:in=pooled --weights resnet50.safetensors --out features",
        "extract bin/MyModels.dll:MyModels.Encoder photos --nodes encoder --format npy --out features",
        "extract bin/MyModels.dll:MyModels.EarlyExit photos --nodes block3 --record --out features",
        "extract vit.pt2 photos --nodes embedding --size 384 --mean 0.5 --std 0.5 --interpolation bicubic --out features")
    {
        options.AddTo(this, inputs);
        foreach (var option in new Option[] { folder, format, record })
            Add(option);
        table.AddTo(this);
        SetAction(Run);
    }

    private async Task<int> Run(ParseResult parsed, CancellationToken token)
    {
        var (source, requested) = options.Read(parsed);
        var target = parsed.GetRequiredValue(folder);
        var isTable = target.EndsWith(TableEnding, StringComparison.OrdinalIgnoreCase);
        if (isTable)
            return await RunTable(parsed, source, requested, target, token);
        table.RequireNone(parsed, target);
        CheckKeys(requested.Where(request => request.Key != request.Name), parsed.GetRequiredValue(format));
        var images = InputImages.Find(parsed.GetRequiredValue(inputs));
        using var extractor = parsed.GetValue(record) ? options.BuildRecorder(parsed, source, requested)
            : options.Build(parsed, source, requested);
        CheckKeys(extractor.Nodes, parsed.GetRequiredValue(format));
        Directory.CreateDirectory(target);
        new Extraction(extractor, FeatureWriter.Create(parsed.GetRequiredValue(format), target, extractor.About()))
            .Run(images, options.Batch(parsed), token);
        return 0;
    }

    private async Task<int> RunTable(ParseResult parsed, ModelSource source, ReturnNodes requested, string target, CancellationToken token)
    {
        if (parsed.GetResult(format) is { Implicit: false })
            throw new ToolException(
                $"--format is for a folder of files, and '{target}' is one table: leave it out, or give a folder.") { IsWrongUsage = true };
        if (parsed.GetValue(record))
            throw new ToolException(
                "--record gives other features for other images, and a table has the same columns for all: give a folder to --out.") { IsWrongUsage = true };
        AtomicFile.RequireFolder(target);
        var images = table.Source(parsed, parsed.GetRequiredValue(inputs));
        using var extractor = options.Build(parsed, source, requested);
        return await TableExtraction.Run(extractor, images, target, table.Pipeline(parsed, options.Batch(parsed)),
            [TableModel.Metadata(ExtractionOptions.Arguments(parsed)), table.Metadata(parsed, parsed.GetRequiredValue(inputs))],
            table.MapsBeside(parsed), token);
    }

    /// <summary>A key is part of a .npy file's name.</summary>
    private static void CheckKeys(IEnumerable<ReturnNode> requested, string format)
    {
        foreach (var (_, key) in requested)
            if (format == "npy" && key.AsSpan().ContainsAny(Path.GetInvalidFileNameChars()))
                throw new ToolException(
                    $"The key '{key}' can't be part of a file's name, as --format npy needs; give the node another one with NAME=KEY.") { IsWrongUsage = true };
    }
}
