using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>Generated modules with effects: whatever can be made of their graphs does what the modules do, results, state and draws.</summary>
[Collection(nameof(Alone))]
public sealed class EffectTests
{
    private readonly SortedDictionary<string, int> counts = new(StringComparer.Ordinal);
    private readonly Dictionary<int, string> code = [];

    [Fact]
    public void Graphs_have_the_effects_of_their_modules()
    {
        var threads = get_num_threads();
        set_num_threads(1);
        try
        {
            new Campaign(GetType(), programs: 150, new CSharpKind(Write, Difference, EffectBuilds.TryCompile)).Run();
        }
        finally
        {
            set_num_threads(threads);
        }
        Assert.True(counts.Where(entry => entry.Key.StartsWith("evaluator refused", StringComparison.Ordinal)).Sum(entry => entry.Value) <= counts.GetValueOrDefault("evaluator") / 3, "More than a third of the programs are refused: " + string.Join(", ", counts));
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join("\n", counts.Select(entry => $"{entry.Value} {entry.Key}")));
    }

    private string Write(int seed) => code[seed] = EffectProgram.Write(seed);

    private string? Difference(int seed, Builds builds)
    {
        using var scope = NewDisposeScope();
        // Odd programs are those of the Release compiler.
        var scenario = new Scenario(seed, builds.Assemblies[seed & 1], returnsOwn: code[seed].Contains("raw", StringComparison.Ordinal));
        var eager = Eager.Run(scenario);
        if (eager.Thrown is not null)
            Count($"eager throws {Observation.Text(eager.Thrown)}");
        foreach (var way in Way.All.Where(way => way.IsFor(seed) && !KnownDifference.Covers(way.Name, code[seed])))
        {
            using var inner = NewDisposeScope();
            if (Tried(way, scenario, eager) is { } difference)
                return $"\n  {way.Name}: {difference}";
        }
        return null;
    }

    private string? Tried(Way way, Scenario scenario, Observation eager)
    {
        Count(way.Name);
        try
        {
            return way.Difference(scenario, eager);
        }
        catch (TraceException refusal)
        {
            return Count($"{way.Name} refused with {refusal.code}");
        }
        catch (Exception refusal) when (way.Refusal?.IsInstanceOfType(refusal) is true)
        {
            return Count($"{way.Name} refused with {refusal.GetType().Name}");
        }
        catch (GraphAssertionException refusal)
        {
            return Count($"{way.Name} refused with {refusal.GetType().Name}");
        }
        // Where eager throws, so may what runs the program to see its shapes.
        catch (Exception thrown) when (thrown is TracedProgramException or NodeExecutionException && (eager.Thrown is not null || (thrown is TracedProgramException && way.HasBothModes)))
        {
            return null;
        }
        catch (Exception thrown)
        {
            return $"throws {thrown.GetType().Name}: {thrown.Message.Split('\n')[0]} {thrown.InnerException?.Message.Split('\n')[0]}{(Observation.ShowsStacks ? $"\n{thrown}" : "")}";
        }
    }

    private string? Count(string what)
    {
        counts[what] = counts.GetValueOrDefault(what) + 1;
        return null;
    }
}
