using ParquetSharp;

namespace TorchSharp.Fx.Data;

/// <summary>Reads a column of lists of numbers, a list at a time, as float32. A missing number is NaN.</summary>
/// <param name="column">The column of a row group, whose only repeated level is the list's.</param>
internal sealed class ListReader(ColumnReader column)
{
    private const int Batch = 1 << 16;

    private readonly short[] definitions = new short[Batch], repetitions = new short[Batch];
    private readonly float[] values = new float[Batch];
    private readonly Func<ListReader, int> fill = Filler(column);
    private readonly int present = column.ColumnDescriptor.MaxDefinitionLevel;
    // One level less is a list that is there without numbers, unless numbers may be missing.
    private readonly bool mayMiss = column.ColumnDescriptor.SchemaNode.Repetition == Repetition.Optional;
    private int levels, level, value, filled;

    /// <summary>Whether the column's physical type is one of numbers.</summary>
    internal static bool Reads(ColumnDescriptor column) => column.PhysicalType switch
    {
        PhysicalType.Float or PhysicalType.Double => true,
        // Others are decimals, times, dates.
        PhysicalType.Int32 or PhysicalType.Int64 => column.LogicalType is NoneLogicalType or IntLogicalType,
        PhysicalType.FixedLenByteArray => column.LogicalType is Float16LogicalType,
        _ => false,
    };

    /// <summary>Reads the next row's list.</summary>
    /// <param name="numbers">Where to; made longer where that is too short.</param>
    /// <returns>How many numbers there are; 0 too where there is no list.</returns>
    internal int Read(ref float[] numbers)
    {
        var count = 0;
        for (var isFirst = true; level < levels || Fill(); isFirst = false)
        {
            if (!isFirst && repetitions[level] == 0)
                break;
            var definition = definitions[level++];
            if (definition < present && !(mayMiss && definition == present - 1))
                continue;
            if (count == numbers.Length)
                Array.Resize(ref numbers, Math.Max(64, 2 * count));
            numbers[count++] = definition == present ? values[value++] : float.NaN;
        }
        return count;
    }

    private bool Fill()
    {
        if (!column.HasNext)
            return false;
        (levels, level, value) = (fill(this), 0, 0);
        return levels > 0;
    }

    private static Func<ListReader, int> Filler(ColumnReader column) => column switch
    {
        ColumnReader<float> floats => lists => lists.Fill(floats, lists.values),
        ColumnReader<double> doubles => Converted(doubles, number => (float)number),
        ColumnReader<int> integers => Converted(integers, number => number),
        ColumnReader<long> integers => Converted(integers, number => number),
        ColumnReader<FixedLenByteArray> halves => Converted(halves, bytes
            => (float)BitConverter.Int16BitsToHalf(System.Runtime.InteropServices.Marshal.ReadInt16(bytes.Pointer))),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static Func<ListReader, int> Converted<T>(ColumnReader<T> column, Func<T, float> convert) where T : unmanaged
    {
        var raw = new T[Batch];
        return lists =>
        {
            var levels = lists.Fill(column, raw);
            for (var i = 0; i < lists.filled; i++)
                lists.values[i] = convert(raw[i]);
            return levels;
        };
    }

    private int Fill<T>(ColumnReader<T> reader, T[] raw) where T : unmanaged
    {
        var read = (int)reader.ReadBatch(Batch, definitions, repetitions, raw, out var count);
        filled = (int)count;
        return read;
    }
}
