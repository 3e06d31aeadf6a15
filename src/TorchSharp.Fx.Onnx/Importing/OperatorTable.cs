using System.Collections.Frozen;
using TorchSharp.Fx.Onnx.Importing.Operators;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>Adds to the graph what a node of the file computes.</summary>
/// <returns>Its outputs.</returns>
internal delegate Value[] Converter(OnnxNode node);

/// <summary>The operators of ONNX that are read, each with its converter.</summary>
internal sealed class OperatorTable
{
    private static readonly FrozenDictionary<string, Converter> Rows = MakeRows();

    private readonly Dictionary<string, Converter> rows = new(StringComparer.Ordinal);

    /// <summary>The operators by name.</summary>
    internal static IEnumerable<string> Names => Rows.Keys;

    internal static Converter Find(string domain, string name)
        => domain.Length > 0 ? throw new NotSupportedException($"operators of the domain '{domain}' are not known")
            : Rows.GetValueOrDefault(name)
                ?? throw new NotSupportedException("there is no converter for this operator; docs/onnx.md lists those that there are");

    /// <summary>An operator with one output.</summary>
    internal void Add(string name, Func<OnnxNode, Value> convert) => rows.Add(name, node => [convert(node)]);

    /// <summary>An operator with any number of outputs.</summary>
    internal void AddAll(string name, Converter convert) => rows.Add(name, convert);

    private static FrozenDictionary<string, Converter> MakeRows()
    {
        var table = new OperatorTable();
        Elementwise.AddTo(table);
        Comparisons.AddTo(table);
        Activations.AddTo(table);
        Layers.AddTo(table);
        Norms.AddTo(table);
        Products.AddTo(table);
        Pooling.AddTo(table);
        Shapes.AddTo(table);
        Pieces.AddTo(table);
        Indexing.AddTo(table);
        Creation.AddTo(table);
        Paddings.AddTo(table);
        Reductions.AddTo(table);
        Resizing.AddTo(table);
        Operators.Quantization.AddTo(table);
        Recurrent.AddTo(table);
        Signals.AddTo(table);
        ClassLosses.AddTo(table);
        RandomNumbers.AddTo(table);
        ControlFlow.AddTo(table);
        TensorLists.AddTo(table);
        Regions.AddTo(table);
        Vectorizing.AddTo(table);
        Suppression.AddTo(table);
        Transformers.AddTo(table);
        return table.rows.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
