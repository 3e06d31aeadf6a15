using System.Runtime.InteropServices;
using TorchSharp.Fx.Export;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Reads and writes PyTorch's exported programs (<c>.pt2</c>). Counterpart: <c>torch.export</c>.</summary>
public static class export
{
    /// <summary>
    /// Receives warnings about assumptions of a program that its graph does not check. Writes to standard error by default.
    /// </summary>
    public static Action<string> warn { get; set; } = Console.Error.WriteLine;

    /// <summary>
    /// Reads a program that PyTorch exported, its graph and its weights. No code of the file runs: its operators are looked up in a table,
    /// and its pickles may contain data only. The result is a graph module in eval mode with the program's inputs and result
    /// (<see cref="GraphModule{T1, TResult}"/> and so on, <see cref="GraphModule"/> for more than six inputs); disposing it disposes its
    /// weights. Parameters and buffers have the names of the Python model's <c>state_dict</c>, nodes those of torchvision's feature
    /// extraction. <c>docs/export.md</c> lists what can be read. Counterpart: <c>torch.export.load</c>.
    /// </summary>
    /// <param name="path">The file, written by PyTorch 2.6 or later.</param>
    /// <param name="device">The device of the weights; the CPU when null.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or is not an exported program; the message says which part is
    /// wrong.</exception>
    /// <exception cref="NotSupportedException">A part of the program can't be expressed in TorchSharp; the message names the node, its
    /// module and line.</exception>
    public static nn.Module load(string path, Device? device = null) => load(path, mmap: false, device);

    /// <summary>Like <see cref="load(string, Device)"/>, with the choice to map the weights into memory instead of reading them.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mmap">Whether to map the file into memory. A page is then read when it is first used, and writes to a weight stay in
    /// memory. Opening takes no time, but nobody may write to the file while the module exists; replacing it by another file is safe. A
    /// tensor that isn't aligned to its element size in the file is read into memory. Counterpart: <c>mmap</c> of
    /// <c>torch.load</c>.</param>
    /// <param name="device">The device of the weights; the CPU when null.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or is not an exported program; the message says which part is
    /// wrong.</exception>
    /// <exception cref="NotSupportedException">A part of the program can't be expressed in TorchSharp; the message names the node, its
    /// module and line.</exception>
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

    /// <summary>Like <see cref="load(string, Device)"/>, for a module of a known type.</summary>
    /// <exception cref="InvalidDataException">The program has other inputs or another result, or can't be read for another
    /// reason.</exception>
    public static TModule load<TModule>(string path, Device? device = null) where TModule : nn.Module
        => fx.Expected<TModule>(path, load(path, device));

    /// <summary>Like <see cref="load(string, bool, Device)"/>, for a module of a known type.</summary>
    /// <exception cref="InvalidDataException">The program has other inputs or another result, or can't be read for another
    /// reason.</exception>
    public static TModule load<TModule>(string path, bool mmap, Device? device = null) where TModule : nn.Module
        => fx.Expected<TModule>(path, load(path, mmap, device));

    /// <summary>
    /// Writes a graph module or a feature extractor, in its present mode, as a program for <c>torch.export.load</c> of PyTorch 2.8 or later
    /// and for <see cref="load(string, Device)"/>. Parameters and buffers keep the names of <c>state_dict</c>. Nodes that only check inputs
    /// are left out, because the program records the sizes of its inputs. Counterpart: <c>torch.export.save</c> of
    /// <c>torch.export.export</c>.
    /// </summary>
    /// <param name="graph_module">A module that <c>symbolic_trace</c>, <c>create_feature_extractor</c> or
    /// <see cref="load(string, Device)"/> made.</param>
    /// <param name="path">The file. An existing file is replaced only when the new one is complete.</param>
    /// <param name="example_inputs">A value for each input. The graph runs on them to find sizes and types. Numbers become constants of the
    /// program.</param>
    /// <param name="dynamic_shapes">The free dimensions, by input name and dimension index; all others are fixed to the example's sizes.
    /// Every size in the graph must be a linear function of the free dimensions.</param>
    /// <exception cref="NotSupportedException">A node has no ATen operator; the message names the node and its line.</exception>
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
