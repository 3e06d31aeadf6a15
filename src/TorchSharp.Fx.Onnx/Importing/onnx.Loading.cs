using TorchSharp.Fx.Onnx.Importing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

public static partial class onnx
{
    /// <summary>
    /// Reads an ONNX file as a graph module in eval mode. Its nodes become TorchSharp operations and layers with the file's names, its
    /// initializers parameters and buffers. The file contains no other code. The module takes the model's inputs in order, as tensors, and
    /// returns the output, or a <see cref="Features"/> for several outputs. Counterpart: <c>onnx.load</c>.
    /// </summary>
    /// <param name="path">The file, of opset 6 to 24. Files with external data must lie in the same folder.</param>
    /// <param name="device">The device of the weights; the CPU when null.</param>
    /// <returns>A <see cref="GraphModule{T1, TResult}"/> with the model's number of inputs; a <see cref="GraphModule"/> for none or more
    /// than six. Disposing it disposes the weights.</returns>
    /// <exception cref="InvalidDataException">The file is damaged or contradicts itself; the message says where.</exception>
    /// <exception cref="OnnxImportException">A node can't be expressed in TorchSharp; the message names it.</exception>
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

    /// <summary>Like <see cref="load(string, Device)"/>, for a module of a known type.</summary>
    /// <exception cref="InvalidDataException">The model has other inputs or outputs, or can't be read for another reason.</exception>
    public static TModule load<TModule>(string path, Device? device = null) where TModule : nn.Module
        => fx.Expected<TModule>(path, load(path, device));
}
