using System.Globalization;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers;

/// <summary>Something that the model is shown: an image, or tensors by their names.</summary>
/// <param name="Id">Its number on the page.</param>
/// <param name="Name">The path as it was given, or the name of the file that was dropped.</param>
/// <param name="Read">Reads and prepares it.</param>
internal sealed record ExploredInput(int Id, string Name, Func<InputTensors> Read) : IDisposable
{
    private InputTensors? tensors;

    /// <summary>Read when it is first looked at.</summary>
    internal InputTensors Tensors => tensors ??= Read();

    internal bool IsImage { get; init; }

    public void Dispose() => tensors?.Dispose();
}

/// <summary>The tensors of an input.</summary>
/// <param name="ByName">For an image the one under "0".</param>
/// <param name="Picture">What the model is given of the image, uint8 [3, H, W].</param>
internal sealed record InputTensors(IReadOnlyDictionary<string, Tensor> ByName, Tensor? Picture) : IDisposable
{
    public void Dispose()
    {
        foreach (var tensor in ByName.Values)
            tensor.Dispose();
        Picture?.Dispose();
    }
}

/// <summary>All that the model can be shown.</summary>
/// <param name="prepare">From a decoded image to the model's input; null where it takes none.</param>
internal sealed class ExploredInputs(Lazy<nn.Module<Tensor, Tensor>>? prepare) : IDisposable
{
    private const int Most = 256;

    /// <summary>Enough for any camera; decoded it takes 300 MB.</summary>
    private const long LargestImage = 50_000_000;

    private static readonly string[] TensorFiles = [".safetensors", ".npy"];

    private readonly List<ExploredInput> all = [];

    internal IReadOnlyList<ExploredInput> All => all;

    internal IEnumerable<ExploredInput> Images => all.Where(input => input.IsImage);

    internal ExploredInput this[int id] => all.Find(input => input.Id == id)
        ?? throw new ArgumentException($"There is no input {id}: the page shows those that there are.");

    /// <summary>Adds a file that the command line names.</summary>
    internal void AddFile(string path) => Add(path, IsTensors(path), () => File.ReadAllBytes(path));

    /// <summary>Adds what was dropped on the page; a broken one is refused.</summary>
    internal ExploredInput AddUpload(string name, byte[] content)
    {
        var added = Add(name, IsTensors(name), () => content);
        return Checked(added);
    }

    /// <summary>Adds numbers that were typed: for each input of the model a row, [1, L].</summary>
    internal ExploredInput AddNumbers(IReadOnlyDictionary<string, string> rows)
    {
        var parsed = rows.Where(row => row.Value.Trim().Length > 0).ToDictionary(row => row.Key, row => Numbers(row.Key, row.Value));
        if (parsed.Count == 0)
            throw new ArgumentException("No numbers were typed: write token ids with spaces between them, as in 101 2023 102.");
        var name = string.Join("; ", rows.Values.Where(row => row.Trim().Length > 0));
        return Add(name.Length > 40 ? name[..40] + "…" : name, true, ()
            => new InputTensors(parsed.ToDictionary(row => row.Key, row => Row(row.Value)), null));
    }

    public void Dispose()
    {
        foreach (var input in all)
            input.Dispose();
        if (prepare is { IsValueCreated: true })
            prepare.Value.Dispose();
    }

    private static bool IsTensors(string name) => TensorFiles.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase);

    private ExploredInput Add(string name, bool isTensors, Func<byte[]> content)
        => Add(name, isTensors, isTensors ? () => TensorsOf(name, content()) : () => ImageOf(name, content()));

    private ExploredInput Add(string name, bool isTensors, Func<InputTensors> read)
    {
        if (all.Count >= Most)
            throw new ArgumentException($"There are {Most} inputs already, and no more are taken.");
        var added = new ExploredInput(all.Count, name, () => Kept(read)) { IsImage = !isTensors };
        all.Add(added);
        return added;
    }

    private ExploredInput Checked(ExploredInput added)
    {
        try
        {
            _ = added.Tensors;
            return added;
        }
        catch
        {
            all.Remove(added);
            throw;
        }
    }

    /// <summary>An input that was read stays until the explorer ends.</summary>
    private static InputTensors Kept(Func<InputTensors> read)
    {
        using var scope = NewDisposeScope();
        var tensors = read();
        foreach (var tensor in tensors.ByName.Values)
            tensor.DetachFromDisposeScope();
        tensors.Picture?.DetachFromDisposeScope();
        return tensors;
    }

    private InputTensors ImageOf(string name, byte[] content)
    {
        if (prepare is null)
            throw new ArgumentException($"This model takes no images: give tensors ({string.Join(", ", TensorFiles)}) or numbers.");
        var seen = SeenImage.Of(io.Decode(content, name, LargestImage), prepare.Value);
        return new(new Dictionary<string, Tensor> { ["0"] = seen.Input }, seen.Picture);
    }

    /// <summary>The readers take files.</summary>
    private static InputTensors TensorsOf(string name, byte[] content)
    {
        var folder = Directory.CreateTempSubdirectory("torchfx");
        try
        {
            var path = Path.Combine(folder.FullName, "input" + Path.GetExtension(name).ToLowerInvariant());
            File.WriteAllBytes(path, content);
            return new(path.EndsWith(".npy", StringComparison.Ordinal) ? new() { ["0"] = Npy.load(path) } : Safetensors.load_file(path),
                null);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static double[] Numbers(string input, string text)
        => [.. text.Split([' ', ',', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries)
        .Select(word => double.TryParse(word, CultureInfo.InvariantCulture, out var number) ? number
            : throw new ArgumentException($"'{word}' for the input '{input}' is no number: write token ids with spaces between them."))];

    private static Tensor Row(double[] numbers)
    {
        using var row = tensor(numbers, ScalarType.Float64);
        return row.unsqueeze(0).to(Array.TrueForAll(numbers, double.IsInteger) ? ScalarType.Int64 : ScalarType.Float32);
    }
}
