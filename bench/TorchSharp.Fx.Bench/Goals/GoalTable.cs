using System.CommandLine;
using System.Globalization;
using TorchSharp.Fx.Cli;

namespace TorchSharp.Fx.Bench;

/// <summary>Measures all that the project wants to reach, and writes a table of it beside the results of each run.</summary>
internal static class GoalTable
{
    private static readonly string[] Both = ["--threads", "2,1"];

    private static readonly SideBySide[] Comparisons =
    [
        new("resnet50-stages", "resnet50 layer1–4", ["resnet50", "--nodes", "layer1,layer2,layer3,layer4", "--peers", "ort,graph,folded,optimised,bfloat16", "--batch", "1,16", .. Both],
            new("optimised", "ort", 1.03), new("optimised", "folded", 0.70, Batch: 1), new("bfloat16", "ort", 0.60), new("optimised", "ort", 1.20, Batch: 16, IsMemory: true)),
        .. new[] { "mobilenet_v2", "efficientnet_b0", "convnext_tiny", "vit_b_16", "swin_t", "regnet_y_400mf", "densenet121" }.Select(model =>
            new SideBySide(model, model, [model, "--peers", "ort,optimised,bfloat16", "--batch", "1,8", .. Both], new PeerLimit("optimised", "ort", 1.05))),
        new("ten-convolutions", "ten convolutions 32×32", [$"{typeof(TenConvolutions).Assembly.Location}:{typeof(TenConvolutions).FullName}", "--input", "1x16x32x32", "--peers", "ort,graph,optimised", .. Both],
            new PeerLimit("optimised", "ort", 1.30)),
        new("resnet50-layer2", "resnet50 layer2 only", ["resnet50", "--nodes", "layer2", "--peers", "ort-full,ort,optimised", .. Both], new PeerLimit("optimised", "ort-full", 0.50)),
    ];

    internal static int Run(string[] arguments)
    {
        var tool = new Option<string?>("--tool") { Description = "An installed torchfx to measure; by default the one that was built with this program." };
        var rounds = new Option<int>("--rounds") { Description = "How many turns of each peer are measured.", DefaultValueFactory = _ => 15 };
        var only = new Option<string?>("--only") { Description = "Only what has this in its name, which writes no table." };
        var folder = new Option<string>("--out") { Description = "Where to write.", DefaultValueFactory = _ => Path.Combine("bench", "results") };
        var command = new RootCommand("Measures what the project wants to reach.") { tool, rounds, only, folder };
        command.SetAction(parsed => Measure(new(parsed.GetValue(tool)), parsed.GetValue(rounds), parsed.GetValue(only) ?? "", parsed.GetRequiredValue(folder)));
        return command.Parse(arguments).Invoke();
    }

    private static void Measure(InstalledTool tool, int rounds, string only, string folder)
    {
        Directory.CreateDirectory(folder);
        var parts = Comparisons.Select(comparison => (comparison.Name, Run: (Func<IEnumerable<GoalResult>>)(() => comparison.Run(tool, folder, ["--rounds", rounds.ToString(CultureInfo.InvariantCulture)]))))
            .Append(("tracing", Repeated.Tracing)).Append(("start", () => Repeated.Start(tool))).Append(("images", () => ImagesToFeatures.Goals("resnet18", 500)));
        string[] lines =
        [
            "| work | measure | goal | median | shortest | met |", "|---|---|---|---|---|---|",
            .. parts.Where(part => part.Name.Contains(only, StringComparison.Ordinal)).SelectMany(part => part.Run()).Select(result => result.ToString()),
        ];
        foreach (var line in lines)
            Console.WriteLine(line);
        if (only.Length == 0)
            File.WriteAllLines(Path.Combine(folder, "README.md"), [.. Heading(rounds), .. lines]);
    }

    private static IEnumerable<string> Heading(int rounds) =>
    [
        "# Measured against the goals", "",
        $"{DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}, {Diagnosis.Processor}, {Environment.ProcessorCount} processors, {string.Join(", ", Diagnosis.Versions.Select(entry => $"{entry.Name} {entry.Version}"))}.",
        $"Ratios are of the medians, and of the shortest, of {rounds} turns, each peer in a process of its own; within 3 % of ONNX Runtime's time counts as level. The files beside this one have all numbers;",
        "`bench/measure.sh` makes all of it again.", "",
    ];
}
