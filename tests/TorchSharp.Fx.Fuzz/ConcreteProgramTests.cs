using System.Reflection;
using Microsoft.CodeAnalysis;
using TorchSharp.Fx.Tracing;

namespace TorchSharp.Fx.Fuzz;

/// <summary>Programs without tensors: the interpreter does what the CLR does, with the code of a Debug and of a Release compiler.</summary>
public sealed class ConcreteProgramTests
{
    private const int BatchSize = 100;

    [Fact]
    public void The_interpreter_gives_what_the_CLR_gives()
    {
        var programs = 0;
        var failures = new List<int>();
        foreach (var seeds in Budget.Batches(BatchSize))
        {
            programs += seeds.Length;
            var source = string.Concat(seeds.Select(ConcreteProgram.Write));
            var (debug, release) = (Batch.Compile(source, OptimizationLevel.Debug), Batch.Compile(source, OptimizationLevel.Release));
            foreach (var seed in seeds)
                if (Difference(seed, debug, release) is { } difference)
                {
                    failures.Add(seed);
                    TestContext.Current.TestOutputHelper?.WriteLine($"Seed {seed}: {difference}");
                }
        }
        Assert.True(failures.Count == 0, $"{failures.Count} of {programs} programs differ: seeds {string.Join(", ", failures.Take(20))}.\n{string.Concat(failures.Take(2).Select(Report))}");
    }

    private static string Report(int seed)
    {
        var source = Shrinker.Shrink(ConcreteProgram.Write(seed), smaller => DifferenceIn(seed, smaller) is not null);
        return $"\nSeed {seed}: {DifferenceIn(seed, source)}\n{source}";
    }

    private static string? DifferenceIn(int seed, string source)
        => Batch.TryCompile(source, OptimizationLevel.Debug, out _) is { } debug && Batch.TryCompile(source, OptimizationLevel.Release, out _) is { } release ? Difference(seed, debug, release) : null;

    private static string? Difference(int seed, Assembly debug, Assembly release)
    {
        foreach (var inputs in ConcreteProgram.Inputs(seed))
        {
            var expected = Outcome.Of(() => Method(release).Invoke(null, BindingFlags.DoNotWrapExceptions, null, inputs, null));
            foreach (var assembly in new[] { debug, release })
                if (Outcome.Of(() => Interpreted(Method(assembly), inputs)) is var actual && actual != expected)
                    return $"({string.Join(", ", inputs)})\n{Outcome.Difference("the CLR", expected, (assembly == debug ? "Debug" : "Release") + " code here", actual)}";
        }
        return null;

        MethodInfo Method(Assembly assembly) => assembly.GetType($"P{seed}")!.GetMethod("Run")!;
    }

    private static object? Interpreted(MethodInfo method, object[] inputs)
    {
        var interpreter = new Interpreter(new Tracer(), new Graph(), torch.nn.Identity());
        return interpreter.ToObject(interpreter.Run(method, Array.ConvertAll(inputs, value => interpreter.ToValue(value, value.GetType()))), method.ReturnType);
    }
}
