using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz;

/// <summary>
/// Generated modules, traced by symbols, with examples of two shapes and with a free dimension: both ways to run a graph give eager's bits, and Debug and Release code give the same graph.
/// </summary>
[Collection(nameof(Alone))]
public sealed class ModuleTests
{
    private static readonly long[][] Shapes = [[3, 4], [2, 6], [5, 4], [3, 1]];

    /// <summary>How a module is traced, and the entries of the catalogue that it may be refused with.</summary>
    private static readonly Mode[] Modes =
    [
        new("symbols", null, [], ["FX001", "FX002", "FX003", "FX010", "FX014", "FX015"]),
        new("the example 3 x 4", () => Input(Shapes[0]), Shapes[0], []),
        new("the example 2 x 6", () => Input(Shapes[1]), Shapes[1], []),
        new("the example N x 4", () => InputShape.Parse("Nx4"), [], ["FX019"]),
    ];

    private readonly Dictionary<string, int> refusals = [];

    [Fact]
    public void Graphs_give_what_the_modules_give()
    {
        manual_seed(1);
        new Campaign(GetType(), programs: 40, new CSharpKind(ModuleProgram.Write, Difference)).Run();
        TestContext.Current.TestOutputHelper?.WriteLine($"Refused in both builds: {string.Join(", ", refusals.Select(refusal => $"{refusal.Value} {refusal.Key}"))}.");
    }

    private string? Difference(int seed, Builds builds)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var eager = builds.Assemblies.Select(assembly => Shapes.ToDictionary(shape => shape, shape => Outcome.Of(() => ModuleProgram.New(seed, assembly).call(Input(shape))))).ToArray();
        foreach (var mode in Modes)
        {
            using var debug = new TracedModule(ModuleProgram.New(seed, builds.Assemblies[0]), mode.Example?.Invoke());
            using var release = new TracedModule(ModuleProgram.New(seed, builds.Assemblies[1]), mode.Example?.Invoke());
            if ((Wrong(mode, debug, eager[0]) ?? Wrong(mode, release, eager[1]) ?? Unequal(debug, release)) is { } difference)
                return $"traced by {mode.Name}: {difference}";
        }
        return null;
    }

    private static Tensor Input(long[] shape) => arange(shape[0] * shape[1], dtype: float32).reshape(shape) / 3 - 1;

    private string? Wrong(Mode mode, TracedModule traced, Dictionary<long[], string> eager)
    {
        if (traced.Refusal is { } refusal)
        {
            refusals[$"{refusal.code} by {mode.Name}"] = refusals.GetValueOrDefault($"{refusal.code} by {mode.Name}") + 1;
            return mode.Refusals.Contains(refusal.code) ? null : refusal.Message;
        }
        if (traced.Thrown is { } thrown)
            return eager.Any(run => run.Value == $"throws {thrown}" && (mode.Shape.Length == 0 || run.Key == mode.Shape)) ? null : $"the trace throws {thrown}, the module gives {eager.First().Value}";
        foreach (var (shape, expected) in eager)
            foreach (var (name, run) in traced.Runs)
                if (Given(run, shape) is var actual && actual != expected && !(actual is null && MayAssert(mode, shape, expected)))
                    return $"with {string.Join(" x ", shape)}\n{Outcome.Difference("the module", expected, name, actual ?? "says that the graph is not for this input")}\n{traced.Graph}";
        return null;
    }

    /// <summary>By symbols a graph holds for all inputs but those that the module itself throws for; with an example it holds for the example's shape.</summary>
    private static bool MayAssert(Mode mode, long[] shape, string expected)
        => expected.StartsWith("throws", StringComparison.Ordinal) || (mode.Example is not null && shape != mode.Shape);

    private static string? Unequal(TracedModule debug, TracedModule release)
    {
        var (ofDebug, ofRelease) = (debug.ToPlainText(), release.ToPlainText());
        return ofDebug == ofRelease ? null : "\n" + Outcome.Difference("Debug code", ofDebug, "Release code", ofRelease);
    }

    /// <summary>What a graph gives; null if it says that it is not for this input.</summary>
    private static string? Given(Func<Tensor, object?> run, long[] shape)
    {
        var isOther = false;
        var outcome = Outcome.Of(() =>
        {
            try
            {
                return run(Input(shape));
            }
            catch (Exception exception) when (exception is GraphAssertionException || exception.InnerException is GraphAssertionException)
            {
                isOther = true;
                return null;
            }
        });
        return isOther ? null : outcome;
    }

    private sealed record Mode(string Name, Func<object>? Example, long[] Shape, string[] Refusals);
}
