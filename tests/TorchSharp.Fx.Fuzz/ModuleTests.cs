using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz;

/// <summary>
/// Generated modules: traced with an example, both ways to run the graph give what the module itself gives, for the example's shape and others, or an assertion says that the
/// graph is not for those. The graphs of Debug and Release code are counted, not held, to be equal: a Release compiler drops stores and branches that do nothing, and generated
/// programs are full of them.
/// </summary>
public sealed partial class ModuleTests
{
    private const int BatchSize = 50;

    private static readonly long[][] Shapes = [[3, 4], [2, 6], [5, 4], [3, 1]];

    private int refused, unequal;

    [Fact]
    public void Graphs_give_what_the_modules_give()
    {
        manual_seed(1);
        var programs = 0;
        var failures = new List<int>();
        foreach (var seeds in Budget.Batches(BatchSize))
        {
            programs += seeds.Length;
            var source = string.Concat(seeds.Select(ModuleProgram.Write));
            var (debug, release) = (Batch.Compile(source, OptimizationLevel.Debug), Batch.Compile(source, OptimizationLevel.Release));
            foreach (var seed in seeds)
                if (Difference(seed, debug, release) is { } difference)
                {
                    failures.Add(seed);
                    TestContext.Current.TestOutputHelper?.WriteLine($"Seed {seed}: {difference}");
                }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{refused} of {programs} modules were refused; of {unequal} the Release compiler's code gives another graph.");
        Assert.True(failures.Count == 0, $"{failures.Count} of {programs} modules differ: seeds {string.Join(", ", failures.Take(20))}.\n{string.Concat(failures.Take(2).Select(Report))}");
    }

    private string Report(int seed)
    {
        var source = Shrinker.Shrink(ModuleProgram.Write(seed), smaller => DifferenceIn(seed, smaller) is not null);
        return $"\nSeed {seed}: {DifferenceIn(seed, source)}\n{source}";
    }

    private string? DifferenceIn(int seed, string source)
        => Batch.TryCompile(source, OptimizationLevel.Debug, out _) is { } debug && Batch.TryCompile(source, OptimizationLevel.Release, out _) is { } release ? Difference(seed, debug, release) : null;

    private string? Difference(int seed, Assembly debug, Assembly release)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (ofDebug, ofRelease) = (Traced(seed, debug), Traced(seed, release));
        unequal += ofDebug.Text == ofRelease.Text ? 0 : 1;
        return Differs(seed, debug, ofDebug) ?? Differs(seed, release, ofRelease);
    }

    // The two compilers' code differs in where it stands, and nowhere else.
    [GeneratedRegex(@" at M\d+\.[^;]*|\[num_users=\d+\]")]
    private static partial Regex Location();

    private static nn.Module<Tensor, Tensor> New(int seed, Assembly assembly) => (nn.Module<Tensor, Tensor>)Activator.CreateInstance(assembly.GetType($"M{seed}")!)!;

    private static Tensor Input(long[] shape) => arange(shape[0] * shape[1], dtype: float32).reshape(shape) / 3 - 1;

    private (string Text, Func<Tensor, Tensor>[] Runs) Traced(int seed, Assembly assembly)
    {
        var module = New(seed, assembly);
        var tracer = new Tracer();
        try
        {
            var graph = tracer.trace(module, [Input(Shapes[0])]);
            graph.lint();
            var interpreted = new GraphInterpreter(module, graph, tracer.tensor_constants);
            var compiled = new GraphModule(module, graph, tracer.tensor_constants);
            return (Location().Replace(graph.ToString(), ""), [x => (Tensor)interpreted.run(x)!, x => (Tensor)compiled.call(x)!]);
        }
        catch (TraceException refusal)
        {
            refused++;
            return ($"refused: {refusal.Message.Split(':')[0]}", []);
        }
        catch (Exception exception) when (exception is TracedProgramException or InvalidOperationException)
        {
            return (exception is TracedProgramException { InnerException: { } inner } ? $"throws {inner.GetType().Name}" : $"throws {exception.GetType().Name}", []);
        }
    }

    private static string? Differs(int seed, Assembly assembly, (string Text, Func<Tensor, Tensor>[] Runs) traced)
    {
        if (traced.Runs.Length == 0)
            return traced.Text.StartsWith("throws", StringComparison.Ordinal) && Eager(Shapes[0]) is var result && !result.StartsWith("throws", StringComparison.Ordinal) ? $"  the trace {traced.Text}, the module gives {result}" : null;
        foreach (var shape in Shapes)
        {
            var expected = Eager(shape);
            foreach (var run in traced.Runs)
                if (Run(run, shape) is { } actual && actual != expected)
                    return $"with {string.Join(" x ", shape)}\n{Outcome.Difference("the module", expected, run == traced.Runs[0] ? "GraphInterpreter" : "GraphModule", actual)}\n{traced.Text}";
        }
        return null;

        string Eager(long[] shape) => Outcome.Of(() => New(seed, assembly).call(Input(shape)));
    }

    /// <summary>What a graph gives; null if it says that it is not for this shape.</summary>
    private static string? Run(Func<Tensor, Tensor> run, long[] shape)
    {
        try
        {
            return Outcome.Text(run(Input(shape)));
        }
        catch (Exception exception) when (shape != Shapes[0] && (exception is GraphAssertionException || exception.InnerException is GraphAssertionException))
        {
            return null;
        }
        catch (Exception)
        {
            return Outcome.Of(() => run(Input(shape)));
        }
    }
}
