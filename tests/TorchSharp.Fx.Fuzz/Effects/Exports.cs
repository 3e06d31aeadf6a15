using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using TorchSharp.Fx.Onnx;
using TorchSharp.Fx.TorchScript;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>Exported modules, in evaluation: the first call's results.</summary>
internal static class Exports
{
    private static readonly Lazy<SessionOptions> OneThread = new(() => new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR });

    internal static string? Onnx(Scenario scenario, Observation eager) => Draws(scenario) ? null : Exported(scenario, eager, (traced, file) =>
    {
        onnx.export(traced.GraphModule, file, scenario.Inputs(0));
        using var session = new InferenceSession(file, OneThread.Value);
        var names = session.InputNames;
        var inputs = Tensors.In(scenario.Inputs(0)).Take(names.Count).Select((tensor, i) => NamedOnnxValue.CreateFromTensor(names[i], new DenseTensor<float>(tensor.contiguous().data<float>().ToArray(), [.. tensor.shape.Select(size => (int)size)]))).ToList();
        using var results = session.Run(inputs);
        return [.. results.Select(result => Read(result.Value))];
    });

    internal static string? TorchScript(Scenario scenario, Observation eager) => Draws(scenario) || scenario.ReturnsDictionary ? null : Exported(scenario, eager, (traced, file) =>
    {
        torchscript.export(traced.GraphModule, file, scenario.Inputs(0));
        using var loaded = jit.load(file);
        return [.. Tensors.In(loaded.forward(scenario.Inputs(0)!))];
    });

    private static Tensor Read(object value) => value switch
    {
        Tensor<float> numbers => tensor(numbers.ToArray()).reshape(Sizes(numbers.Dimensions)),
        Tensor<double> numbers => tensor(numbers.ToArray()).reshape(Sizes(numbers.Dimensions)),
        Tensor<long> numbers => tensor(numbers.ToArray()).reshape(Sizes(numbers.Dimensions)),
        Tensor<int> numbers => tensor(numbers.ToArray()).reshape(Sizes(numbers.Dimensions)),
        Tensor<bool> truths => tensor(truths.ToArray()).reshape(Sizes(truths.Dimensions)),
        _ => throw new NotSupportedException($"ONNX Runtime gives a {value?.GetType().Name}."),
    };

    private static long[] Sizes(ReadOnlySpan<int> dimensions) => Array.ConvertAll(dimensions.ToArray(), size => (long)size);

    /// <summary>Whether results depend on the seed: ONNX Runtime draws by a generator of its own, and TorchScript's compiler drops draws that nobody reads.</summary>
    private static bool Draws(Scenario scenario)
    {
        using var noGradients = no_grad();
        Snapshot[] results = [.. new[] { 6, 7, 8 }.Select(seed =>
        {
            using var model = scenario.New();
            manual_seed(seed);
            return Snapshot.Of(Try(() => Tensors.In(Eager.Call(model)(scenario.Inputs(0))).ToArray()));
        })];
        return Array.Exists(results[1..], other => results[0].Difference(other, 0) is not null);
    }

    private static object? Try(Func<object?> call)
    {
        try
        {
            return call();
        }
        catch (Exception)
        {
            return null;
        }
    }

    private static string? Exported(Scenario scenario, Observation eager, Func<Traced, string, Tensor[]> run)
    {
        if (scenario.Training || scenario.HasGradients || eager.Thrown is not null || Array.Exists(scenario.Inputs(0), input => input is not Tensor))
            return null;
        var file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using var traced = new Traced(scenario);
        var expected = new Observation();
        var untraced = scenario.New();
        using (no_grad())
            expected.Add("results", Tensors.In(Eager.Call(untraced)(scenario.Inputs(0))).ToArray());
        try
        {
            var actual = new Observation();
            using (no_grad())
                actual.Add("results", run(traced, file));
            return expected.Difference(actual, new(Tolerance: 1e-3, ComparesGradients: false));
        }
        finally
        {
            File.Delete(file);
            untraced.Dispose();
        }
    }
}
