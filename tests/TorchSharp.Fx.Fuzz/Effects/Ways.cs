using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>How each of the ways runs a program.</summary>
internal static class Ways
{
    internal static string? Evaluator(Scenario scenario, Observation eager)
    {
        using var traced = new Traced(scenario);
        var interpreter = new NotingInterpreter(traced);
        return eager.Difference(scenario.Run(interpreter.run, traced.Module, () => Eager.Taken(interpreter.Noted)), new());
    }

    /// <summary>A graph module that shares the parameters of what was traced.</summary>
    internal static Func<Scenario, Observation, string?> Of(Func<Traced, GraphModule> make, bool mayNotThrow = false) => (scenario, eager) =>
    {
        using var traced = new Traced(scenario);
        using var module = make(traced);
        return eager.Difference(scenario.Run(module.call, traced.Module), new(IsPartial: true, MayNotThrow: mayNotThrow));
    };

    /// <summary>A graph module with parameters of its own.</summary>
    internal static Func<Scenario, Observation, string?> Copy(Func<Traced, GraphModule> make, Comparison comparison) => (scenario, eager) =>
    {
        using var traced = new Traced(scenario);
        using var module = make(traced);
        return eager.Difference(scenario.Run(module.call, module), comparison with { IsPartial = true });
    };

    internal static Func<Scenario, Observation, string?> Passed(PassManager passes) => Of(traced =>
    {
        passes.call(traced.GraphModule);
        return traced.GraphModule;
    }, mayNotThrow: true);

    /// <summary>A folded graph is done with training, and with changes of what it folded: a caller that writes to a parameter it was given makes such.</summary>
    internal static string? Folded(Scenario scenario, Observation eager)
    {
        if (scenario.Training || scenario.WritesToResults)
            return null;
        using var traced = new Traced(scenario);
        traced.GraphModule.fold_constants();
        return eager.Difference(scenario.Run(traced.GraphModule.call, traced.Module), new(IsPartial: true, MayNotThrow: true, ComparesGradients: false));
    }

    /// <summary>Cuts a graph at two places, or anywhere.</summary>
    internal static Func<Node, object> Part(Traced traced)
    {
        var position = traced.Graph.nodes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        var (first, second) = (traced.Scenario.Choice("first cut", 100), traced.Scenario.Choice("second cut", 100));
        if (traced.Scenario.Choice("parts", 4) == 0)
            return node => (position[node] * (first + 1) + second) % 7 % 2;
        return node => position[node] * 100 / position.Count is var percent && percent < first ? 0 : percent < second ? 1 : 2;
    }

    internal static GraphModule Reloaded(Traced traced)
    {
        var file = Path.Combine(Path.GetTempPath(), $"{Path.GetRandomFileName()}.safetensors");
        try
        {
            Type[] own = [typeof(Couple), typeof(Wrapped)];
            fx.save(traced.GraphModule, file, own);
            return fx.load<GraphModule>(file, own);
        }
        finally
        {
            File.Delete(file);
        }
    }

    internal static string? Retraced(Scenario scenario, Observation eager)
    {
        using var traced = new Traced(scenario);
        using var again = fx.symbolic_trace(traced.GraphModule);
        return eager.Difference(scenario.Run(again.call, traced.Module), new(IsPartial: true));
    }

    internal static Func<Scenario, Observation, string?> InEvaluation(Func<Scenario, Observation, string?> difference)
        => (scenario, eager) => scenario.Training || scenario.HasGradients ? null : difference(scenario, eager);

    internal static Func<Scenario, Observation, string?> InCulture(string culture, Func<Scenario, Observation, string?> difference) => (scenario, eager) =>
    {
        var own = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
        try
        {
            return difference(scenario, eager);
        }
        finally
        {
            CultureInfo.CurrentCulture = own;
        }
    };

    /// <summary>A module that was traced still does what one does that wasn't.</summary>
    internal static string? Untouched(Scenario scenario, Observation eager)
    {
        using var traced = new Traced(scenario);
        return eager.Difference(scenario.Run(Eager.Call(traced.Module), traced.Module), new(IsPartial: true));
    }
}
