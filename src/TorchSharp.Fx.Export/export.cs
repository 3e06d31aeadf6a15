using System.Runtime.InteropServices;
using TorchSharp.Fx.Export;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>PyTorch's exported programs, <c>.pt2</c>. Counterpart: <c>torch.export</c>.</summary>
public static class export
{
    /// <summary>Takes the warnings about what a program assumes and the graph does not check; writes them to standard error unless set.</summary>
    public static Action<string> warn { get; set; } = Console.Error.WriteLine;

    /// <summary>
    /// Reads a program that PyTorch exported, its graph and its weights. Nothing of the file runs: its operations are looked up in a table, its pickles may hold data only. The result is a graph module with
    /// the program's inputs and result (<see cref="GraphModule{T1, TResult}"/> and so on, the bare <see cref="GraphModule"/> for more than six inputs), in evaluation mode; disposing it disposes its weights. Parameters and
    /// buffers have the names of the Python model's <c>state_dict</c>, nodes those that torchvision's feature extraction gives. <c>docs/export.md</c> says what is read and what is not. Counterpart:
    /// <c>torch.export.load</c>.
    /// </summary>
    /// <param name="path">The file, of PyTorch 2.6 or later.</param>
    /// <param name="device">Where the weights go; the CPU when null.</param>
    /// <exception cref="InvalidDataException">The file is damaged or no exported program; the message says which part.</exception>
    /// <exception cref="NotSupportedException">The program has a part without counterpart here; the message names the node, its module and line.</exception>
    public static nn.Module load(string path, Device? device = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var archive = new ProgramArchive(path);
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
    {
        var module = load(path, device);
        if (module is TModule expected)
            return expected;
        var found = CSharpNames.OfType(module.GetType());
        module.Dispose();
        throw new InvalidDataException($"{path} holds a {found}, not a {CSharpNames.OfType(typeof(TModule))}.");
    }
}
