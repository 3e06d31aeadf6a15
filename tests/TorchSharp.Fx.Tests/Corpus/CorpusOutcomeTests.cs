using System.Collections;
using System.Runtime.CompilerServices;
using TorchSharp.Fx.Tests.FeatureExtraction;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Corpus;

/// <summary>What becomes of the corpus' graphs: the optimised copy computes the same but for rounding, and what was saved and loaded the same bits, on all shapes.</summary>
[Collection(nameof(Alone))]
public sealed class CorpusOutcomeTests
{
    public static TheoryData<string> Rows => [.. CorpusGraphs.Traced];

    [Theory, MemberData(nameof(Rows))]
    public void An_optimised_copy_computes_the_same(string name)
        => CorpusGraphs.Hold(CorpusOutcomes.NotOptimised, name, () => Check(name, graph => graph.optimize_for_inference(), Close));

    [Theory, MemberData(nameof(Rows))]
    public void What_was_saved_computes_the_same(string name)
        => CorpusGraphs.Hold(CorpusOutcomes.NotSaved, name, () => Check(name, Loaded, Traced.Same));

    private static void Check(string name, Func<GraphModule, GraphModule> make, Action<object?, object?> same)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var row = CorpusModules.Named(name);
        var (graph, other) = Pair();
        for (var i = 0; i < CorpusGraphs.Calls(row).Length; i++)
        {
            var (expected, actual) = (CorpusGraphs.Calls(row)[i], CorpusGraphs.Calls(row)[i]);
            // What is kept, or written to a buffer, has no part in the next call.
            if (i > 0 && (row.State.Length > 0 || graph.buffers().Any()))
                (graph, other) = Pair();
            same(CorpusGraphs.Seeded(() => graph.call(expected)), CorpusGraphs.Seeded(() => other.call(actual)));
        }

        (GraphModule, GraphModule) Pair()
        {
            var module = CorpusGraphs.Make(row);
            // The optimised copy is for evaluation.
            module.eval();
            var graph = CorpusGraphs.Trace(row, module);
            return (graph, make(graph));
        }
    }

    private static GraphModule Loaded(GraphModule graph)
    {
        var file = Path.GetTempFileName();
        try
        {
            Type[] types = [.. typeof(CorpusRow).Assembly.GetTypes().Where(type => type.FullName?.Contains("Corpus", StringComparison.Ordinal) is true && !type.IsGenericTypeDefinition)];
            fx.save(graph, file, types);
            return fx.load<GraphModule>(file, types);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static void Close(object? expected, object? actual)
    {
        switch (expected, actual)
        {
            case (Tensor a, Tensor b):
                Assert.Equal(a.shape, b.shape);
                Assert.True(a.is_floating_point() || a.is_complex() ? allclose(a, b, 1e-4, 1e-4, equal_nan: true) : a.eq(b).all().ToBoolean(), "it differs by more than rounding");
                break;
            case (IDictionary a, IDictionary b):
                foreach (var key in a.Keys)
                    Close(a[key], b[key]);
                break;
            case (ITuple a, ITuple b):
                for (var i = 0; i < a.Length; i++)
                    Close(a[i], b[i]);
                break;
            case (IEnumerable a and not string, IEnumerable b):
                Assert.Equal(a.Cast<object?>().Count(), b.Cast<object?>().Count());
                foreach (var (one, other) in a.Cast<object?>().Zip(b.Cast<object?>()))
                    Close(one, other);
                break;
        }
    }
}
