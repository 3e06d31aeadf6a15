using TorchSharp.Fx.Onnx.Tests.Operations;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>Each operation that is exported to ONNX is written as a program, too, which gives what TorchSharp gives.</summary>
public sealed class RowTests : IDisposable
{
    private static readonly Dictionary<string, Row> Rows = new[] { ElementRows.All, ShapeRows.All, LayerRows.All }.SelectMany(rows
        => rows).ToDictionary(row => row.Name);

    private readonly DisposeScope scope = NewDisposeScope();

    public static TheoryData<string> Names => [.. Rows.Keys];

    public void Dispose() => scope.Dispose();

    [Theory, MemberData(nameof(Names))]
    public void AnOperationIsWritten(string name)
    {
        var row = Rows[name];
        using var _ = no_grad();
        using var traced = fx.symbolic_trace(row.Function, example_inputs: [.. row.Inputs.Select(InputShape.Parse)]);
        traced.eval();
        var inputs = row.Inputs.Select((input, i) => row.Input(input, 4, i)).ToArray();
        using var loaded = WrittenProgram.Of(traced, [.. inputs], name: name);
        var expected = ExportedPrograms.Flat(row.Function.DynamicInvoke([.. inputs.Select(input => (object)input.clone())]));
        var found = ExportedPrograms.Flat(ExportedPrograms.Run(loaded, [.. inputs]));
        Assert.Equal(expected.Keys, found.Keys);
        Assert.All(expected, entry => Assert.True(entry.Value.shape.SequenceEqual(found[entry.Key].shape)
            && entry.Value.dtype == found[entry.Key].dtype && found[entry.Key].allclose(entry.Value, 1e-5, 1e-6, equal_nan: true),
                entry.Key));
    }
}
