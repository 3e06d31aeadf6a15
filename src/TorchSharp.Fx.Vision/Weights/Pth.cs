using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Reads PyTorch's own files, <c>.pth</c> and <c>.pt</c>: of <c>torch.save</c> today and before 1.6.</summary>
/// <remarks>
/// Such a file is a pickle, that is a program. Here it can build tensors, containers, numbers and texts; a file that asks for anything
/// else is refused, with the name of what it asked for, and nothing of it is run. Numbers are checked against the file before memory is
/// taken.
/// </remarks>
public static class Pth
{
    /// <summary>Reads a state_dict, of a checkpoint too that holds more. <c>torch.load(weights_only=True)</c></summary>
    /// <param name="filename">The file.</param>
    /// <param name="device">Where the tensors go; null is the CPU.</param>
    /// <param name="key">Under which key the checkpoint keeps them; null looks at its root and under the usual ones: state_dict, model and
    /// so on.</param>
    /// <returns>
    /// By name, without the <c>module.</c> that DataParallel puts before every one. Views keep their strides and tied tensors their common
    /// memory; what is no tensor is left out.
    /// </returns>
    /// <exception cref="InvalidDataException">The file is damaged, or needs more than data; the message says what.</exception>
    public static Dictionary<string, Tensor> load_file(string filename, Device? device = null, string? key = null)
    {
        using var file = new WeightsFile(filename, key);
        return file.Load(device);
    }
}
