using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>Features at random nodes, in both modes in turn, against the values that the evaluator had there at that moment.</summary>
internal static class Extraction
{
    internal static string? Difference(Scenario scenario, Observation eager)
    {
        using var recorded = set_grad_enabled(scenario.HasGradients);
        var model = scenario.New();
        var names = Chosen(scenario);
        if (names.Length == 0)
            return null;
        using var extractor = feature_extraction.create_feature_extractor(model, names, tracer_kwargs: Traced.Kwargs(scenario), suppress_diff_warning: true);
        var expected = Run(scenario, Reference(scenario, names));
        var actual = Run(scenario, (training, inputs) =>
        {
            extractor.train(training);
            var features = extractor.call(inputs);
            return names.ToDictionary(name => name, features.value<object>);
        });
        model.Dispose();
        return expected.Difference(actual, new(MayNotThrow: true, ComparesGradients: scenario.HasGradients)) is { } difference ? $"[{string.Join(", ", names)}] {difference}" : null;
    }

    internal static string[] Chosen(Scenario scenario)
    {
        string[] both = [.. Names(scenario, training: true).Intersect(Names(scenario, training: false))];
        return both.Length == 0 ? [] : [.. Enumerable.Range(0, 1 + scenario.Choice("number", 3)).Select(i => both[scenario.Choice($"{(char)('a' + i)} name", both.Length)]).Distinct()];
    }

    /// <summary>Those that have a value, and are no module's, which would stand for what is inside.</summary>
    private static string[] Names(Scenario scenario, bool training)
    {
        using var traced = new Traced(scenario, scenario.New(training));
        return [.. traced.Names.Where(entry => entry.Key.type != typeof(void) && !traced.Names.Values.Any(other => other.StartsWith(entry.Value + ".", StringComparison.Ordinal))).Select(entry => entry.Value)];
    }

    private static Observation Run(Scenario scenario, Func<bool, object?[], object?> call)
    {
        var seen = new Observation();
        manual_seed(1);
        for (var number = 0; number < 3 && seen.Thrown is null; number++)
        {
            try
            {
                seen.Add($"features of call {number}", call(scenario.Training == (number != 1), scenario.Inputs(number)));
            }
            catch (Exception thrown)
            {
                seen.Thrown = thrown;
            }
        }
        return seen;
    }

    /// <summary>Both modes' graphs on one module, evaluated as far as the last of the names.</summary>
    private static Func<bool, object?[], object?> Reference(Scenario scenario, string[] names)
    {
        var model = scenario.New();
        return (training, inputs) =>
        {
            model.train(training);
            using var traced = new Traced(scenario, model, ownsModule: false);
            return Values(traced, names, inputs, Copied);
        };
    }

    /// <summary>What is made of the values of named nodes, each at its moment.</summary>
    internal static Dictionary<string, object?> Values(Traced traced, string[] names, object?[] inputs, Func<object?, object?> make)
    {
        var values = new Dictionary<string, object?>();
        var interpreter = new GraphInterpreter(traced.Module, traced.Graph, traced.Constants);
        var given = new Queue<object?>(inputs);
        foreach (var node in traced.Graph.nodes)
        {
            if (node.op == Opcode.placeholder)
                interpreter.Set(node, given.Dequeue());
            var value = node.op == Opcode.placeholder ? interpreter.Of(node) : interpreter.Step(node);
            if (traced.Names.TryGetValue(node, out var name) && names.Contains(name))
                values[name] = make(value);
            if (values.Count == names.Length)
                break;
        }
        return values;
    }

    private static object? Copied(object? value) => value switch
    {
        Tensor tensor => Copied(tensor),
        Tensor[] tensors => Array.ConvertAll(tensors, Copied),
        List<Tensor> tensors => tensors.ConvertAll(Copied),
        Dictionary<string, Tensor> tensors => tensors.ToDictionary(entry => entry.Key, entry => Copied(entry.Value)),
        (Tensor a, List<Tensor> b) => (Copied(a), b.ConvertAll(Copied)),
        Couple couple => couple with { First = Copied(couple.First), Second = Copied(couple.Second) },
        (Tensor a, Tensor b) => (Copied(a), Copied(b)),
        _ => value,
    };

    /// <summary>A copy that asks for gradients if the tensor does, whatever is recorded just now.</summary>
    private static Tensor Copied(Tensor tensor) => tensor.detach().clone().requires_grad_(tensor.requires_grad);
}
