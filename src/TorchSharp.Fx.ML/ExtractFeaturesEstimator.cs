using Microsoft.ML;
using Microsoft.ML.Data;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.ML;

/// <summary>Adds a column of image features, a vector of known length. It fits nothing.</summary>
public sealed class ExtractFeaturesEstimator : IEstimator<ITransformer>
{
    private readonly TransformsCatalog catalog;
    private readonly ImageVectors vectors;
    private readonly string output, input;
    private readonly string? folder;

    internal ExtractFeaturesEstimator(TransformsCatalog catalog, ImageVectors vectors, string output, string input, string? folder)
        => (this.catalog, this.vectors, this.output, this.input, this.folder) = (catalog, vectors, output, input, folder);

    /// <summary>Makes the transformer for data of this schema.</summary>
    /// <exception cref="ArgumentException">The input column is missing, or contains neither paths nor bytes.</exception>
    public ITransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var type = input.Schema.GetColumnOrNull(this.input)?.Type;
        return Mapping(type is TextDataViewType, type is VectorDataViewType { ItemType: NumberDataViewType { RawType: var raw } }
            && raw == typeof(byte), type?.ToString()).Fit(input);
    }

    /// <summary>The schema with the new column.</summary>
    /// <exception cref="ArgumentException">The input column is missing, or contains neither paths nor bytes.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        var column = inputSchema.Where(column => column.Name == input).Select(column => (SchemaShape.Column?)column).FirstOrDefault();
        return Mapping(column?.ItemType is TextDataViewType, column is { Kind: not SchemaShape.Column.VectorKind.Scalar } vector
            && vector.ItemType.RawType == typeof(byte), column?.ItemType.ToString()).GetOutputSchema(inputSchema);
    }

    private IEstimator<ITransformer> Mapping(bool isPath, bool isContent, string? type)
    {
        if (!isPath && !isContent)
            throw new ArgumentException(type is null ? $"There is no column '{input}' with images."
                : $"The column '{input}' is {type}: features are extracted from paths (text) or the bytes of image files (a vector of "
                    + "Byte, as LoadRawImageBytes gives).");
        var made = SchemaDefinition.Create(typeof(FeaturesOfImage));
        var features = made[nameof(FeaturesOfImage.Features)];
        (features.ColumnName, features.ColumnType) = (output, new VectorDataViewType(NumberDataViewType.Single, vectors.Width));
        return isPath
            ? catalog.CustomMapping<ImageOfPath, FeaturesOfImage>((image, row) => row.Features = Read(image.Image), null,
                Named<ImageOfPath>(nameof(ImageOfPath.Image)), made)
            : catalog.CustomMapping<ImageOfBytes, FeaturesOfImage>((image, row)
                => row.Features = Vector(image.Image, "The image"), null,
                Named<ImageOfBytes>(nameof(ImageOfBytes.Image)), made);
    }

    private SchemaDefinition Named<T>(string member)
    {
        var definition = SchemaDefinition.Create(typeof(T));
        definition[member].ColumnName = input;
        return definition;
    }

    private float[] Read(string? path)
    {
        if (string.IsNullOrEmpty(path))
            throw new InvalidDataException($"A row has no path in '{input}'.");
        return Vector(File.ReadAllBytes(folder is null ? path : Path.Combine(folder, path)), path);
    }

    private float[] Vector(byte[] bytes, string name)
    {
        // ML.NET asks for a row and waits.
        using var loaded = vectors.LoadAsync(bytes, name, CancellationToken.None).GetAwaiter().GetResult();
        var vector = loaded.Error is { } error ? new ImageVector(null, error) : vectors.Run([loaded])[0];
        return vector.Elements ?? throw new InvalidDataException(vector.Error);
    }

    /// <summary>A row whose image is a file.</summary>
    private sealed class ImageOfPath
    {
        public string? Image { get; set; }
    }

    /// <summary>A row whose image is the bytes of a file.</summary>
    private sealed class ImageOfBytes
    {
        public byte[] Image { get; set; } = [];
    }

    /// <summary>The columns that a row gets.</summary>
    private sealed class FeaturesOfImage
    {
        public float[] Features { get; set; } = [];
    }
}
