using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Files;

/// <summary>
/// Writes the zip file of pickles and tensors that <c>torch.save</c> and <c>torch.jit.save</c> make. A tensor that is named several times
/// is written once.
/// </summary>
/// <param name="stream">Where to write.</param>
/// <param name="name">The folder that all entries are in; PyTorch takes the file's name.</param>
/// <param name="version">The format's version: which operators the code in it means. Tensors alone have 3.</param>
internal sealed class TorchArchive(Stream stream, string name, int version = 3)
{
    private readonly StoredZip zip = new(stream);

    /// <summary>Writes a text.</summary>
    internal void Add(string entry, string content) => Add(entry, System.Text.Encoding.UTF8.GetBytes(content));

    /// <summary>
    /// Writes a pickle under <c>FOLDER.pkl</c>, and after it the elements of its tensors under <c>FOLDER/0</c> and so on.
    /// </summary>
    internal void Add(string folder, Action<PickleWriter> write)
    {
        var (tensors, keys) = (new List<Tensor>(), new Dictionary<(nint, long, ScalarType), string>());
        using var buffer = new MemoryStream();
        using var pickle = new PickleWriter(buffer, Key);
        write(pickle);
        pickle.Finish();
        Add($"{folder}.pkl", buffer.ToArray());
        foreach (var (key, tensor) in tensors.Index())
        {
            using var scope = NewDisposeScope();
            zip.Add($"{name}/{folder}/{Text(key)}", tensor.numel() == 0 ? [] : tensor.detach().cpu().contiguous().bytes);
        }

        string Key(Tensor tensor)
        {
            var content = (Address(tensor) ?? -1 - tensors.Count, tensor.numel(), tensor.dtype);
            if (!keys.TryGetValue(content, out var key))
            {
                keys.Add(content, key = Text(tensors.Count));
                tensors.Add(tensor);
            }
            return key;
        }
    }

    /// <summary>Ends the file.</summary>
    internal void Finish()
    {
        Add("version", Text(version) + "\n");
        Add("byteorder", "little");
        zip.Finish();
    }

    private void Add(string entry, byte[] content) => zip.Add($"{name}/{entry}", content);

    /// <summary>
    /// Where the elements lie; null where they don't lie in order in the memory of the CPU. Two tensors may be tied without being one
    /// object.
    /// </summary>
    private static unsafe nint? Address(Tensor tensor)
    {
        if (tensor.device_type != DeviceType.CPU || tensor.numel() == 0 || !tensor.is_contiguous())
            return null;
        fixed (byte* start = tensor.bytes)
            return (nint)start;
    }

    private static string Text(int key) => key.ToString(CultureInfo.InvariantCulture);
}
