using System.Globalization;
using ParquetSharp;

namespace TorchSharp.Fx.Data;

/// <summary>Parquet's flat columns as texts, numbers and truth values.</summary>
internal static class ParquetTable
{
    internal static ParquetFileReader Open(string path)
    {
        // Otherwise the message would be the native library's.
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file '{path}'.", path);
        try
        {
            return new(path);
        }
        catch (ParquetException error)
        {
            throw new InvalidDataException($"'{path}' is no Parquet file, or is damaged.", error);
        }
    }

    /// <summary>The columns that a source passes on.</summary>
    /// <exception cref="InvalidDataException">One is a list, a structure or of another type.</exception>
    internal static DataColumn[] Columns(ParquetFileReader file, string path)
    {
        var schema = file.FileMetaData.Schema;
        return [.. Enumerable.Range(0, schema.NumColumns).Select(place =>
        {
            var column = schema.Column(place);
            var type = TypeOf(column);
            return type is not null ? new DataColumn(column.Name, type)
                : throw new InvalidDataException(
                    $"The column '{column.Path.ToDotString()}' of '{path}' is no text, number or truth value, so it can't be passed on: "
                        + "write the manifest without it.");
        })];
    }

    /// <summary>string, long, double or bool; null for a list, a structure or another type.</summary>
    internal static Type? TypeOf(ColumnDescriptor column)
        => column.MaxRepetitionLevel > 0 || column.Path.ToDotString() != column.Name ? null
        : (column.PhysicalType, column.LogicalType) switch
        {
            (PhysicalType.Boolean, _) => typeof(bool),
            (PhysicalType.Int32 or PhysicalType.Int64, NoneLogicalType or IntLogicalType) => typeof(long),
            (PhysicalType.Float or PhysicalType.Double, _) => typeof(double),
            (PhysicalType.ByteArray, StringLogicalType) => typeof(string),
            _ => null,
        };

    /// <summary>A column of a row group; its elements are of the type, or null.</summary>
    internal static Array Values(RowGroupReader rows, int place, Type type)
    {
        using var column = rows.Column(place);
        using var reader = column.LogicalReader();
        var array = reader.Apply(new All(checked((int)rows.MetaData.NumRows)));
        return type == typeof(string) || type == typeof(bool) ? array
            : Array.ConvertAll([.. array.Cast<object?>()], value
            => value is null ? null : Convert.ChangeType(value, type, CultureInfo.InvariantCulture));
    }

    /// <summary>Writes the next column of a row group.</summary>
    internal static void Write<T>(RowGroupWriter rows, IEnumerable<T> values)
    {
        using var column = rows.NextColumn();
        using var writer = column.LogicalWriter<T>();
        writer.WriteBatch([.. values]);
    }

    /// <summary>The same for a column that a source passes on, whose values are of its type, or null.</summary>
    internal static void WritePassed(RowGroupWriter rows, Type type, IEnumerable<object?> values)
    {
        if (type == typeof(string))
            Write(rows, values.Cast<string?>());
        else if (type == typeof(long))
            Write(rows, values.Cast<long?>());
        else if (type == typeof(double))
            Write(rows, values.Cast<double?>());
        else
            Write(rows, values.Cast<bool?>());
    }

    private sealed class All(int count) : ILogicalColumnReaderVisitor<Array>
    {
        public Array OnLogicalColumnReader<TValue>(LogicalColumnReader<TValue> columnReader) => columnReader.ReadAll(count);
    }
}
