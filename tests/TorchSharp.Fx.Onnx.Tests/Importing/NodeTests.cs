using System.Runtime.CompilerServices;
using TorchSharp.Fx.Onnx.Format;
using TorchSharp.Fx.Onnx.Importing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>ONNX's own tests of its operators: a model each, with inputs and the outputs that it must give. <c>docs/onnx.md</c> lists
/// those that are left out.</summary>
public sealed class NodeTests(NodeTestFiles files) : IClassFixture<NodeTestFiles>
{
    private const int Expected = 999;

    // The tolerance of ONNX's own runner.
    private const double Relative = 1e-3, Absolute = 1e-7;

    public static TheoryData<string> Families => NodeTestFiles.Families;

    [Fact]
    public void All_but_those_that_are_left_out_are_here() => Assert.Equal(Expected, NodeTestFiles.Names.Length);

    [Fact]
    public void The_document_lists_the_operators()
    {
        var section = Document().Split("### What can be loaded")[1].Split("Limits:")[0];
        var listed = section.Split('`').Where((_, i) => i % 2 == 1);
        Assert.Equal(OperatorTable.Names.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Families))]
    public void A_model_of_one_operator_gives_what_ONNX_says(string family)
    {
        var failures = new List<string>();
        var count = 0;
        foreach (var folder in files.Of(family))
        {
            count++;
            var failure = Record.Exception(() => Check(folder));
            if (failure is not null)
                failures.Add($"{Path.GetFileName(folder)}: {failure.Message}");
        }
        Assert.True(count > 0);
        Assert.True(failures.Count == 0, $"{failures.Count} of {count} failed.\n{string.Join('\n', failures)}");
    }

    private static void Check(string folder)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var module = onnx.load(Path.Combine(folder, "model.onnx"));
        var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(folder, "model.onnx"))).Graph;
        foreach (var set in Directory.GetDirectories(folder, "test_data_set_*"))
        {
            var inputs = Tensors(set, "input", graph.Input);
            var expected = Tensors(set, "output", graph.Output);
            var isRandom = graph.Node.Any(node => node.OpType is "Bernoulli" or "RandomUniformLike");
            Same(expected, new GraphInterpreter((IGraphModule)module).run([.. inputs]), isRandom);
            Same(expected, ((IGraphModule)module).Program.Run([.. inputs]), isRandom);
        }
    }

    /// <summary>The tests' files have a model's <c>bfloat16</c> as the bits of <c>uint16</c>.</summary>
    private static torch.Tensor[] Tensors(string folder, string kind, IReadOnlyList<ValueInfoProto> declared) =>
        [.. Directory.GetFiles(folder, $"{kind}_*.pb").Select((_, i) =>
    {
        var proto = TensorProto.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(folder, $"{kind}_{i}.pb")));
        proto.DataType = declared[i].Type.TensorType.ElemType is 16 ? 16 : proto.DataType;
        return Elements.Read(proto, null);
    })];

    private static void Same(torch.Tensor[] expected, object? result, bool isRandom)
    {
        torch.Tensor[] actual = result switch
        {
            torch.Tensor one => [one],
            Features features => [.. features.Keys.Select(key => features[key])],
            var dictionary => [.. ((System.Collections.IDictionary)dictionary!).Values.Cast<torch.Tensor>()],
        };
        Assert.Equal(expected.Select(Facts), actual.Select(Facts));
        foreach (var (a, b) in isRandom ? [] : expected.Zip(actual))
        {
            // The tests' own conversion to bfloat16 cuts off what it should round.
            var relative = a.dtype == ScalarType.BFloat16 ? 1.0 / 128 : Relative;
            Assert.True(allclose(b.to(float64), a.to(float64), relative, Absolute, equal_nan: true), $"it gives {Some(b)} for {Some(a)}");
        }
    }

    private static string Document([CallerFilePath] string here = "")
        => File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "../../../docs/onnx.md"));

    private static string Facts(torch.Tensor tensor) => $"{tensor.dtype} {string.Join('x', tensor.shape)}";

    private static string Some(torch.Tensor tensor) => string.Join(' ', tensor.to(float64).flatten().data<double>().Take(8));
}
