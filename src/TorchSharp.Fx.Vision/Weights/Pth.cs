using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Reads PyTorch's own files, <c>.pth</c> and <c>.pt</c>: of <c>torch.save</c> today and before 1.6.</summary>
/// <remarks>
/// Such a file is a pickle, which can contain code. Here it can build only tensors, containers, numbers and strings; a file that asks for
/// anything else is refused with a message that names it, and none of its code runs. Sizes are checked against the file before memory is
/// allocated.
/// </remarks>
public static class Pth
{
    /// <summary>Reads a state_dict, also out of a checkpoint with other content. <c>torch.load(weights_only=True)</c></summary>
    /// <param name="filename">The file.</param>
    /// <param name="device">The device of the tensors; null for the CPU.</param>
    /// <param name="key">The key of the state_dict in the checkpoint; null searches its root and the usual keys: state_dict, model and so
    /// on.</param>
    /// <returns>
    /// By name, without the <c>module.</c> that DataParallel puts before every one. Views keep their strides and tied tensors their common
    /// memory; what is no tensor is left out.
    /// </returns>
    /// <exception cref="InvalidDataException">The file is damaged, or needs code to load; the message says what.</exception>
    public static Dictionary<string, Tensor> load_file(string filename, Device? device = null, string? key = null)
    {
        using var file = new WeightsFile(filename, key);
        return file.Load(device);
    }
}
