using TorchSharp.Fx.Onnx.Importing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

public static partial class onnx
{
    /// <summary>
    /// Reads an ONNX file as a graph module in evaluation mode: its nodes become TorchSharp operations and layers under the names that
    /// the file has for them, its initializers their parameters and buffers.
    /// Nothing of the file runs but these. The module takes the model's inputs in order, as tensors, and returns its output, or a
    /// <see cref="Features"/> of several. Counterpart: <c>onnx.load</c>.
    /// </summary>
    /// <param name="path">The file; what it keeps in other files must lie in the same folder. Opsets 6 to 24 are read.</param>
    /// <param name="device">Where the weights go; the CPU when null.</param>
    /// <returns>A <see cref="GraphModule{T1, TResult}"/> of as many inputs as the model has; a <see cref="GraphModule"/> for none or
    /// more than six. Disposing it disposes the weights.</returns>
    /// <exception cref="InvalidDataException">The file is damaged, or says something of itself that isn't so; the message says
    /// what.</exception>
    /// <exception cref="OnnxImportException">A node has no form in TorchSharp; the message names it.</exception>
    public static nn.Module load(string path, Device? device = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        try
        {
            var module = Loader.Load(path);
            return device is null ? module : module.to(device);
        }
        catch (Exception error) when (error is InvalidDataException or (NotSupportedException and not OnnxImportException))
        {
            throw new InvalidDataException($"{path} can't be loaded: {error.Message.TrimEnd('.')}.", error);
        }
    }

    /// <summary>As <see cref="load(string, Device)"/>, for a module of a known type.</summary>
    /// <exception cref="InvalidDataException">The model has other inputs or outputs, or is refused for another reason.</exception>
    public static TModule load<TModule>(string path, Device? device = null) where TModule : nn.Module
        => fx.Expected<TModule>(path, load(path, device));
}
