using System.Text.Json;
using nietras.SeparatedValues;

namespace TorchSharp.Fx.Data;

/// <summary>A row of a manifest.</summary>
/// <param name="Number">Its number in the file, as an editor counts.</param>
/// <param name="Values">A value for each column.</param>
/// <param name="Error">What is wrong with it; null if nothing is.</param>
internal sealed record ManifestRow(long Number, object?[] Values, string? Error = null);

/// <summary>A table that is read row by row: CSV, TSV, JSON lines or Parquet.</summary>
internal abstract class Manifest(string path, IReadOnlyList<DataColumn> columns)
{
    internal IReadOnlyList<DataColumn> Columns => columns;

    private protected string FilePath => path;

    internal static bool Reads(string path) => Kind(path) is not null;

    internal static Manifest Open(string path) => Kind(path)!(path);

    internal abstract IEnumerable<ManifestRow> Read();

    private static Func<string, Manifest>? Kind(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".csv" => file => SeparatedManifest.Of(file, ','),
        ".tsv" => file => SeparatedManifest.Of(file, '\t'),
        ".jsonl" or ".ndjson" => JsonLinesManifest.Of,
        ".parquet" => ParquetManifest.Of,
        _ => null,
    };

    /// <summary>A file of texts with one separator. All columns are texts; nothing is guessed.</summary>
    private sealed class SeparatedManifest(string path, char separator, IReadOnlyList<DataColumn> columns) : Manifest(path, columns)
    {
        internal static SeparatedManifest Of(string path, char separator)
        {
            using var reader = Reader(path, separator);
            return reader.HasHeader && reader.Header.ColNames.Count > 0
                ? new(path, separator, [.. reader.Header.ColNames.Select(name => new DataColumn(name.Trim('"', '\uFEFF'), typeof(string)))])
                : throw new InvalidDataException($"The manifest '{path}' is empty: its first line has to name the columns.");
        }

        internal override IEnumerable<ManifestRow> Read()
        {
            using var reader = Reader(FilePath, separator);
            while (reader.MoveNext())
            {
                var row = reader.Current;
                yield return row.ColCount != Columns.Count
                    ? new(row.LineNumberFrom, new object?[Columns.Count],
                        $"Line {row.LineNumberFrom} of {Path.GetFileName(FilePath)} has {row.ColCount} columns, and the first line has "
                            + $"{Columns.Count}.")
                    : new(row.LineNumberFrom, Values(row));
            }
        }

        private object?[] Values(SepReader.Row row)
        {
            var values = new object?[Columns.Count];
            for (var i = 0; i < values.Length; i++)
                values[i] = row[i].Span.Length > 0 ? row[i].ToString() : null;
            return values;
        }

        private static SepReader Reader(string path, char separator)
            => Sep.New(separator).Reader(options => options with { Unescape = true, DisableColCountCheck = true }).FromFile(path);
    }

    /// <summary>One JSON object a line. The first lines tell the columns and their types; lists and objects are kept as JSON.</summary>
    private sealed class JsonLinesManifest(string path, IReadOnlyList<DataColumn> columns) : Manifest(path, columns)
    {
        private const int LinesThatTell = 1000;

        internal static JsonLinesManifest Of(string path)
        {
            var types = new OrderedDictionary<string, Type?>(StringComparer.Ordinal);
            foreach (var line in File.ReadLines(path).Take(LinesThatTell))
                if (Parsed(line) is { } document)
                    using (document)
                        foreach (var field in document.RootElement.EnumerateObject())
                            types[field.Name] = Common(types.GetValueOrDefault(field.Name), TypeOf(field.Value));
            return types.Count > 0 ? new(path, [.. types.Select(entry => new DataColumn(entry.Key, entry.Value ?? typeof(string)))])
                : throw new InvalidDataException(
                    $"The manifest '{path}' has no JSON object in its first {LinesThatTell} lines: write one a line.");
        }

        internal override IEnumerable<ManifestRow> Read()
            => File.ReadLines(FilePath).Select((line, index) => (line, number: index + 1L))
                .Where(entry => !string.IsNullOrWhiteSpace(entry.line)).Select(entry => Row(entry.line, entry.number));

        private ManifestRow Row(string line, long number)
        {
            var values = new object?[Columns.Count];
            using var document = Parsed(line);
            if (document is null)
                return new(number, values, $"Line {number} of {Path.GetFileName(FilePath)} is no JSON object.");
            string? error = null;
            foreach (var field in document.RootElement.EnumerateObject())
            {
                var place = Columns.Index().FirstOrDefault(column => column.Item.Name == field.Name, (-1, null!)).Index;
                if (place < 0)
                    error ??= $"Line {number} of {Path.GetFileName(FilePath)} has the field '{field.Name}', which the first "
                        + $"{LinesThatTell} lines don't have.";
                else if (field.Value.ValueKind != JsonValueKind.Null && !TryValue(field.Value, Columns[place].Type, out values[place]))
                    error ??= $"Line {number} of {Path.GetFileName(FilePath)} has {field.Value.GetRawText()} as '{field.Name}', which is "
                        + $"no {Columns[place].Type.Name}, as the first lines have it.";
            }
            return new(number, values, error);
        }

        private static JsonDocument? Parsed(string line)
        {
            try
            {
                var document = JsonDocument.Parse(line);
                if (document.RootElement.ValueKind == JsonValueKind.Object)
                    return document;
                document.Dispose();
            }
            catch (JsonException)
            {
                // The row says so.
            }
            return null;
        }

        private static Type? TypeOf(JsonElement value) => value.ValueKind switch
        {
            JsonValueKind.Null => null,
            JsonValueKind.True or JsonValueKind.False => typeof(bool),
            JsonValueKind.Number => value.TryGetInt64(out _) ? typeof(long) : typeof(double),
            _ => typeof(string),
        };

        private static Type? Common(Type? one, Type? other)
            => one is null || other is null || one == other ? one ?? other : one != typeof(bool) && other != typeof(bool)
                && one != typeof(string) && other != typeof(string) ? typeof(double) : typeof(string);

        private static bool TryValue(JsonElement value, Type type, out object? result)
        {
            result = (value.ValueKind, type) switch
            {
                (JsonValueKind.String, _) when type == typeof(string) => value.GetString(),
                (_, _) when type == typeof(string) => value.GetRawText(),
                (JsonValueKind.True or JsonValueKind.False, _) when type == typeof(bool) => value.GetBoolean(),
                (JsonValueKind.Number, _) when type == typeof(long) => value.TryGetInt64(out var whole) ? whole : null,
                (JsonValueKind.Number, _) when type == typeof(double) => value.GetDouble(),
                _ => null,
            };
            return result is not null;
        }
    }

    /// <summary>A Parquet file's columns of texts, numbers and truth values.</summary>
    private sealed class ParquetManifest(string path, IReadOnlyList<DataColumn> columns) : Manifest(path, columns)
    {
        internal static ParquetManifest Of(string path)
        {
            using var file = ParquetTable.Open(path);
            return new(path, ParquetTable.Columns(file, path));
        }

        internal override IEnumerable<ManifestRow> Read()
        {
            using var file = ParquetTable.Open(FilePath);
            var number = 0L;
            for (var group = 0; group < file.FileMetaData.NumRowGroups; group++)
            {
                using var rows = file.RowGroup(group);
                Array[] values = [.. Columns.Select((column, place) => ParquetTable.Values(rows, place, column.Type))];
                for (var i = 0; i < rows.MetaData.NumRows; i++)
                    yield return new(++number, [.. values.Select(column => column.GetValue(i))]);
            }
        }
    }
}
