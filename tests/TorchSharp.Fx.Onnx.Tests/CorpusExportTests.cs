using TorchSharp.Fx.Tests.Corpus;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>The corpus in ONNX Runtime: what can be exported gives what the graph gives, on the example's sizes.</summary>
[Collection(nameof(Alone))]
public sealed class CorpusExportTests
{
    public static TheoryData<string> Rows => [.. CorpusGraphs.Traced];

    [Theory, MemberData(nameof(Rows))]
    public void A_module_gives_the_same_in_ONNX_Runtime(string name)
        => CorpusGraphs.Hold(CorpusOutcomes.NotExported, name, () => Check(CorpusModules.Named(name)));

    private static void Check(CorpusRow row)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var module = CorpusGraphs.Make(row);
        module.eval();
        var graph = CorpusGraphs.Trace(row, module);
        var given = CorpusGraphs.Calls(row)[0];
        using var model = new OnnxModel();
        onnx.export(graph, model.Path, given);
        var program = ((IGraphModule)graph).Program;
        var values = StateLifting.Of(graph.graph, program.Source, CorpusGraphs.Calls(row)[0]).Inputs.ToDictionary(input => input.Node.target.name, input => input.Value);
        var inputs = model.Signature().Inputs
            .Select(input => values[input[..input.IndexOf(" [", StringComparison.Ordinal)]] switch
            {
                Tensor given => given.clone(),
                double number => tensor(number, float64),
                float number => tensor(number),
                var number => tensor(Convert.ToInt64(number, null)),
            }).ToArray();
        var results = model.Run(inputs);
        var expected = Structure.Tensors(CorpusGraphs.Seeded(() => graph.call(given))).ToArray();
        var actual = results.Where(result => !result.Key.EndsWith(".next", StringComparison.Ordinal)).Select(result => result.Value).ToArray();
        Assert.Equal(expected.Length, actual.Length);
        foreach (var (one, other) in expected.Zip(actual))
            if (CorpusOutcomes.Drawing.Contains(row.Name))
                Assert.Equal((one.dtype, string.Join('x', one.shape)), (other.dtype, string.Join('x', other.shape)));
            else
                OnnxModel.AssertClose(one, other, row.Name);
    }
}
