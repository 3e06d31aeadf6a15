using System.Collections;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing.Host;

/// <summary>How far a program must come. Beyond that it may be refused, but never be wrong.</summary>
[Flags]
internal enum Traces
{
    Nowhere = 0,
    ByExample = 1,
    BySymbols = 2,
    Both = 3,
}

/// <summary>A small program that gives numbers of its inputs to .NET's own code.</summary>
internal sealed record HostRow(string Name, Func<Tensor, Tensor, object?> Function, Traces Traces)
{
    internal static HostRow Both(Func<Tensor, Tensor, object?> function, [CallerArgumentExpression(nameof(function))] string name = "") => new(Short(name), function, Traces.Both);

    internal static HostRow ByExample(Func<Tensor, Tensor, object?> function, [CallerArgumentExpression(nameof(function))] string name = "") => new(Short(name), function, Traces.ByExample);

    internal static HostRow Sound(Func<Tensor, Tensor, object?> function, [CallerArgumentExpression(nameof(function))] string name = "") => new(Short(name), function, Traces.Nowhere);

    private static string Short(string name) => string.Join(' ', name.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}

/// <summary>A row as a module.</summary>
internal sealed class HostProgram(Func<Tensor, Tensor, object?> function) : nn.Module<Tensor, Tensor, object?>(nameof(HostProgram))
{
    public override object? forward(Tensor x, Tensor y) => function(x, y);
}

/// <summary>What every row is held to: equal to eager on the example's sizes and on others, or refused, or stopped by the graph's own assertion.</summary>
internal static class HostTable
{
    private static readonly (long[] X, long[] Y, ScalarType Type)[] Sizes = [([4, 3], [2, 3], float32), ([2, 3], [5, 3], float32), ([6, 2], [6, 5], float64), ([4, 3], [4, 3], float32), ([3, 4, 2], [2, 4, 2], float32)];

    /// <summary>What is wrong with the trace of a row; null if nothing is.</summary>
    internal static string? Fault(HostRow row, bool byExample)
    {
        using var scope = NewDisposeScope();
        using var program = new HostProgram(row.Function);
        var tracer = new Tracer();
        var example = Inputs(0);
        Graph graph;
        try
        {
            graph = byExample ? tracer.trace(program, example) : tracer.trace(program);
        }
        catch (TraceException refused)
        {
            return row.Traces.HasFlag(byExample ? Traces.ByExample : Traces.BySymbols) ? $"refused: {refused.Message}" : null;
        }
        catch (Exception error)
        {
            var (_, thrown) = Outcome(() => row.Function(example[0], example[1]));
            return error is TracedProgramException && (thrown?.GetType() == error.InnerException?.GetType() || IsNodes(error)) && thrown is not null ? null : $"threw while tracing: {error}";
        }
        var run = new GraphInterpreter(program, graph, tracer.tensor_constants);
        return Enumerable.Range(0, Sizes.Length).Select(i => Compare(row, run, i, byExample)).FirstOrDefault(fault => fault is not null) is { } found ? $"{found}\n{graph}" : null;
    }

    /// <summary>Whether the example showed that an operation which the graph has fails.</summary>
    private static bool IsNodes(Exception error) => error.InnerException!.Message.StartsWith("Node '", StringComparison.Ordinal);

    private static string? Compare(HostRow row, GraphInterpreter run, int i, bool byExample)
    {
        var (expected, thrown) = Outcome(() => row.Function(Inputs(i)[0], Inputs(i)[1]));
        var (actual, error) = Outcome(() => run.run([.. Inputs(i)]));
        if (error is GraphAssertionException)
            return i == 0 && byExample ? $"its own example fails: {error.Message}" : null;
        if (thrown is not null)
            return error is null ? $"sizes {i}: eager throws {thrown.GetType().Name}, the graph gives {Text(actual)}" : null;
        if (error is not null)
            return $"sizes {i}: the graph throws {error.Message}";
        return Same(expected, actual) ? null : $"sizes {i}: eager {Text(expected)}, graph {Text(actual)}";
    }

    private static (object? Value, Exception? Thrown) Outcome(Func<object?> run)
    {
        try
        {
            return (Settled(run()), null);
        }
        catch (Exception exception)
        {
            return (null, exception);
        }
    }

    private static Tensor[] Inputs(int i) => [Traced.Sample(1, Sizes[i].X), Traced.Sample(2, Sizes[i].Y).to(Sizes[i].Type)];

    private static object? Settled(object? value) => value is IEnumerable sequence and not string and not Tensor and not IDictionary ? sequence.Cast<object?>().Select(Settled).ToList() : value;

    private static bool Same(object? a, object? b) => (a, b) switch
    {
        (Tensor x, Tensor y) => x.shape.AsSpan().SequenceEqual(y.shape) && x.dtype == y.dtype && x.Equals(y),
        (IDictionary x, IDictionary y) => x.Count == y.Count && x.Keys.Cast<object>().All(key => y.Contains(key) && Same(x[key], y[key])),
        (ITuple x, ITuple y) => x.Length == y.Length && Enumerable.Range(0, x.Length).All(i => Same(x[i], y[i])),
        (IList x, IList y) => x.Count == y.Count && Enumerable.Range(0, x.Count).All(i => Same(x[i], y[i])),
        (IConvertible x, IConvertible y) when x is not string && y is not string && x.GetType() != y.GetType() => System.Convert.ToDouble(x, null) == System.Convert.ToDouble(y, null),
        _ => Equals(a, b),
    };

    private static string Text(object? value) => value switch
    {
        null => "null",
        Tensor tensor => $"tensor [{string.Join(",", tensor.shape)}] {tensor.dtype} {tensor.to(float64).sum().item<double>()}",
        IEnumerable sequence and not string => $"[{string.Join(", ", sequence.Cast<object?>().Select(Text))}]",
        ITuple tuple => $"({string.Join(", ", Enumerable.Range(0, tuple.Length).Select(i => Text(tuple[i])))})",
        _ => $"{value} ({value.GetType().Name})",
    };
}
