using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>The gradients of one call: of inputs and parameters by the results, eager's and the graph's.</summary>
internal static class Gradients
{
    internal static string? Difference(Scenario scenario, Observation eager)
    {
        using var recorded = enable_grad();
        var expected = Of(scenario, scenario.New(), Eager.Call);
        if (expected is null)
            return null;
        using var traced = new Traced(scenario);
        var actual = Of(scenario, traced.Module, _ => traced.GraphModule.call);
        return actual is null ? "backward throws for the graph only" : expected.Difference(actual, new(Tolerance: 1e-5));
    }

    /// <summary>The same of features at random nodes, each with the gradients that its value had at that moment.</summary>
    internal static string? OfFeatures(Scenario scenario, Observation eager)
    {
        using var recorded = enable_grad();
        var names = Extraction.Chosen(scenario);
        if (names.Length == 0)
            return null;
        using var traced = new Traced(scenario);
        var expected = Of(scenario, traced.Module, _ => inputs => InOrder(Extraction.Values(traced, names, inputs, Loss)));
        if (expected is null)
            return null;
        var model = scenario.New();
        using var extractor = feature_extraction.create_feature_extractor(model, names, tracer_kwargs: Traced.Kwargs(scenario), suppress_diff_warning: true);
        var actual = Of(scenario, model, _ => inputs =>
        {
            var features = extractor.call(inputs);
            return InOrder(names.ToDictionary(name => name, name => (object?)Loss(features.value<object>(name))));
        });
        model.Dispose();
        return actual is null ? $"[{string.Join(", ", names)}] backward throws for the extractor only" : expected.Difference(actual, new(Tolerance: 1e-5)) is { } difference ? $"[{string.Join(", ", names)}] {difference}" : null;
    }

    /// <summary>By name: each part of a loss weighs otherwise.</summary>
    private static SortedDictionary<string, object?> InOrder(Dictionary<string, object?> losses) => new(losses, StringComparer.Ordinal);

    /// <summary>Null where the call or backward throws: memory that backward needs was written to.</summary>
    private static Observation? Of(Scenario scenario, nn.Module module, Func<nn.Module, Func<object?[], object?>> call)
    {
        var leaves = new List<Tensor>();
        try
        {
            manual_seed(2);
            var result = call(module)(scenario.Inputs(0, value =>
            {
                leaves.Add(value.requires_grad_());
                return value * 1;
            }));
            Loss(result)?.backward();
        }
        catch (Exception thrown) when (thrown is not GraphAssertionException)
        {
            return null;
        }
        var seen = new Observation();
        foreach (var (number, leaf) in leaves.Index())
            seen.Add($"gradient of input {number}", leaf.grad);
        foreach (var (name, parameter) in module.named_parameters())
            seen.Add($"gradient of {name}", parameter.grad);
        return seen;
    }

    private static Tensor? Loss(object? result)
    {
        var parts = Tensors.In(result).Where(tensor => tensor.requires_grad).Select((tensor, i) => (tensor * (i + 1)).tanh().sum()).ToArray();
        return parts.Length == 0 ? null : stack(parts).sum();
    }
}
