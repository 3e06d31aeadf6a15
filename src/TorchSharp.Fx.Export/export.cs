using System.Runtime.InteropServices;
using TorchSharp.Fx.Export;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>PyTorch's exported programs, <c>.pt2</c>. Counterpart: <c>torch.export</c>.</summary>
public static class export
{
    /// <summary>Takes the warnings about what a program assumes and the graph does not check; writes them to standard error unless
    /// set.</summary>
    public static Action<string> warn { get; set; } = Console.Error.WriteLine;

    /// <summary>
    /// Reads a program that PyTorch exported, its graph and its weights. Nothing of the file runs: its operations are looked up in a table,
    /// its pickles may hold data only. The result is a graph module with
    /// the program's inputs and result (<see cref="GraphModule{T1, TResult}"/> and so on, the bare <see cref="GraphModule"/> for more than
    /// six inputs), in evaluation mode; disposing it disposes its weights. Parameters and
    /// buffers have the names of the Python model's <c>state_dict</c>, nodes those that torchvision's feature extraction gives.
    /// <c>docs/export.md</c> says what is read and what is not. Counterpart:
    /// <c>torch.export.load</c>.
    /// </summary>
    /// <param name="path">The file, of PyTorch 2.6 or later.</param>
    /// <param name="device">Where the weights go; the CPU when null.</param>
    /// <exception cref="InvalidDataException">The file is damaged or no exported program; the message says which part.</exception>
    /// <exception cref="NotSupportedException">The program has a part without counterpart here; the message names the node, its module and
    /// line.</exception>
    public static nn.Module load(string path, Device? device = null) => load(path, mmap: false, device);

    /// <summary>As <see cref="load(string, Device)"/>, with the weights read or left where they are.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mmap">
    /// Whether the weights stay in the file, which is mapped into memory: a page is read when it is first touched, and what is written to a
    /// weight stays in memory. Opening takes no time then, but the file must not be written to as long as the module is there; replacing it
    /// by another one does no harm. A tensor that lies across the places that its elements have in memory is read. Counterpart: <c>mmap</c>
    /// of <c>torch.load</c>.
    /// </param>
    /// <param name="device">Where the weights go; the CPU when null.</param>
    /// <exception cref="InvalidDataException">The file is damaged or no exported program; the message says which part.</exception>
    /// <exception cref="NotSupportedException">The program has a part without counterpart here; the message names the node, its module and
    /// line.</exception>
    public static nn.Module load(string path, bool mmap, Device? device = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var archive = new ProgramArchive(path, mmap);
            var module = ProgramReader.Read(archive);
            return device is null ? module : module.to(device);
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException($"{path} {error.Message.TrimEnd('.')}.", error);
        }
        // What makes nodes, modules and tensors checks what it is given.
        catch (Exception error) when (error is ArgumentException or InvalidOperationException or ExternalException)
        {
            throw new InvalidDataException($"{path} has a damaged program: {error.Message.Split('\n')[0].TrimEnd('.')}.", error);
        }
        catch (NotSupportedException error)
        {
            throw new NotSupportedException($"{path} can't be read: {error.Message.TrimEnd('.')}.", error);
        }
    }

    /// <summary>As <see cref="load(string, Device)"/>, for a module of a known type.</summary>
    /// <exception cref="InvalidDataException">The program has other inputs or another result, or is refused for another reason.</exception>
    public static TModule load<TModule>(string path, Device? device = null) where TModule : nn.Module
        => fx.Expected<TModule>(path, load(path, device));

    /// <summary>As <see cref="load(string, bool, Device)"/>, for a module of a known type.</summary>
    /// <exception cref="InvalidDataException">The program has other inputs or another result, or is refused for another reason.</exception>
    public static TModule load<TModule>(string path, bool mmap, Device? device = null) where TModule : nn.Module
        => fx.Expected<TModule>(path, load(path, mmap, device));

    /// <summary>
    /// Writes a graph module or a feature extractor, in the mode that it is in, as a program that <c>torch.export.load</c> of PyTorch 2.8
    /// and later reads, and <see cref="load(string, Device)"/>. Parameters and buffers
    /// keep the names of <c>state_dict</c>. What only checks inputs is left out, since the program has their sizes. Counterpart:
    /// <c>torch.export.save</c> of <c>torch.export.export</c>.
    /// </summary>
    /// <param name="graph_module">A module that <c>symbolic_trace</c>, <c>create_feature_extractor</c> or
    /// <see cref="load(string, Device)"/> made.</param>
    /// <param name="path">The file; it is replaced only when all is written.</param>
    /// <param name="example_inputs">A value for each input: the graph runs on them, which tells sizes and types. Numbers are part of the
    /// program then.</param>
    /// <param name="dynamic_shapes">The dimensions that stay free, by the input's name and the dimension's position; all others are the
    /// example's. Sizes must grow evenly with them.</param>
    /// <exception cref="NotSupportedException">A node has no operation of ATen; the message names it and its line.</exception>
    public static void save(
        nn.Module graph_module, string path, IReadOnlyList<object?> example_inputs, IReadOnlyDictionary<string, IReadOnlyDictionary<int,
            Dim>>? dynamic_shapes = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(example_inputs);
        if (graph_module is not IGraphModule { graph: var graph })
            throw new ArgumentException(
                $"{graph_module?.GetType().Name} is no graph module: export what fx.symbolic_trace or "
                    + "feature_extraction.create_feature_extractor makes of it.", nameof(graph_module));
        Hooks.Refuse((IGraphModule)graph_module, "exported");
        var names = graph.find_nodes(Opcode.placeholder).Select(node => node.target.name).ToArray();
        foreach (var (name, sizes) in dynamic_shapes ?? new Dictionary<string, IReadOnlyDictionary<int, Dim>>())
            if (Array.IndexOf(names, name) is var position
                && (position < 0 || example_inputs[position] is not Tensor tensor
                || sizes.Keys.Any(dimension => dimension < 0 || dimension >= tensor.dim())))
                throw new ArgumentException(
                    $"'{name}' has no such dimension: dynamic_shapes names inputs that are tensors ({string.Join(", ", names)}) and "
                        + "dimensions that they have.", nameof(dynamic_shapes));
        try
        {
            var writer = new ProgramWriter(graph_module, GraphInputs.Bind(graph, [.. example_inputs]), dynamic_shapes
                ?? new Dictionary<string, IReadOnlyDictionary<int, Dim>>());
            AtomicFile.Write(path, stream => writer.Write(stream, Path.GetFileNameWithoutExtension(path)));
        }
        catch (NotSupportedException error)
        {
            throw new NotSupportedException($"The graph can't be exported: {error.Message.TrimEnd('.')}.", error);
        }
    }
}
