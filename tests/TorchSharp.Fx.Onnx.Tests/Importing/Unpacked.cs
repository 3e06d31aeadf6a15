using System.IO.Compression;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>The content of a zip of the repository's test data, in a folder that goes with the object.</summary>
public abstract class Unpacked : IDisposable
{
    protected Unpacked(string zip, [CallerFilePath] string source = "")
        => ZipFile.ExtractToDirectory(Path.Combine(Path.GetDirectoryName(source)!, "../../data", zip), Folder);

    internal string Folder { get; } = Directory.CreateTempSubdirectory().FullName;

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }
}

/// <summary>Models that PyTorch exported, with inputs and outputs.</summary>
public sealed class PyTorchFiles() : Unpacked("onnx.zip")
{
    public static TheoryData<string> Names => ["nn_unet", "tv_convnext", "tv_densenet", "tv_efficientnet", "tv_mobilenet_v2", "tv_regnet",
        "tv_shufflenet", "tv_swin", "tv_vit"];

    internal string Path(string name) => System.IO.Path.Combine(Folder, name + ".onnx");

    /// <summary>The inputs in order and the output of both sets.</summary>
    internal IEnumerable<(torch.Tensor[] Inputs, torch.Tensor Output)> Sets(string name)
    {
        var tensors = Safetensors.load_file(System.IO.Path.Combine(Folder, name + ".safetensors"));
        for (var set = 0; set < 2; set++)
            yield return ([.. Enumerable.Range(0, 9).Select(i => tensors.GetValueOrDefault($"{set}.in.input{i}")).OfType<torch.Tensor>()],
                tensors[$"{set}.out.output"]);
    }
}
