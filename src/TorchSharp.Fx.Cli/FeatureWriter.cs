using System.Text.Json;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>Writes the features of one batch; every file appears whole or not at all.</summary>
/// <param name="folder">Where to.</param>
/// <param name="about">What goes beside every batch: the model, its weights.</param>
internal abstract class FeatureWriter(string folder, IReadOnlyDictionary<string, string> about)
{
    private protected string Folder => folder;

    private protected IReadOnlyDictionary<string, string> About => about;

    /// <summary>Writes the features and gives the paths of the files.</summary>
    /// <param name="name">What the files are called, without an extension.</param>
    /// <param name="features">Keys and tensors; the first dimension is the images.</param>
    /// <param name="images">The images' paths, in the order of the batch.</param>
    internal abstract IReadOnlyList<string> Write(string name, IReadOnlyDictionary<string, Tensor> features, IReadOnlyList<string> images);

    /// <summary>The writer of a format.</summary>
    internal static FeatureWriter Create(string format, string folder, IReadOnlyDictionary<string, string> about)
        => format == "npy" ? new NpyWriter(folder, about) : new SafetensorsWriter(folder, about);

    /// <summary>One .safetensors file: a tensor a key, and the images' paths as a JSON array in the metadata.</summary>
    private sealed class SafetensorsWriter(string folder, IReadOnlyDictionary<string, string> about) : FeatureWriter(folder, about)
    {
        internal override IReadOnlyList<string> Write(string name, IReadOnlyDictionary<string, Tensor> features,
            IReadOnlyList<string> images)
        {
            var path = Path.Combine(Folder, name + ".safetensors");
            Safetensors.save_file(features, path,
                new Dictionary<string, string>(About) { ["images"] = JsonSerializer.Serialize(images, Json.Plain) });
            return [path];
        }
    }

    /// <summary>One .npy file a key, and a .json file last that says what is in them.</summary>
    private sealed class NpyWriter(string folder, IReadOnlyDictionary<string, string> about) : FeatureWriter(folder, about)
    {
        internal override IReadOnlyList<string> Write(string name, IReadOnlyDictionary<string, Tensor> features,
            IReadOnlyList<string> images)
        {
            var files = features.Keys.ToDictionary(key => key, key => $"{name}.{key}.npy");
            foreach (var (key, tensor) in features)
                Npy.save(Path.Combine(Folder, files[key]), tensor);
            var index = Path.Combine(Folder, name + ".json");
            AtomicFile.Write(index, stream => Json.Write(stream, writer => Describe(writer, features, files, images)));
            return [.. files.Values.Select(file => Path.Combine(Folder, file)), index];
        }

        private void Describe(Utf8JsonWriter writer, IReadOnlyDictionary<string, Tensor> features, Dictionary<string, string> files,
            IReadOnlyList<string> images)
        {
            writer.WriteStartObject();
            foreach (var (key, text) in About)
                writer.WriteString(key, text);
            writer.WriteStrings("images", images);
            writer.WriteStartObject("features");
            foreach (var (key, tensor) in features)
            {
                writer.WriteStartObject(key);
                writer.WriteString("file", files[key]);
                writer.WriteString("dtype", tensor.dtype.ToString().ToLowerInvariant());
                writer.WriteStartArray("shape");
                foreach (var size in tensor.shape)
                    writer.WriteNumberValue(size);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
    }
}
