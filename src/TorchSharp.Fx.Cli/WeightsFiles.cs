using System.Globalization;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Cli;

/// <summary>Files of weights that the command line names.</summary>
internal static class WeightsFiles
{
    /// <summary>Refuses a path where no file is.</summary>
    internal static string Existing(string path) => File.Exists(path) ? path : throw new ToolException($"There is no file '{path}'.");

    /// <summary>Opens one and reads all but the tensors' elements.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">Under which key a checkpoint keeps the weights; null looks at the usual ones.</param>
    internal static WeightsFile Open(string path, string? key = null) => new(Existing(path), key);

    /// <summary>A file in one line.</summary>
    internal static string Summary(this WeightsFile file)
    {
        var elements =
            file.Tensors.Values.Aggregate((Int128)0,
                (sum, tensor) => sum + tensor.shape.Aggregate((Int128)1, (product, size) => product * size));
        return string.Create(CultureInfo.InvariantCulture,
            $"{file.Format}, {file.Tensors.Count:N0} tensor{(file.Tensors.Count == 1 ? "" : "s")}, {elements:N0} elements");
    }
}
