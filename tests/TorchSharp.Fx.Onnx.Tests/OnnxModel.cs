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

    /// <summary>What the model gives for several inputs each time.</summary>
    internal IEnumerable<Dictionary<string, torch.Tensor>> RunAll(IEnumerable<torch.Tensor[]> inputs)
    {
        using var session = Session();
        foreach (var given in inputs)
        {
            using var results = session.Run([.. session.InputMetadata.Keys.Zip(given, Value)]);
            yield return results.ToDictionary(result => result.Name, Tensor);
        }
    }

    /// <summary>What the model gives for some inputs.</summary>
    internal Dictionary<string, torch.Tensor> Run(params torch.Tensor[] inputs) => RunAll([inputs]).Single();

    /// <summary>What the model gives node by node, as the file has them: none becomes one of another kind.</summary>
    internal torch.Tensor RunAsWritten(torch.Tensor input)
    {
        using var session = Session(Path, GraphOptimizationLevel.ORT_DISABLE_ALL);
        using var results = session.Run([.. session.InputMetadata.Keys.Zip([input], Value)]);
        return Tensor(results.Single());
    }

    /// <summary>What a model in any file gives, by the names of its outputs.</summary>
    internal static Dictionary<string, torch.Tensor> RunFileAll(string path, params torch.Tensor[] inputs)
    {
        using var session = Session(path);
        using var results = session.Run([.. session.InputMetadata.Keys.Zip(inputs, Value)]);
        return results.ToDictionary(result => result.Name, Tensor);
    }

    /// <summary>What a model in any file gives, its only output.</summary>
    internal static torch.Tensor RunFile(string path, params torch.Tensor[] inputs)
    {
        using var session = Session(path);
        using var results = session.Run([.. session.InputMetadata.Keys.Zip(inputs, Value)]);
        return Tensor(results.Single());
    }

    /// <summary>Fails unless a result is the tensor: the same type and shape, the same whole numbers, and floats to a ten-thousandth of their standard deviation.</summary>
    internal static void AssertClose(torch.Tensor expected, torch.Tensor actual, string what = "")
    {
        Assert.Equal((what, expected.dtype, string.Join('x', expected.shape)), (what, actual.dtype, string.Join('x', actual.shape)));
        if (!is_floating_point(expected.dtype))
        {
            Assert.True(expected.eq(actual).all().item<bool>(), $"{what}: {expected.str()} is {actual.str()}");
            return;
        }
        var finite = expected.isfinite().logical_or(actual.isfinite());
        Assert.True(expected.nan_to_num(7).masked_select(~finite).eq(actual.nan_to_num(7).masked_select(~finite)).all().item<bool>(), $"{what}: not the same are infinite");
        var (a, b) = (expected.to(float64).masked_select(finite), actual.to(float64).masked_select(finite));
        if (a.numel() == 0)
            return;
        var deviation = a.numel() > 1 ? Math.Max(a.std().item<double>(), 1e-3 * a.abs().max().item<double>()) : Math.Max(1, a.abs().max().item<double>());
        var difference = (a - b).abs().max().item<double>();
        Assert.True(difference <= 1e-4 * Math.Max(deviation, 1e-6), $"{what}: {difference} is more than a ten-thousandth of {deviation}");
    }

    private static NamedOnnxValue Value(string name, torch.Tensor tensor)
    {
        int[] shape = [.. tensor.shape.Select(size => (int)size)];
        return tensor.dtype switch
        {
            ScalarType.Int64 => Of<long>(),
            ScalarType.Bool => Of<bool>(),
            ScalarType.Int32 => Of<int>(),
            ScalarType.Float64 => Of<double>(),
            _ => Of<float>(),
        };

        NamedOnnxValue Of<T>() where T : unmanaged => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<T>(tensor.numel() == 0 ? [] : tensor.contiguous().data<T>().ToArray(), shape));
    }

    private static torch.Tensor Tensor(DisposableNamedOnnxValue value)
    {
        return value.Value switch
        {
            Tensor<long> longs => tensor([.. longs]).reshape(Shape(longs)),
            Tensor<bool> bools => tensor(bools.ToArray()).reshape(Shape(bools)),
            Tensor<int> integers => tensor([.. integers]).reshape(Shape(integers)),
            Tensor<double> doubles => tensor([.. doubles]).reshape(Shape(doubles)),
            Tensor<sbyte> bytes => tensor(bytes.ToArray()).reshape(Shape(bytes)),
            Tensor<short> shorts => tensor(shorts.ToArray()).reshape(Shape(shorts)),
            Tensor<Float16> halves => tensor(halves.Select(half => (float)half).ToArray()).reshape(Shape(halves)).to(float16),
            Tensor<Microsoft.ML.OnnxRuntime.BFloat16> halves => tensor(halves.Select(half => half.ToFloat()).ToArray()).reshape(Shape(halves)).to(bfloat16),
            Tensor<byte> bytes => tensor(bytes.ToArray()).reshape(Shape(bytes)),
            var floats => tensor([.. (Tensor<float>)floats]).reshape(Shape((Tensor<float>)floats)),
        };

        long[] Shape<T>(Tensor<T> from) => [.. from.Dimensions.ToArray().Select(size => (long)size)];
    }

    private InferenceSession Session() => Session(Path);

    private static InferenceSession Session(string path, GraphOptimizationLevel level = GraphOptimizationLevel.ORT_ENABLE_ALL)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, GraphOptimizationLevel = level };
        return new InferenceSession(path, options);
    }
}
