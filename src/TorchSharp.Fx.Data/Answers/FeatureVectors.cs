using ParquetSharp;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>The vectors of one key in a table of features, read with one block of rows in memory at a time.</summary>
/// <remarks>
/// The table comes from <see cref="FeatureTableWriter"/>, or from another tool that kept the columns <c>row</c>, <c>path</c> and lists of
/// numbers. A feature map is read as one long vector. Not thread-safe.
/// </remarks>
public sealed class FeatureVectors : IDisposable
{
    private const int MostRows = 1024;
    private const int MostElements = 4 << 20;

    private readonly ParquetFileReader file;
    private readonly int place;
    // The first row of each row group, and what would be the next one's.
    private readonly long[] starts;

    private FeatureVectors(string path, string? key)
    {
        (Path, file) = (path, ParquetTable.Open(path));
        try
        {
            place = Place(key);
            Key = NameOf(place);
            starts = [0, .. Enumerable.Range(0, file.FileMetaData.NumRowGroups).Select(RowsOf)];
            for (var group = 1; group < starts.Length; group++)
                starts[group] += starts[group - 1];
            Require(FeatureSchema.Row, typeof(long));
            Require(FeatureSchema.Path, typeof(string));
            Width = Told(FirstWidth);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens a table.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">The key; may be null if there is only one.</param>
    /// <exception cref="IOException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is no such table, lacks the key, has several keys when none is given, or has no row
    /// with a vector.</exception>
    public static FeatureVectors Open(string path, string? key = null) => new(path, key);

    /// <summary>The path of the file.</summary>
    public string Path { get; }

    /// <summary>The column of the vectors.</summary>
    public string Key { get; }

    /// <summary>The number of elements of a vector.</summary>
    public int Width { get; }

    /// <summary>The number of rows of the table, including those without a vector.</summary>
    public long Rows => starts[^1];

    /// <summary>The table's metadata: the model, its weights and its nodes.</summary>
    public IReadOnlyDictionary<string, string> Metadata => file.FileMetaData.KeyValueMetadata;

    /// <summary>The rows that have a vector, with their vectors.</summary>
    /// <param name="takes">Whether a row group is read, by its number; null reads all.</param>
    /// <exception cref="InvalidDataException">A vector is longer or shorter than the first, or the file is damaged.</exception>
    internal IEnumerable<VectorBlock> Read(Func<int, bool>? takes = null)
        => Enumerable.Range(0, starts.Length - 1).Where(takes ?? (_ => true)).SelectMany(Read);

    /// <summary>The vector of one row, by its place in the file; null where it has none.</summary>
    internal float[]? Vector(long ordinal)
        => Read(GroupsOf([ordinal])).Select(block => (block, At: Array.IndexOf(block.Ordinals, ordinal))).Where(found => found.At >= 0)
            .Select(found => found.block.Elements.AsSpan(found.At * Width, Width).ToArray()).FirstOrDefault();

    /// <summary>Whether a row group has one of some rows.</summary>
    internal Func<int, bool> GroupsOf(IEnumerable<long> ordinals)
    {
        var groups = ordinals.Select(GroupOf).ToHashSet();
        return groups.Contains;

        int GroupOf(long ordinal)
        {
            var found = Array.BinarySearch(starts, ordinal);
            return found < 0 ? ~found - 1 : LastOf(found);
        }

        // Where row groups are empty, several begin at one row: the last has it.
        int LastOf(int group) => group + 1 < starts.Length && starts[group + 1] == starts[group] ? LastOf(group + 1) : group;
    }

    /// <summary>The rows' identities, in their order.</summary>
    /// <param name="takes">Whether a row group is read; null reads all.</param>
    internal IEnumerable<TableRow> Describe(Func<int, bool>? takes = null)
    {
        var (row, path, error) = (PlaceOf(FeatureSchema.Row), PlaceOf(FeatureSchema.Path), PlaceOf(FeatureSchema.Error));
        for (var number = 0; number < starts.Length - 1; number++)
        {
            if (takes?.Invoke(number) == false)
                continue;
            using var group = file.RowGroup(number);
            var (rows, paths) = (Values(group, row, typeof(long)), Values(group, path, typeof(string)));
            var errors = error < 0 ? null : Values(group, error, typeof(string));
            for (var i = 0; i < rows.Length; i++)
                yield return new(starts[number] + i, (long?)rows.GetValue(i) ?? starts[number] + i, (string?)paths.GetValue(i) ?? "",
                    (string?)errors?.GetValue(i));
        }
    }

    /// <summary>A column that the source passed on, as texts; null where it has nothing.</summary>
    /// <exception cref="InvalidDataException">There is no such column, or it has neither texts, numbers nor truth values.</exception>
    internal IEnumerable<string?> Texts(string column)
    {
        var at = PlaceOf(column);
        if (at < 0 && Keys.Select(NameOf).Contains(column))
            throw new InvalidDataException($"The column '{column}' of '{Path}' has features, and a text, number or truth value is needed.");
        if (at < 0)
            throw new InvalidDataException(
                $"'{Path}' has no column '{column}'; its columns are "
                    + $"{Quoted(Enumerable.Range(0, file.FileMetaData.Schema.NumColumns).Select(NameOf))}.");
        var type = ParquetTable.TypeOf(file.FileMetaData.Schema.Column(at))
            ?? throw new InvalidDataException($"The column '{column}' of '{Path}' has neither texts, numbers nor truth values.");
        return Enumerable.Range(0, starts.Length - 1).SelectMany(number =>
        {
            using var group = file.RowGroup(number);
            return Values(group, at, type).Cast<object?>()
                .Select(value => Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture) is { Length: > 0 } text ? text
                    : null);
        });
    }

    private IEnumerable<VectorBlock> Read(int number)
    {
        using var group = file.RowGroup(number);
        using var column = group.Column(place);
        var (lists, numbers, most) = (new ListReader(column), new float[Width], Math.Clamp(MostElements / Width, 1, MostRows));
        var ordinals = new List<long>(most);
        var elements = new float[most * Width];
        for (var ordinal = starts[number]; ordinal < starts[number + 1]; ordinal++)
        {
            var size = Told(() => lists.Read(ref numbers));
            if (size == 0)
                continue;
            if (size != Width)
                throw new InvalidDataException(
                    $"Row {ordinal} of '{Path}' has {size} numbers in '{Key}', and rows before it have {Width}: vectors of one length can "
                        + "be compared.");
            numbers.AsSpan(0, Width).CopyTo(elements.AsSpan(ordinals.Count * Width));
            ordinals.Add(ordinal);
            if (ordinals.Count == most)
            {
                yield return new(number, [.. ordinals], elements, Width);
                ordinals.Clear();
            }
        }
        if (ordinals.Count > 0)
            yield return new(number, [.. ordinals], elements, Width);
    }

    private int FirstWidth()
    {
        var numbers = new float[64];
        for (var number = 0; number < starts.Length - 1; number++)
        {
            using var group = file.RowGroup(number);
            using var column = group.Column(place);
            var lists = new ListReader(column);
            for (var row = starts[number]; row < starts[number + 1]; row++)
                if (lists.Read(ref numbers) is > 0 and var size)
                    return size;
        }
        throw new InvalidDataException($"No row of '{Path}' has a vector in '{Key}'.");
    }

    private int Place(string? key)
    {
        int[] found = [.. Keys];
        var names = found.Select(NameOf).ToArray();
        if (found.Length == 0)
            throw new InvalidDataException(
                $"'{Path}' has no column of features (lists of numbers); 'torchfx extract --out FILE.parquet' makes such tables.");
        if (key is null && found.Length > 1)
            throw new InvalidDataException($"'{Path}' has the features {Quoted(names)}: name one of these keys.");
        return key is null ? found[0] : Array.IndexOf(names, key) is var at and >= 0 ? found[at]
            : throw new InvalidDataException($"'{Path}' has no features '{key}'; it has {Quoted(names)}.");
    }

    /// <summary>The columns that are lists of numbers, but not shapes.</summary>
    private IEnumerable<int> Keys
    {
        get
        {
            var schema = file.FileMetaData.Schema;
            int[] lists = [.. Enumerable.Range(0, schema.NumColumns)
                .Where(at => schema.Column(at) is { MaxRepetitionLevel: 1 } column && ListReader.Reads(column))];
            var names = lists.Select(NameOf).ToHashSet();
            return lists.Where(at => !(NameOf(at) is var name && name.EndsWith(FeatureSchema.ShapeSuffix, StringComparison.Ordinal)
                && names.Contains(name[..^FeatureSchema.ShapeSuffix.Length])));
        }
    }

    private void Require(string name, Type type)
    {
        if (PlaceOf(name) is var at && (at < 0 || ParquetTable.TypeOf(file.FileMetaData.Schema.Column(at)) != type))
            throw new InvalidDataException(
                $"'{Path}' has no column '{name}' of {(type == typeof(long) ? "integers" : "texts")}, as tables of 'torchfx extract' have.");
    }

    /// <summary>Of a column that is no list; -1 where there is none.</summary>
    private int PlaceOf(string name)
        => Enumerable.Range(0, file.FileMetaData.Schema.NumColumns).Where(at
            => file.FileMetaData.Schema.Column(at) is { MaxRepetitionLevel: 0 } column && column.Path.ToDotString() == name)
            .DefaultIfEmpty(-1).First();

    private string NameOf(int at) => file.FileMetaData.Schema.Column(at).Path.ToDotVector()[0];

    private long RowsOf(int number)
    {
        using var group = file.RowGroup(number);
        return group.MetaData.NumRows;
    }

    private Array Values(RowGroupReader group, int at, Type type) => Told(() => ParquetTable.Values(group, at, type));

    private T Told<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (ParquetException error)
        {
            throw new InvalidDataException($"'{Path}' is damaged.", error);
        }
    }

