using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>What every test of the tracer asks: the graph is the expected one, and both ways to run it give what the module itself gives, bit for bit.</summary>
internal static class Traced
{
    private static readonly long[][] Shapes = [[2, 4], [3, 6]];

    /// <summary>Checks the graph's text, and its results on tensors of two shapes.</summary>
    internal static void Check(nn.Module module, string expected)
    {
        var count = Forward(module).GetParameters().Length;
        Check(module, expected, Array.ConvertAll(Shapes, shape => Enumerable.Range(0, count).Select(i => (object?)Sample(i, shape)).ToArray()));
    }

    /// <summary>Checks the graph's text, and its results on the given inputs.</summary>
    internal static void Check(nn.Module module, string expected, params object?[][] calls) => Check(new Tracer(), module, expected, null, calls);

    /// <summary>The same for a trace by a tracer of one's own, with some arguments fixed.</summary>
    internal static void Check(Tracer tracer, nn.Module module, string expected, IReadOnlyDictionary<string, object?>? concrete_args, params object?[][] calls)
    {
        var graph = tracer.trace(module, concrete_args);
        Assert.Equal(expected.ReplaceLineEndings("\n") + "\n", graph.ToString());
        Run(module, tracer, calls);
    }

    /// <summary>Checks the results only, where the graph is too long to read.</summary>
    internal static Graph Runs(nn.Module module, params object?[][] calls)
    {
        var tracer = new Tracer();
        tracer.trace(module);
        Run(module, tracer, calls);
        return tracer.graph;
    }

    private static void Run(nn.Module module, Tracer tracer, object?[][] calls)
    {
        using var scope = NewDisposeScope();
        var (graph, constants) = (tracer.graph, tracer.tensor_constants);
        graph.lint();
        var interpreted = new GraphInterpreter(module, graph, constants);
        var compiled = new GraphModule(module, graph, constants);
        foreach (var inputs in calls)
        {
            // Each run has inputs of its own: an operation in place may change them, and must do so in all three alike.
            var given = new[] { Copies(inputs), Copies(inputs), Copies(inputs) };
            var results = new Func<object?>[] { () => interpreted.run(given[0]), () => compiled.call(given[1]), () => Eager(module, given[2]) }.Select(Seeded).ToArray();
            Same((results[2], given[2]), (results[0], given[0]));
            Same((results[2], given[2]), (results[1], given[1]));
        }
    }

    /// <summary>Checks the results only, where the graph's text is no concern of the test.</summary>
    internal static Graph Graph(nn.Module module) => new Tracer().trace(module);

    /// <summary>The graph of a module whose state is dropped.</summary>
    internal static Graph WithoutState(nn.Module module) => new Tracer { state = TracedState.dropped }.trace(module);

    /// <summary>A tensor of small numbers, the same in every run.</summary>
    internal static Tensor Sample(int seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed + 1);
        return randn(shape, generator: generator);
    }

    internal static MethodInfo Forward(nn.Module module) => EntryPoint.Of(module).Method;

    /// <summary>What <c>call</c> returns, hooks included; <c>forward</c> for a bare module, which has no call. Inputs left out take their defaults.</summary>
    internal static object? Eager(nn.Module module, params object?[] inputs)
    {
        var forward = EntryPoint.Of(module).Method;
        var parameters = forward.GetParameters();
        var call = forward.GetBaseDefinition().DeclaringType!.GetMethod("call", [.. parameters.Select(parameter => parameter.ParameterType)]) ?? forward;
        return call.Invoke(module, BindingFlags.DoNotWrapExceptions, null, [.. inputs, .. parameters.Skip(inputs.Length).Select(parameter => parameter.DefaultValue)], null);
    }

    private static object?[] Copies(object?[] inputs) => Array.ConvertAll(inputs, input => input switch
    {
        Tensor tensor => tensor.clone(),
        Tensor[] array => Array.ConvertAll(array, tensor => tensor.clone()),
        List<Tensor> list => list.ConvertAll(tensor => tensor.clone()),
        _ => input,
    });

    private static object? Seeded(Func<object?> run)
    {
        manual_seed(7);
        return run();
    }

    internal static void Same(object? expected, object? actual)
    {
        switch (expected, actual)
        {
            case (Tensor a, Tensor b):
                Assert.Equal(a.dtype, b.dtype);
                Assert.Equal(a.shape, b.shape);
                Assert.Equal(a.cpu().contiguous().bytes.ToArray(), b.cpu().contiguous().bytes.ToArray());
                break;
            case (IDictionary a, IDictionary b):
                Assert.Equal(a.Keys, b.Keys);
                foreach (var key in a.Keys)
                    Same(a[key], b[key]);
                break;
            case (ITuple a, ITuple b):
                Assert.Equal(a.Length, b.Length);
                for (var i = 0; i < a.Length; i++)
                    Same(a[i], b[i]);
                break;
            case (IList a, IList b):
                Assert.Equal(a.Count, b.Count);
                for (var i = 0; i < a.Count; i++)
                    Same(a[i], b[i]);
                break;
            case (not null, not null) when expected.GetType().Assembly == typeof(Traced).Assembly:
                Assert.Equal(expected.GetType(), actual.GetType());
                foreach (var field in expected.GetType().GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
                    Same(field.GetValue(expected), field.GetValue(actual));
                break;
            default:
                Assert.Equal(expected, actual);
                break;
        }
    }
}
