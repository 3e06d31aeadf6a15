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
    internal static void Check(nn.Module module, string expected, params object?[][] calls)
    {
        using var scope = NewDisposeScope();
        var tracer = new Tracer();
        var graph = tracer.trace(module);
        Assert.Equal(expected.ReplaceLineEndings("\n") + "\n", graph.ToString());
        var interpreted = new GraphInterpreter(module, graph, tracer.tensor_constants);
        var compiled = new GraphModule(module, graph, tracer.tensor_constants);
        foreach (var inputs in calls)
        {
            var results = new Func<object?>[] { () => interpreted.run(inputs), () => compiled.call(inputs), () => Eager(module, inputs) }.Select(Seeded).ToArray();
            Same(results[2], results[0]);
            Same(results[2], results[1]);
        }
    }

    /// <summary>Checks the results only, where the graph's text is no concern of the test.</summary>
    internal static Graph Graph(nn.Module module) => new Tracer().trace(module);

    /// <summary>A tensor of small numbers, the same in every run.</summary>
    internal static Tensor Sample(int seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed + 1);
        return randn(shape, generator: generator);
    }

    internal static MethodInfo Forward(nn.Module module)
        => module.GetType().GetMethods().First(method => method.Name == "forward" && method.DeclaringType != typeof(nn.Module));

    private static object? Eager(nn.Module module, object?[] inputs) => Forward(module).Invoke(module, BindingFlags.DoNotWrapExceptions, null, inputs, null);

    private static object? Seeded(Func<object?> run)
    {
        manual_seed(7);
        return run();
    }

    private static void Same(object? expected, object? actual)
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
