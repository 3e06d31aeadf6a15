using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>
/// ONNX Runtime on a file that another process has exported. Nothing of libtorch is loaded before the results are read, so that memory is
/// ONNX Runtime's.
/// </summary>
internal sealed class OnnxPeer : BenchPeer
{
    /// <summary>The output of a whole model that nobody asks for.</summary>
    internal const string Rest = "torchfx.rest";

    private readonly InferenceSession session;
    private readonly OrtValue input;
    private readonly RunOptions options = new();
    private readonly Dictionary<string, OrtValue> inputs;
    private readonly string[] outputs;

    /// <param name="files">The files that the processes share.</param>
    /// <param name="name">Which of the ways.</param>
    /// <param name="batch">How many samples a call has.</param>
    /// <param name="threads">How many threads it gets.</param>
    internal OnnxPeer(BenchFiles files, string name, int batch, int threads)
    {
        using var settings = new SessionOptions { IntraOpNumThreads = threads, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        session = new(files.Model(name, batch), settings);
        var (key, about) = session.InputMetadata.Single();
        var values = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(files.Input(batch))).ToArray();
        input = OrtValue.CreateTensorValueFromMemory(values, Array.ConvertAll(about.Dimensions, size => (long)size));
        inputs = new() { [key] = input };
        outputs = [.. session.OutputNames.Where(output => output != Rest)];
    }

    internal override IDisposable Run() => session.Run(options, inputs, outputs);

    internal override IEnumerable<KeyValuePair<string, Tensor>> Read(IDisposable result)
        => outputs.Zip((IDisposableReadOnlyCollection<OrtValue>)result,
            (name, value) =>
                KeyValuePair.Create(name,
                    tensor(value.GetTensorDataAsSpan<float>().ToArray()).reshape(value.GetTensorTypeAndShape().Shape)));

    public override void Dispose()
    {
        input.Dispose();
        options.Dispose();
        session.Dispose();
    }

    /// <summary>Exports what the processes of these peers will load, and their input.</summary>
    internal static void Export(BenchSubject subject, IEnumerable<string> peers, IEnumerable<int> batches, BenchFiles files)
    {
        using var mode = no_grad();
        using var module = subject.Build();
        foreach (var batch in batches)
        {
            using var input = subject.Input(batch);
            File.WriteAllBytes(files.Input(batch), MemoryMarshal.AsBytes<float>(input.data<float>().ToArray()));
            foreach (var peer in peers)
            {
                using var extractor = peer == OrtFull ? subject.Whole(module, Rest) : subject.Extractor(module);
                extractor.eval();
                using var quantised = peer == OrtInt8 ? Quantised(extractor, subject) : null;
                Onnx.onnx.export(quantised ?? extractor, files.Model(peer, batch), [input]);
            }
        }
    }
}
