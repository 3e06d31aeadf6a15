namespace TorchSharp.Fx.Cli;

/// <summary>The files through which the processes of a benchmark exchange tensors and models.</summary>
/// <param name="Folder">Where they are.</param>
internal sealed record BenchFiles(string Folder)
{
    /// <summary>The input as its numbers, one after the other.</summary>
    internal string Input(int batch) => Path.Combine(Folder, $"input-{batch}.f32");

    /// <summary>An ONNX model.</summary>
    internal string Model(string peer, int batch) => Path.Combine(Folder, $"{peer}-{batch}.onnx");

    /// <summary>The values that a peer's nodes gave.</summary>
    internal string Result(string peer) => Path.Combine(Folder, $"{peer}.safetensors");
}
