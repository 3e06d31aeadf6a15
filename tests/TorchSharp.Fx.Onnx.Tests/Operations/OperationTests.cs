using System.Collections;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Operations;

/// <summary>Each operation that has a converter gives in ONNX Runtime what TorchSharp gives, for sizes other than the example's.</summary>
public sealed partial class OperationTests : IDisposable
{
    private static readonly Dictionary<string, Row> Rows = new[] { ElementRows.All, ShapeRows.All, LayerRows.All, ComplexRows.All }.SelectMany(rows => rows).ToDictionary(row => row.Name);

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly OnnxModel exported = new();

    public static TheoryData<string> Names => [.. Rows.Keys];

    public void Dispose()
    {
        exported.Dispose();
        scope.Dispose();
    }

    [Theory, MemberData(nameof(Names))]
    public void An_operation_gives_the_same_in_ONNX_Runtime(string name)
    {
        var row = Rows[name];
        using var _ = no_grad();
        using var traced = fx.symbolic_trace(row.Function, example_inputs: [.. row.Inputs.Select(InputShape.Parse)]);
        traced.eval();
        onnx.export(traced, exported.Path, [.. row.Inputs.Select(InputShape.Parse)]);
        foreach (var free in new[] { 1L, 4, 7 })
        {
            var inputs = row.Inputs.Select((input, i) => row.Input(input, free, i)).ToArray();
            var expected = Flat(row.Function.DynamicInvoke([.. inputs.Select(input => (object)input.clone())])).ToArray();
            var actual = exported.Run(inputs).Values.ToArray();
            Assert.Equal(expected.Length, actual.Length);
            foreach (var (a, b) in expected.Zip(actual))
                OnnxModel.AssertClose(a, b, $"{name} for {free}");
        }
    }

    [Fact]
    public void The_document_lists_the_converters()
    {
        var table = Document().Split("## Loading")[0].Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal) && line.Contains('`', StringComparison.Ordinal)).SelectMany(line => Quoted.Matches(line.Split('|')[2]).Select(match => match.Groups[1].Value));
        Assert.Equal(Converters(exported.Path), table.Order(StringComparer.Ordinal));
    }

    private static string Document([CallerFilePath] string here = "") => File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "../../../docs/onnx.md"));

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted { get; }

    [Fact]
    public void Every_converter_has_a_row()
    {
        var called = Rows.Values.SelectMany(row => Callees(row)).Concat(LayerTests.Covered).Concat(FormTests.Covered).Concat(QuantizationTests.Covered).Concat(DetectionTests.Covered).ToHashSet();
        Assert.Equal("", string.Join(", ", Converters(exported.Path).Where(name => !called.Contains(name))));
    }

    /// <summary>The names of all converters, as a refusal lists them.</summary>
    internal static string[] Converters(string path)
    {
        using var traced = fx.symbolic_trace((torch.Tensor x) => x.logcumsumexp(0));
        using var example = rand(2);
        var refusal = Assert.Throws<OnnxExportException>(() => onnx.export(traced, path, [example])).Message;
        return refusal[(refusal.IndexOf("Supported are ", StringComparison.Ordinal) + 14)..^1].Split(", ");
    }

    private static IEnumerable<string> Callees(Row row)
    {
        using var traced = fx.symbolic_trace(row.Function, example_inputs: [.. row.Inputs.Select(InputShape.Parse)]);
        foreach (var node in ((IGraphModule)traced).graph.nodes.Where(node => node.op is Opcode.call_function or Opcode.call_method or Opcode.call_module))
        {
            var name = (node.target is ModuleTarget module ? traced.named_modules().First(entry => entry.name == module.Path).module.GetType().Name : node.target.name).ToLowerInvariant();
            yield return name;
            yield return name.TrimEnd('_');
        }
    }

    private static IEnumerable<torch.Tensor> Flat(object? value) => value switch
    {
        // Complex numbers are pairs in the file.
        torch.Tensor tensor => [tensor.is_complex() ? view_as_real(tensor.resolve_conj()) : tensor],
        IEnumerable items => items.Cast<object?>().SelectMany(Flat),
        ITuple tuple => Enumerable.Range(0, tuple.Length).SelectMany(i => Flat(tuple[i])),
        _ => [],
    };
}
