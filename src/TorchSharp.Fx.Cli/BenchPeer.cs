using System.Diagnostics;

using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>One way of running a model, measured in a process of its own.</summary>
internal sealed class BenchPeer : IDisposable
{
    /// <summary>The ways there are.</summary>
    internal static readonly List<string> Names = ["eager", "graph", "optimised", "bfloat16"];

    // Ways that the program around the tool has added.
    private static readonly Dictionary<string, Func<DualGraphModule, Tensor, BenchCall>> Added = [];

    private readonly nn.Module module;
    private readonly Tensor input;
    private readonly BenchCall call;

    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="module">The model, which it takes over.</param>
    /// <param name="requested">The nodes that all ways but <c>eager</c> are to return.</param>
    /// <param name="input">What to run it on, which it takes over.</param>
    /// <param name="kwargs">How to trace.</param>
    internal BenchPeer(string name, nn.Module module, ReturnNodes requested, Tensor input, TracerKwargs kwargs)
    {
        (this.module, this.input) = (module, input);
        module.eval();
        var extractor = name == "eager" ? null : NodeRequests.Extractor(module, requested, training: false, kwargs);
        call = name switch
        {
            "eager" => Eager(),
            "graph" => Of(extractor!),
            "optimised" or "bfloat16" => Optimised(extractor!, name == "bfloat16" ? ScalarType.BFloat16 : null),
            _ => Added[name](extractor!, input),
        };
    }

    /// <summary>Adds a way of running what an extractor computes.</summary>
    internal static void Add(string name, Func<DualGraphModule, Tensor, BenchCall> make)
    {
        Names.Add(name);
        Added[name] = make;
    }

    /// <summary>How long one call takes, in ms.</summary>
    internal double Measure()
    {
        using var mode = no_grad();
        var watch = Stopwatch.StartNew();
        call.Run().Dispose();
        return watch.Elapsed.TotalMilliseconds;
    }

    /// <summary>Writes what the nodes give; nothing for a way that returns the model's own result.</summary>
    internal void Save(string path)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var result = call.Run();
        if (call.Read is not null)
            Safetensors.save_file(call.Read(result).ToDictionary(feature => feature.Key, feature => feature.Value.contiguous()), path);
    }

    public void Dispose()
    {
        input.Dispose();
        module.Dispose();
    }

    private BenchCall Optimised(DualGraphModule extractor, ScalarType? dtype)
    {
        var optimised = extractor.optimize_for_inference(dtype);
        extractor.Dispose();
        return Of(optimised);
    }

    private BenchCall Of(DualGraphModule extractor) => new(() => extractor.call(input), result => (Features)result);

    /// <summary>The model as a careful user calls it: a scope takes what it leaves behind.</summary>
    private BenchCall Eager()
    {
        var forward = module.GetType().GetMethod("call", [typeof(Tensor)])?.CreateDelegate<Func<Tensor, object>>(module)
            ?? throw new ToolException($"A {module.GetType().Name} does not take one tensor, so that there is no 'eager' way to measure; leave it out of --peers.");
        return new(
            () =>
            {
                var scope = NewDisposeScope();
                forward(input);
                return scope;
            }, Read: null);
    }
}

/// <summary>A call to measure.</summary>
/// <param name="Run">Makes the call; what it returns is disposed.</param>
/// <param name="Read">What the nodes gave, by key; null where the call returns the model's own result.</param>
internal sealed record BenchCall(Func<IDisposable> Run, Func<IDisposable, IEnumerable<KeyValuePair<string, Tensor>>>? Read);
