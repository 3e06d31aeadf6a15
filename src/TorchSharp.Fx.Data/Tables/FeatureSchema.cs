using ParquetSharp;
using ParquetSharp.Schema;

namespace TorchSharp.Fx.Data;

/// <summary>The columns of a table of features.</summary>
/// <param name="Passed">The columns that the source passes on.</param>
/// <param name="Features">The columns of features that the model computes.</param>
public sealed record FeatureSchema(IReadOnlyList<DataColumn> Passed, IReadOnlyList<FeatureColumn> Features)
{
    internal const string Row = "row", Path = "path", Error = "error", ShapeSuffix = "_shape", FileSuffix = "_file",
    TensorSuffix = "_tensor";

    /// <summary>Checks that no two columns have the same name.</summary>
    /// <exception cref="ArgumentException">Two columns have the same name; the message says which, and what to do.</exception>
    public FeatureSchema RequireDistinct()
    {
        var taken = new HashSet<string>(StringComparer.Ordinal) { Row, Path, Error };
        foreach (var name in Passed.Select(column => column.Name))
            if (!taken.Add(name))
                throw new ArgumentException(
                    $"The manifest's column '{name}' has the name of a column of the result, or is there twice: rename it.");
        foreach (var name in Features.SelectMany(feature => feature.IsMap
            ? new[] { feature.Key, feature.Key + ShapeSuffix, feature.Key + FileSuffix, feature.Key + TensorSuffix }
            : [feature.Key]))
            if (!taken.Add(name))
                throw new ArgumentException(
                    $"The key '{name}' has the name of another column of the result: give the node another one with NAME=KEY.");
        return this;
    }

    /// <summary>As Parquet has it; what a list holds is never missing.</summary>
    /// <param name="mapsBeside">Whether maps are in files, which the table names.</param>
    internal GroupNode ToParquet(bool mapsBeside = false) => new("schema", Repetition.Required,
    [
        new PrimitiveNode(Row, Repetition.Required, LogicalType.None(), PhysicalType.Int64),
        Text(Path, Repetition.Required),
        .. Passed.Select(Plain),
        .. Features.SelectMany(feature => feature.IsMap
            ? [.. Values(feature, mapsBeside), List(feature.Key + ShapeSuffix, typeof(long))] : Values(feature, false)),
        Text(Error, Repetition.Optional),
    ]);

    private static ParquetSharp.Schema.Node[] Values(FeatureColumn feature, bool mapsBeside) => feature.IsMap && mapsBeside
        ? [Text(feature.Key + FileSuffix, Repetition.Optional), Text(feature.Key + TensorSuffix, Repetition.Optional)]
        : [List(feature.Key, feature.Type)];

    private static PrimitiveNode Text(string name, Repetition repetition)
        => new(name, repetition, LogicalType.String(), PhysicalType.ByteArray);

    private static PrimitiveNode Plain(DataColumn column) => column.Type == typeof(string) ? Text(column.Name, Repetition.Optional)
        : new(column.Name, Repetition.Optional, LogicalType.None(), column.Type == typeof(long) ? PhysicalType.Int64
            : column.Type == typeof(double) ? PhysicalType.Double : PhysicalType.Boolean);

    private static GroupNode List(string name, Type type)
        => new(name, Repetition.Optional, [new GroupNode("list", Repetition.Repeated, [Element(type)])], LogicalType.List());

    private static PrimitiveNode Element(Type type)
        => type == typeof(Half) ? new("element", Repetition.Required, LogicalType.Float16(), PhysicalType.FixedLenByteArray, 2)
        : new("element", Repetition.Required, LogicalType.None(), type == typeof(float) ? PhysicalType.Float : type == typeof(double)
            ? PhysicalType.Double : PhysicalType.Int64);
}