    private static string Quoted(IEnumerable<string> names) => string.Join(", ", names.Distinct().Select(name => $"'{name}'"));

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();
}

/// <summary>A row of a table.</summary>
/// <param name="Ordinal">Its place in the file, from 0.</param>
/// <param name="Row">Its number.</param>
/// <param name="Path">Its path.</param>
/// <param name="Error">What is wrong with its input; null if nothing is.</param>
internal sealed record TableRow(long Ordinal, long Row, string Path, string? Error);

/// <summary>Rows and their vectors; valid until the next block is read.</summary>
/// <param name="Group">The number of their row group.</param>
/// <param name="Ordinals">Their places in the file.</param>
/// <param name="Elements">The vectors, one after the other; what follows the last means nothing.</param>
/// <param name="Width">The length of each.</param>
internal sealed record VectorBlock(int Group, long[] Ordinals, float[] Elements, int Width)
{
    /// <summary>[rows, width]; the caller's to dispose.</summary>
    internal Tensor ToTensor() => tensor(Elements.AsMemory(0, Ordinals.Length * Width), [Ordinals.Length, Width]);

    /// <summary>The vectors' directions; those without (of zeros, infinite, not a number) are left out.</summary>
    internal Directions ToDirections()
    {
        using var scope = NewDisposeScope();
        var vectors = ToTensor();
        var norms = vectors.to(ScalarType.Float64).norm(1, keepdim: true);
        bool[] good = [.. norms.data<double>().Select(norm => norm > 0 && double.IsFinite(norm))];
        var unit = (vectors / norms).to(ScalarType.Float32);
        if (good.All(is_good => is_good))
            return new(Group, Ordinals[^1], Ordinals, unit.DetachFromDisposeScope());
        return new(Group, Ordinals[^1], [.. Ordinals.Where((_, i) => good[i])], unit[tensor(good)].DetachFromDisposeScope());
    }
}

/// <summary>Vectors of length 1.</summary>
/// <param name="Group">The number of their row group.</param>
/// <param name="Last">The place of their block's last row, which may be left out of them.</param>
/// <param name="Ordinals">Their places in the file.</param>
/// <param name="Vectors">[rows, width]</param>
internal sealed record Directions(int Group, long Last, long[] Ordinals, Tensor Vectors) : IDisposable
{
    public void Dispose() => Vectors.Dispose();
}
