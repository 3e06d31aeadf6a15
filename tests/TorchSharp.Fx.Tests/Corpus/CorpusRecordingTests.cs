using TorchSharp.Fx.Tests.FeatureExtraction;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Corpus;

/// <summary>The corpus through a recorder, traceable or refused: what it gives by name is what eager has there, told by hooks, and what the graph has, where there is one.</summary>
[Collection(nameof(Alone))]
public sealed class CorpusRecordingTests
{
    public static TheoryData<string> Rows => [.. CorpusModules.Sections.Values.SelectMany(rows => rows).Select(row => row.Name)];

    public static TheoryData<string> Traced_rows => [.. CorpusGraphs.Traced];

    [Theory, MemberData(nameof(Rows))]
    public void A_recorder_gives_what_hooks_see(string name)
    {
        using var scope = NewDisposeScope();
        var row = CorpusModules.Named(name);
        var eager = CorpusGraphs.Make(row);
        var seen = new Dictionary<string, Tensor>();
        foreach (var (path, module) in eager.named_modules())
            if (module is nn.Module<Tensor, Tensor> leaf && module.GetType().Assembly == typeof(Tensor).Assembly && !module.children().Any() && Namespace.SplitSuffix(path).Stem == path)
                leaf.register_forward_hook((_, _, output) =>
                {
                    // The program's own scopes don't take it.
                    seen.TryAdd(path, output.detach().clone().DetachFromDisposeScope());
                    return output;
                });
        if (Record.Exception(() => CorpusGraphs.Seeded(() => Traced.Eager(eager, CorpusGraphs.Calls(row)[0]))) is not null)
            return;
        var names = feature_extraction.create_recorder(CorpusGraphs.Make(row), ReturnNodes.Where((_, _) => true)).nodes(CorpusGraphs.Calls(row)[0]);
        string[] asked = [.. names.Where(seen.ContainsKey)];
        if (asked.Length == 0)
            return;
        var recorder = feature_extraction.create_recorder(CorpusGraphs.Make(row), asked);
        using var features = (Features)CorpusGraphs.Seeded(() => recorder.call(CorpusGraphs.Calls(row)[0]))!;
        Assert.Equal(asked.Order(), features.Keys.Order());
        foreach (var key in asked)
            Traced.Same(seen[key], features[key]);
    }

    [Theory, MemberData(nameof(Traced_rows))]
    public void A_recorder_gives_what_the_graph_has(string name)
    {
        using var scope = NewDisposeScope();
        var row = CorpusModules.Named(name);
        var tracer = new NodePathTracer(row.ByExample ? new() { example_inputs = CorpusGraphs.Calls(row)[0] } : null);
        var module = CorpusGraphs.Make(row);
        // Its static cache is full by the second run; extraction has no state, and so no graph where an input is changed.
        if (name == "FcosHead" || Record.Exception(() => tracer.trace(module)) is TraceException { code: "FX036" } && row.State.Length > 0)
            return;
        var names = feature_extraction.create_recorder(CorpusGraphs.Make(row), ReturnNodes.Where((_, _) => true)).nodes(CorpusGraphs.Calls(row)[0]).ToHashSet();
        var nodes = tracer.node_to_qualname.Where(entry => entry.Key.op is Opcode.call_module or Opcode.call_method && entry.Key.type == typeof(Tensor) && names.Contains(entry.Value)
            && !entry.Key.target.name.Contains("empty", StringComparison.Ordinal) && Fx.Graphs.Operations.Of(entry.Key, new(module)).Writes == Operands.None).DistinctBy(entry => entry.Value).ToDictionary();
        if (nodes.Count == 0)
            return;
        var recorder = feature_extraction.create_recorder(CorpusGraphs.Make(row), [.. nodes.Values]);
        using var features = (Features)CorpusGraphs.Seeded(() => recorder.call(CorpusGraphs.Calls(row)[0]))!;
        var run = new Keeping(module, tracer);
        _ = CorpusGraphs.Seeded(() => run.run(CorpusGraphs.Calls(row)[0]));
        foreach (var (node, key) in nodes.Where(entry => features.ContainsKey(entry.Value)))
            Traced.Same(run.Values[node], features[key]);
    }

    /// <summary>Keeps what each node gives, before another one writes to it.</summary>
    private sealed class Keeping(nn.Module module, Tracer tracer) : GraphInterpreter(module, tracer.graph, tracer.tensor_constants)
    {
        internal Dictionary<Node, Tensor> Values { get; } = [];

        public override object? run_node(Node node)
        {
            var value = base.run_node(node);
            if (value is Tensor { IsInvalid: false } tensor)
                Values[node] = tensor.detach().clone().DetachFromDisposeScope();
            return value;
        }
    }
}
