using System.Globalization;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>
/// Where the maps of a table go beside it: <c>.safetensors</c> files with a tensor for each row and key, which the table names.
/// </summary>
/// <remarks>They grow in a temporary folder, which gets its name when all is written.</remarks>
internal sealed class MapShards : IDisposable
{
    internal const string Ending = ".maps";

    private readonly string folder, temporary;
    private readonly IReadOnlyDictionary<string, string> metadata;
    private int count;

    /// <param name="table">The table's file.</param>
    /// <param name="metadata">What goes into every file.</param>
    /// <exception cref="IOException">Maps of another table are there.</exception>
    internal MapShards(string table, IReadOnlyDictionary<string, string> metadata)
    {
        this.metadata = metadata;
        folder = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(table))!, Path.GetFileNameWithoutExtension(table) + Ending);
        if (Path.Exists(folder))
            throw new IOException(
                $"'{folder}' is there already, and the maps of '{Path.GetFileName(table)}' go there: remove it, or choose another name.");
        temporary = $"{folder}.{Guid.NewGuid():N}.tmp";
        Directory.CreateDirectory(temporary);
    }

    /// <summary>The name of a row's tensor.</summary>
    internal static string NameOf(string key, long row) => string.Create(CultureInfo.InvariantCulture, $"{key}/{row}");

    /// <summary>Writes the maps of some rows, and gives the file's name as the table has it.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="features">All features; those that are no maps stay in the table.</param>
    internal string Write(IReadOnlyList<FeatureRow> rows, IReadOnlyList<FeatureColumn> features)
    {
        var file = (count++).ToString("D5", CultureInfo.InvariantCulture) + ".safetensors";
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var row in rows.Where(row => row.Error is null))
            foreach (var (place, feature) in features.Index().Where(feature => feature.Item.IsMap))
                tensors.Add(NameOf(feature.Key, row.Row), TensorOf(row.Features[place]));
        Safetensors.save_file(tensors, Path.Combine(temporary, file), metadata);
        return $"{Path.GetFileName(folder)}/{file}";
    }

    /// <summary>Gives the folder its name.</summary>
    internal void Publish() => Directory.Move(temporary, folder);

    private static Tensor TensorOf(FeatureValue value) => value.Elements switch
    {
        float[] numbers => Filled(numbers, ScalarType.Float32, value.Shape),
        Half[] numbers => Filled(numbers, ScalarType.Float16, value.Shape),
        double[] numbers => Filled(numbers, ScalarType.Float64, value.Shape),
        var numbers => Filled((long[])numbers, ScalarType.Int64, value.Shape),
    };

    private static Tensor Filled<T>(T[] numbers, ScalarType type, IReadOnlyList<long> shape) where T : struct
    {
        var tensor = empty([.. shape], dtype: type, device: CPU);
        if (numbers.Length > 0)
            MemoryMarshal.AsBytes(numbers.AsSpan()).CopyTo(tensor.bytes);
        return tensor;
    }

    /// <summary>Removes what was not published.</summary>
    public void Dispose()
    {
        if (Directory.Exists(temporary))
            Directory.Delete(temporary, recursive: true);
    }
}
