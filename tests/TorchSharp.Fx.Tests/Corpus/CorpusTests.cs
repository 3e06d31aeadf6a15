using System.Text.RegularExpressions;
using TorchSharp.Fx.Tests.FeatureExtraction;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Corpus;

/// <summary>
/// What people write: every module of the corpus traces and gives eager's results bit for bit, or is refused by the right entry of the catalogue at the right line; and in both
/// cases it is afterwards what it was before.
/// </summary>
[Collection(nameof(Alone))]
public sealed partial class CorpusTests
{
    public static TheoryData<string> Traced_rows => [.. Names(row => row.Refusal is null)];

    public static TheoryData<string> Refused_rows => [.. Names(row => row.Refusal is not null)];

    public static TheoryData<string> Sections => [.. CorpusModules.Sections.Keys];

    [Theory, MemberData(nameof(Traced_rows))]
    public void A_module_traces_and_computes_what_it_computes(string name)
    {
        using var scope = NewDisposeScope();
        var row = CorpusModules.Named(name);
        var (module, calls) = (CorpusGraphs.Make(row), CorpusGraphs.Calls(row));
        var before = Snapshot.Of(module);
        var tracer = new Tracer();
        // Symbols alone take a nullable input to be there.
        if (row.ByExample && !row.Absent && !calls[0].Contains(null))
            Assert.Throws<TraceException>(() => tracer.trace(module));
        _ = row.ByExample ? tracer.trace(module, example_inputs: calls[0]) : tracer.trace(module);
        Assert.Equal(before, Snapshot.Of(module));
        Assert.Equal(row.Drops, tracer.report.dropped_state.Select(note => note.text));
        Assert.Equal(row.State, tracer.report.state);
        Assert.Equal(row.Unregistered, tracer.report.unregistered_modules.Select(found => $"{found.path} ({found.type})"));
        Compare(row, module, tracer, calls);
    }

    [Theory, MemberData(nameof(Refused_rows))]
    public void A_module_is_refused_at_the_line_that_cannot_be_traced(string name)
    {
        using var scope = NewDisposeScope();
        var row = CorpusModules.Named(name);
        var module = CorpusGraphs.Make(row);
        var before = Snapshot.Of(module);
        var bySymbols = Assert.Throws<TraceException>(() => new Tracer().trace(module));
        if (!row.ByExample)
            Refused(row, bySymbols);
        Refused(row, Assert.Throws<TraceException>(() => new Tracer().trace(module, example_inputs: CorpusGraphs.Calls(row)[0])));
        Assert.Equal(before, Snapshot.Of(module));
    }

    [Theory, MemberData(nameof(Sections))]
    public void The_table_lists_every_module(string section)
    {
        var document = File.ReadAllText(Path.Combine(Here(), "../../../docs/generality.md")).ReplaceLineEndings("\n");
        var expected = string.Join("\n", CorpusModules.Sections[section].Select(row => row.Markdown));
        var actual = Regex.Match(document, $@"^## {section}\n(?:.*\n)*?\| -.*\n((?:\|.*\n)*)", RegexOptions.Multiline).Groups[1].Value.TrimEnd();
        if (expected != actual && Environment.GetEnvironmentVariable("WRITE_GENERALITY") is { } folder)
            File.WriteAllText(Path.Combine(folder, section + ".md"), expected + "\n");
        Assert.Equal(expected, actual);
    }

    private static void Refused(CorpusRow row, TraceException refusal)
    {
        Assert.Equal(row.Refusal, refusal.code);
        var place = Place().Match(refusal.location);
        var line = int.Parse(place.Groups[2].Value) - 1;
        // Both halves of the corpus may have a file of the name.
        Assert.Contains(Directory.GetFiles(Here(), place.Groups[1].Value, SearchOption.AllDirectories), file => File.ReadLines(file).ElementAtOrDefault(line)?.EndsWith("// refused", StringComparison.Ordinal) == true);
        Assert.Contains(row.Proposal ?? "", refusal.Message, StringComparison.Ordinal);
    }

    private static void Compare(CorpusRow row, nn.Module module, Tracer tracer, object?[][] calls)
    {
        tracer.graph.lint();
        var interpreted = new GraphInterpreter(module, tracer.graph, tracer.tensor_constants);
        var compiled = new GraphModule(module, tracer.graph, tracer.tensor_constants);
        var state = module.named_buffers().ToDictionary(entry => entry.name, entry => entry.buffer.clone());
        var kept = new KeptBefore(module, tracer.graph);
        for (var i = 0; i < calls.Length; i++)
        {
            // Inputs are made anew: an operation in place may change them, and must do so in all three alike.
            var given = new[] { CorpusGraphs.Calls(row)[i], CorpusGraphs.Calls(row)[i], CorpusGraphs.Calls(row)[i] };
            var fresh = CorpusGraphs.Make(row);
            var eager = CorpusGraphs.Seeded(() => Traced.Eager(fresh, given[0]));
            Traced.Same((eager, given[0]), (CorpusGraphs.Seeded(() => interpreted.run(given[1])), given[1]));
            Restore(module, state);
            kept.Restore();
            Traced.Same((eager, given[0]), (CorpusGraphs.Seeded(() => compiled.call(given[2])), given[2]));
            Restore(module, state);
            kept.Restore();
        }
        if (row.Breaks is { } breaks)
            Assert.Throws<GraphAssertionException>(() => compiled.call(breaks()));
    }

    /// <summary>A graph shares the module's buffers: what one run wrote there is not what the next one is to start from.</summary>
    private static void Restore(nn.Module module, Dictionary<string, Tensor> state)
    {
        using var no_grad = torch.no_grad();
        foreach (var (name, buffer) in module.named_buffers())
            buffer.copy_(state[name]);
    }

    private static IEnumerable<string> Names(Func<CorpusRow, bool> chosen) => CorpusModules.Sections.Values.SelectMany(rows => rows).Where(chosen).Select(row => row.Name);

    private static string Here([System.Runtime.CompilerServices.CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;

    [GeneratedRegex(@"^(\w+\.cs):(\d+)$")]
    private static partial Regex Place();
}
