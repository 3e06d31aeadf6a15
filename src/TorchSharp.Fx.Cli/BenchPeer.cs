using System.Diagnostics;

using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>One way of running a model, measured in a process of its own.</summary>
internal sealed class BenchPeer : IDisposable
{
    /// <summary>The ways there are.</summary>
    internal static readonly string[] Names = ["eager", "graph", "optimised", "bfloat16"];

    private readonly nn.Module module;
    private readonly Tensor input;
    private readonly Func<IDisposable> run;

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
        run = name switch
        {
            "eager" => Eager(),
            "graph" => () => extractor!.call(input),
            _ => Optimised(extractor!, name == "bfloat16" ? ScalarType.BFloat16 : null),
        };
    }

    /// <summary>How long one call takes, in ms.</summary>
    internal double Measure()
    {
        using var mode = no_grad();
        var watch = Stopwatch.StartNew();
        run().Dispose();
        return watch.Elapsed.TotalMilliseconds;
    }

    /// <summary>Writes what the nodes give; nothing for a way that returns the model's own result.</summary>
    internal void Save(string path)
    {
        using var mode = no_grad();
        using var result = run();
        if (result is Features features)
            Safetensors.save_file(features.ToDictionary(feature => feature.Key, feature => feature.Value.contiguous()), path);
    }

    public void Dispose()
    {
        input.Dispose();
        module.Dispose();
    }

    private Func<IDisposable> Optimised(DualGraphModule extractor, ScalarType? dtype)
    {
        var optimised = extractor.optimize_for_inference(dtype);
        extractor.Dispose();
        return () => optimised.call(input);
    }

    /// <summary>The model as a careful user calls it: a scope takes what it leaves behind.</summary>
    private Func<IDisposable> Eager()
    {
        var forward = module.GetType().GetMethod("call", [typeof(Tensor)])?.CreateDelegate<Func<Tensor, object>>(module)
            ?? throw new ToolException($"A {module.GetType().Name} does not take one tensor, so that there is no 'eager' way to measure; leave it out of --peers.");
        return () =>
        {
            var scope = NewDisposeScope();
            forward(input);
            return scope;
        };
    }
}
