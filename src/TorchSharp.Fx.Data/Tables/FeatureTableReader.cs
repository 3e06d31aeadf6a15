using ParquetSharp;

namespace TorchSharp.Fx.Data;

/// <summary>Reads the rows of a table that <see cref="FeatureTableWriter"/> wrote.</summary>
public static class FeatureTableReader
{
    /// <summary>Reads the rows, with one row group in memory at a time.</summary>
    /// <param name="path">The file.</param>
    /// <param name="schema">Its columns.</param>
    /// <exception cref="InvalidDataException">The file is no Parquet file, or is damaged.</exception>
    public static IEnumerable<FeatureRow> Read(string path, FeatureSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        using var file = ParquetTable.Open(path);
        for (var number = 0; number < file.FileMetaData.NumRowGroups; number++)
        {
            using var group = file.RowGroup(number);
            foreach (var row in new Group(group, schema).Rows())
                yield return row;
        }
    }

    /// <summary>The numbers, paths and errors of the rows, without their features.</summary>
    internal static IEnumerable<(long Row, string Path, string? Error)> ReadOutcomes(string path)
    {
        using var file = ParquetTable.Open(path);
        for (var number = 0; number < file.FileMetaData.NumRowGroups; number++)
        {
            using var group = file.RowGroup(number);
            var rows = ParquetTable.Values(group, 0, typeof(long));
            var paths = ParquetTable.Values(group, 1, typeof(string));
            var errors = ParquetTable.Values(group, file.FileMetaData.Schema.NumColumns - 1, typeof(string));
            for (var i = 0; i < rows.Length; i++)
                yield return ((long)rows.GetValue(i)!, (string)paths.GetValue(i)!, (string?)errors.GetValue(i));
        }
    }

    private sealed class Group(RowGroupReader group, FeatureSchema schema)
    {
        private readonly int count = checked((int)group.MetaData.NumRows);
        private int next;

        internal IEnumerable<FeatureRow> Rows()
        {
            var rows = Column<long>();
            var paths = Column<string>();
            Array[] passed = [.. schema.Passed.Select(column => ParquetTable.Values(group, next++, column.Type))];
            (Array Elements, long[][]? Shapes)[] features = [.. schema.Features.Select(feature
                => (Lists(feature.Type), feature.IsMap ? Column<long[]>() : null))];
            var errors = Column<string?>();
            for (var i = 0; i < count; i++)
                yield return new(rows[i], paths[i], [.. passed.Select(column => column.GetValue(i))], errors[i] is null
                    ? [.. features.Select(feature => Value(feature, i))] : [], errors[i]);
        }

        private static FeatureValue Value((Array Elements, long[][]? Shapes) feature, int row)
        {
            var elements = (Array)feature.Elements.GetValue(row)!;
            return new(elements, feature.Shapes?[row] ?? [elements.Length]);
        }

        private Array Lists(Type type)
            => type == typeof(float) ? Column<float[]>() : type == typeof(Half) ? Column<Half[]>() : type == typeof(double)
            ? Column<double[]>() : Column<long[]>();

        private T[] Column<T>()
        {
            using var column = group.Column(next++);
            using var reader = column.LogicalReader<T>();
            return reader.ReadAll(count);
        }
    }
}
