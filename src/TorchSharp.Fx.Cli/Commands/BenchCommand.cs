using System.CommandLine;
using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx bench MODEL</c></summary>
internal sealed class BenchCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string?> nodes =
        new("--nodes") { Description = "The nodes to compute; the model's last one by default.", HelpName = "NAME,…" };
    private readonly Option<string> peers =
        new("--peers") { Description = $"What to compare, of {string.Join(", ", BenchPeer.Names)}.", HelpName = "NAME,…",
            DefaultValueFactory = _ => "eager,graph,optimised" };
    private readonly Option<string?> against =
        new("--against") { Description = "The peer that ratios are relative to; the first by default.", HelpName = "NAME" };
    private readonly Option<string> batches =
        new("--batch") { Description = "The numbers of samples per call.", HelpName = "N,…", DefaultValueFactory = _ => "1" };
    private readonly Option<string> threads =
        new("--threads") { Description = "The numbers of threads per process.", HelpName = "N,…",
            DefaultValueFactory = _ => Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture) };
    private readonly Option<int> rounds =
        new("--rounds") { Description = "The number of measured rounds per peer, after three to warm up.", HelpName = "N",
            DefaultValueFactory = _ => 15 };
    private readonly Option<string?> profile =
        new("--profile") { Description = "Also measure every node of the peers that are graphs; with a file, draw flame graphs.",
            HelpName = "FILE.svg", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<int?> top =
        new("--top") { Description = "How many nodes --profile prints, the slowest first; 10 by default.", HelpName = "N" };
    private readonly Option<string?> json =
        new("--json") { Description = "Also write the results, with machine, date and versions, to this file.", HelpName = "FILE" };
    private readonly Option<string> format = Choice("--format", "The output format.", "table", "json");

    // What a process of its own is to be: PEER,BATCH,THREADS,FOLDER.
    private readonly Option<string?> worker = new("--worker") { Hidden = true };

    public BenchCommand() : base("bench", "Compares ways of running a model: time, memory, and whether their results agree.",
        "bench resnet50 --nodes layer1,layer4 --batch 1,16 --threads 1,2", "bench vit_b_16 --peers ort,optimised,bfloat16 --json vit.json",
        "bench resnet50 --peers ort,ort-int8,int8 --batch 1,16", "bench mobilenet_v2 --peers graph,optimised --profile mobilenet.svg",
        "bench bin/MyModels.dll:MyModels.Encoder --input 1x3x64x64 --format json")
    {
        nodes.CompletionSources.Add(Completions.Nodes);
        model.AddTo(this);
        inputs.AddTo(this);
        foreach (var option in new Option[] { nodes, peers, against, batches, threads, rounds, profile, top, json, format, worker })
            Add(option);
        SetAction((parsed, token) => Task.FromResult(Run(parsed, token)));
    }

    private int Run(ParseResult parsed, CancellationToken token)
    {
        if (parsed.GetValue(worker)?.Split(',', 4) is [var peer, var batch, var count, var folder])
            Serve(parsed, peer, int.Parse(batch, CultureInfo.InvariantCulture), int.Parse(count, CultureInfo.InvariantCulture),
                new BenchFiles(folder));
        else
            Compare(parsed, Subject(parsed), token);
        return 0;
    }

    private void Serve(ParseResult parsed, string name, int batch, int count, BenchFiles files)
    {
        if (BenchPeer.InOnnxRuntime.Contains(name))
        {
            using var onnx = new OnnxPeer(files, name, batch, count);
            BenchWorker.Serve(onnx);
            return;
        }
        set_num_threads(count);
        using var mode = no_grad();
        using var peer = BenchPeer.Make(name, Subject(parsed), batch);
        BenchWorker.Serve(peer);
    }

    private void Compare(ParseResult parsed, BenchSubject subject, CancellationToken token)
    {
        var order = Order(parsed, subject.Source.Name);
        var (counts, sizes) = (Numbers(parsed, threads), Numbers(parsed, batches));
        foreach (var path in new[] { parsed.GetValue(json), parsed.GetValue(profile) })
            if (path is not null)
                Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        Check(subject);
        var folder = Directory.CreateTempSubdirectory("torchfx-bench-");
        try
        {
            var files = new BenchFiles(folder.FullName);
            if (order.Peers.Intersect(BenchPeer.InOnnxRuntime).ToArray() is { Length: > 0 } exported)
                OnnxPeer.Export(subject, exported, sizes, files);
            var given = parsed.Tokens.Select(token => token.Value).ToArray();
            var results = new List<BenchResult>();
            Terminal.WithProgress("turns", order.Turns * counts.Length * sizes.Length, advance =>
            {
                var benchmark =
                    new Benchmark(order,
                        (peer, batch, count) => new BenchWorker([.. given, "--worker", $"{peer},{batch},{count},{folder.FullName}"], count),
                        files, () => advance(1), token);
                foreach (var count in counts)
                    foreach (var batch in sizes)
                        results.AddRange(benchmark.Run(batch, count));
            });
            Tell(new(subject, order, results), parsed);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private void Tell(BenchReport report, ParseResult parsed)
    {
        if (parsed.GetRequiredValue(format) == "json")
            Json.Print(report.WriteJson);
        else
            report.Print(parsed.GetValue(top) ?? 10);
        if (parsed.GetValue(json) is { } path)
            AtomicFile.Write(path, stream => Json.Write(stream, report.WriteJson));
        report.RequireAgreement();
    }

    private BenchSubject Subject(ParseResult parsed) => new(model.Read(parsed), inputs.Read(parsed), parsed.GetValue(nodes));

    /// <summary>A wrong name is told once, here, and not by every process.</summary>
    private static void Check(BenchSubject subject)
    {
        _ = subject.SampleSizes;
        using var module = subject.Source.BuildToTrace(subject.Kwargs);
        using var extractor = subject.Extractor(module);
    }

    private BenchOrder Order(ParseResult parsed, string name)
    {
        var names = parsed.GetRequiredValue(peers).Split(',', StringSplitOptions.TrimEntries);
        foreach (var peer in names)
            if (!BenchPeer.Names.Contains(peer))
                throw Wrong($"--peers has '{peer}', but there are {string.Join(", ", BenchPeer.Names)}.");
            else if (names.Count(other => other == peer) > 1)
                throw Wrong($"--peers has '{peer}' twice.");
        var unit = parsed.GetValue(against) ?? names[0];
        if (!names.Contains(unit))
            throw Wrong($"--against takes one of --peers ({string.Join(", ", names)}), not '{unit}'.");
        if (parsed.GetValue(rounds) < 1)
            throw Wrong($"--rounds must be 1 or more, not {parsed.GetValue(rounds)}.");
        var profiles = parsed.GetResult(profile) is not null;
        if (profiles && !names.Intersect(BenchPeer.Graphs).Any())
            throw Wrong($"--profile looks into graphs ({string.Join(", ", BenchPeer.Graphs)}), and --peers has none of them.");
        if (parsed.GetValue(profile) is { } file && !file.EndsWith(".svg", StringComparison.OrdinalIgnoreCase))
            throw Wrong($"--profile draws SVG, so its file must end with .svg, but it is '{file}'.");
        if (parsed.GetValue(top) is { } rows && (rows < 1 || !profiles))
            throw Wrong(profiles ? $"--top must be 1 or more, not {rows}." : "--top says how many nodes --profile prints: give both.");
        return new(name, names, unit, parsed.GetValue(rounds), profiles, Pictures(parsed, names));
    }

    /// <summary>One file where there is one graph, else a name for each.</summary>
    private Func<string, int, int, string>? Pictures(ParseResult parsed, string[] names)
    {
        if (parsed.GetValue(profile) is not { } path)
            return null;
        var isOne = names.Intersect(BenchPeer.Graphs).Count() * Numbers(parsed, batches).Length * Numbers(parsed, threads).Length == 1;
        return (peer, batch, count) => isOne
            ? path : Path.ChangeExtension(path, $"{peer}-batch{batch}-threads{count}{Path.GetExtension(path)}");
    }

    private static int[] Numbers(ParseResult parsed, Option<string> option)
        => [.. parsed.GetRequiredValue(option).Split(',', StringSplitOptions.TrimEntries)
            .Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw Wrong($"{option.Name} takes numbers of 1 or more, separated by commas, but has '{text}'."))];

    private static ToolException Wrong(string sentence) => new(sentence) { IsWrongUsage = true };
}
