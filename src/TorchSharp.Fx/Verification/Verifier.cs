using static TorchSharp.torch;

namespace TorchSharp.Fx.Verification;

/// <summary>Runs a module and its graph in one mode, and compares.</summary>
internal sealed class Verifier<T> : IDisposable where T : nn.Module, IGraphModule
{
    private readonly T traced;
    private readonly nn.Module model;
    private readonly World world;
    private readonly bool isOtherMode;
    private readonly T? optimised;
    private readonly Exception? notOptimised;

    internal Verifier(T traced, nn.Module model, World world, bool isOtherMode)
    {
        (this.traced, this.model, this.world, this.isOtherMode) = (traced, model, world, isOtherMode);
        if (traced.training)
            return;
        try
        {
            optimised = traced.optimize_for_inference();
            world.Keep(optimised);
        }
        catch (Exception error)
        {
            notOptimised = error;
        }
    }

    public void Dispose() => optimised?.Dispose();

    internal IEnumerable<VerifiedRun> Run(object?[] inputs)
    {
        using var scope = NewDisposeScope();
        var described = OtherSizes.Describe(inputs);
        world.Restore();
        using var eager = EagerRun.Of(model, traced.graph, Copies(inputs), world);
        VerifiedRun[] runs =
        [
            Compare("graph", () => traced.Program.Run(Copies(inputs)), isFused: false),
            Compare("evaluator", () => new GraphInterpreter(traced).run(Copies(inputs)), isFused: false),
            .. notOptimised is not null
                ? [new VerifiedRun("optimised", traced.training, described, Agreement.different, double.PositiveInfinity,
                    $"there is no optimised copy: {FirstLine(notOptimised)}", null, null)]
                : optimised is not null ? new[] { Compare("optimised", () => optimised.Program.Run(Copies(inputs)), isFused: true) } : [],
        ];
        world.Restore();
        return runs;

        VerifiedRun Compare(string way, Func<object?> run, bool isFused)
        {
            world.Restore();
            var (agreement, difference) = Outcome(eager, run, isFused);
            world.Restore();
            var first = agreement != Agreement.different ? null
                : isFused && FirstDifference.Between(traced, optimised!, Copies(inputs), world) is { } node ? node
                : FirstDifference.Of(traced, eager, Copies(inputs));
            var detail = agreement == Agreement.different && isOtherMode
                ? $"{difference.Text} (the graph stands for the mode that it was traced in)" : difference.Text;
            return new(way, traced.training, described, agreement, difference.Size, agreement == Agreement.same
                && eager.Error is null ? "" : detail, first?.name, first?.origin);
        }
    }

    private (Agreement, Difference) Outcome(EagerRun eager, Func<object?> run, bool isFused)
    {
        try
        {
            var result = run();
            if (eager.Error is not null)
                return (Agreement.different,
                    new(double.PositiveInfinity, $"it gives a result where the module throws: {FirstLine(eager.Error)}"));
            var difference =
                Difference.Largest(
                    [traced.Program.ReturnsFeatures ? Difference.None : Difference.Between(eager.Result, result, isFused), isFused
                        ? Difference.None : Left(eager)]);
            return (difference.Counts ? Agreement.different : Agreement.same, difference);
        }
        catch (Exception error) when (eager.Error is not null)
        {
            return (Agreement.same, Difference.None with { Text = $"refuses as the module does: {FirstLine(error)}" });
        }
        catch (GraphAssertionException error)
        {
            return (Agreement.refused, Difference.None with { Text = FirstLine(error) });
        }
        catch (Exception error)
        {
            return (Agreement.different, new(double.PositiveInfinity, $"it throws {error.GetType().Name}: {FirstLine(error)}"));
        }
    }

    /// <summary>The content that the run left in parameters, buffers and the generator.</summary>
    private Difference Left(EagerRun eager)
    {
        var after = world.After();
        return Difference.Largest(
            eager.After.Select(entry => Difference.Between(entry.Value, after.GetValueOrDefault(entry.Key), where: entry.Key)));
    }

    /// <summary>A run may write into what it is given.</summary>
    private static object?[] Copies(object?[] inputs)
        => Array.ConvertAll(inputs, input => input is Tensor tensor ? tensor.detach().clone() : input);

    private static string FirstLine(Exception error) => error.Message.Split('\n')[0].TrimEnd();
}
