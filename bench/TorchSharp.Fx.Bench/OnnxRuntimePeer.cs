using Microsoft.ML.OnnxRuntime;
using TorchSharp.Fx.Cli;
using TorchSharp.Fx.Onnx;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>ONNX Runtime on what an extractor exports, with as many threads as libtorch has.</summary>
internal static class OnnxRuntimePeer
{
    internal static BenchCall Make(DualGraphModule extractor, Tensor input)
    {
        var folder = Directory.CreateTempSubdirectory("torchfx-onnx-");
        var path = Path.Combine(folder.FullName, "model.onnx");
        onnx.export(extractor, path, [input]);
        extractor.Dispose();
        using var options = new SessionOptions { IntraOpNumThreads = get_num_threads(), LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        var session = new InferenceSession(path, options);
        folder.Delete(recursive: true);
        var value = OrtValue.CreateTensorValueFromMemory(input.contiguous().data<float>().ToArray(), input.shape);
        var inputs = new Dictionary<string, OrtValue> { [session.InputNames[0]] = value };
        var run = new RunOptions();
        return new(() => session.Run(run, inputs, session.OutputNames), results => Features(session, (IDisposableReadOnlyCollection<OrtValue>)results));
    }

    private static IEnumerable<KeyValuePair<string, Tensor>> Features(InferenceSession session, IDisposableReadOnlyCollection<OrtValue> results)
        => session.OutputNames.Zip(results, (name, result) => KeyValuePair.Create(name, tensor(result.GetTensorDataAsSpan<float>().ToArray()).reshape(result.GetTensorTypeAndShape().Shape)));
}
