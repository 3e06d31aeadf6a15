using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>An exported model in a folder of its own, run by ONNX Runtime.</summary>
internal sealed class OnnxModel : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    internal string Path => System.IO.Path.Combine(folder, "model.onnx");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>The names of the inputs with their shapes, and of the outputs.</summary>
    internal (string[] Inputs, string[] Outputs) Signature()
    {
        using var session = Session();
        return ([.. session.InputMetadata.Select(input => $"{input.Key} [{string.Join(", ", input.Value.Dimensions.Zip(input.Value.SymbolicDimensions, (size, letter) => letter.Length > 0 ? letter : $"{size}"))}]")], [.. session.OutputMetadata.Keys]);
    }

    /// <summary>What the model gives for some inputs of floats.</summary>
    internal Dictionary<string, (long[] Shape, float[] Numbers)> Run(params torch.Tensor[] inputs)
    {
        using var session = Session();
        using var results = session.Run([.. session.InputMetadata.Keys.Zip(inputs, (name, input) => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<float>(input.contiguous().data<float>().ToArray(), [.. input.shape.Select(size => (int)size)])))]);
        return results.ToDictionary(result => result.Name, result => (result.AsTensor<float>().Dimensions.ToArray().Select(size => (long)size).ToArray(), result.AsTensor<float>().ToArray()));
    }

    /// <summary>Fails unless a result is the tensor, to a ten-thousandth of its standard deviation.</summary>
    internal static void AssertClose(torch.Tensor expected, (long[] Shape, float[] Numbers) actual)
    {
        Assert.Equal(expected.shape, actual.Shape);
        var deviation = expected.NumberOfElements > 1 ? expected.std().item<float>() : 1;
        Assert.InRange(expected.contiguous().data<float>().ToArray().Zip(actual.Numbers, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4 * deviation);
    }

    private InferenceSession Session()
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        return new InferenceSession(Path, options);
    }
}
