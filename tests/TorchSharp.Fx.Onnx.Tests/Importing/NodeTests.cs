using System.Runtime.CompilerServices;
using Google.Protobuf;
using TorchSharp.Fx.Onnx.Format;
using TorchSharp.Fx.Onnx.Importing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>ONNX's own tests of its operators: a model each, with inputs and the outputs that it must give. <c>docs/onnx.md</c> lists
/// those that are left out.</summary>
public sealed class NodeTests(NodeTestFiles files) : IClassFixture<NodeTestFiles>
{
    private const int Expected = 1023;

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
            var inputs = Values(set, "input", graph.Input);
            var expected = Values(set, "output", graph.Output);
            var isRandom = graph.Node.Any(node => node.OpType is "Bernoulli" or "RandomUniformLike" || IsDropped(node, inputs));
            Same(expected, new GraphInterpreter((IGraphModule)module).run([.. inputs]), isRandom);
            Same(expected, ((IGraphModule)module).Program.Run([.. inputs]), isRandom);
        }
    }

    /// <summary>Whether elements are left out at random, which a ratio above zero does.</summary>
    private static bool IsDropped(NodeProto node, object[] inputs)
        => node.OpType == "Dropout" && inputs is [_, torch.Tensor ratio, _] && ratio.to(float64).item<double>() > 0;

    private static object[] Values(string folder, string kind, IReadOnlyList<ValueInfoProto> declared) =>
        [.. Directory.GetFiles(folder, $"{kind}_*.pb").Select((_, i) =>
            Value(File.ReadAllBytes(Path.Combine(folder, $"{kind}_{i}.pb")), declared[i].Type))];

    /// <summary>The tests' files have a model's <c>bfloat16</c> as the bits of <c>uint16</c>.</summary>
    private static object Value(byte[] bytes, TypeProto type)
    {
        if (type.TensorType is not { ElemType: var elements })
            return Held(bytes) is var held && (type.OptionalType?.ElemType ?? type).TensorType is null ? held : held[0];
        var proto = TensorProto.Parser.ParseFrom(bytes);
        proto.DataType = elements is 16 ? 16 : proto.DataType;
        return Elements.Read(proto, null);
    }

    /// <summary>The tensors of a list, or of what may be missing: of <c>SequenceProto</c> and <c>OptionalProto</c>, whose third field they
    /// are; the fifth of the latter is a list.</summary>
    private static torch.Tensor[] Held(byte[] bytes)
    {
        var (reader, found) = (new CodedInputStream(bytes), new List<torch.Tensor>());
        while (reader.ReadTag() is > 0 and var tag)
            if (WireFormat.GetTagFieldNumber(tag) is 3)
                found.Add(Elements.Read(TensorProto.Parser.ParseFrom(reader.ReadBytes()), null));
            else if (WireFormat.GetTagFieldNumber(tag) is 5)
                found.AddRange(Held(reader.ReadBytes().ToByteArray()));
            else
                reader.SkipLastField();
        return [.. found];
    }

    private static void Same(object[] outputs, object? result, bool isRandom)
    {
        object[] results = result switch
        {
            torch.Tensor or torch.Tensor[] => [result],
            Features features => [.. features.Keys.Select(features.value<object>)],
            var dictionary => [.. ((System.Collections.IDictionary)dictionary!).Values.Cast<object>()],
        };
        Assert.Equal(outputs.Select(output => output.GetType()), results.Select(output => output.GetType()));
        var (expected, actual) = (Flat(outputs), Flat(results));
        Assert.Equal(expected.Select(Facts), actual.Select(Facts));
        foreach (var (a, b) in isRandom ? [] : expected.Zip(actual))
        {
            // The tests' own conversion to bfloat16 cuts off what it should round.
            var relative = a.dtype == ScalarType.BFloat16 ? 1.0 / 128 : Relative;
            Assert.True(allclose(b.to(float64), a.to(float64), relative, Absolute, equal_nan: true), $"it gives {Some(b)} for {Some(a)}");
        }
    }

    private static torch.Tensor[] Flat(object[] values)
        => [.. values.SelectMany(value => value as torch.Tensor[] ?? [(torch.Tensor)value])];

    private static string Document([CallerFilePath] string here = "")
        => File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "../../../docs/onnx.md"));

    private static string Facts(torch.Tensor tensor) => $"{tensor.dtype} {string.Join('x', tensor.shape)}";

    private static string Some(torch.Tensor tensor) => string.Join(' ', tensor.to(float64).flatten().data<double>().Take(8));
}
