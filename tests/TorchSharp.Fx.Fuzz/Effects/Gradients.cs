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
