using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>The truth: the module itself runs, and hooks note inner values.</summary>
internal static class Eager
{
    internal static Observation Run(Scenario scenario)
    {
        var module = scenario.New();
        var noted = Note(module);
        var seen = scenario.Run(Call(module), module, () => Taken(noted));
        module.Dispose();
        return seen;
    }

    /// <summary>The module's own <c>call</c>.</summary>
    internal static Func<object?[], object?> Call(nn.Module module)
    {
        var call = module.GetType().GetMethods().Single(method => method.Name == "call");
        return inputs => call.Invoke(module, inputs);
    }

    /// <summary>What was noted since the last time.</summary>
    internal static object Taken(SortedDictionary<string, List<Tensor>> noted)
    {
        var taken = noted.ToDictionary(entry => entry.Key, entry => entry.Value.ToArray());
        noted.Clear();
        return taken;
    }

    private static SortedDictionary<string, List<Tensor>> Note(nn.Module module)
    {
        var noted = new SortedDictionary<string, List<Tensor>>(StringComparer.Ordinal);
        foreach (var (name, tap) in module.named_modules())
            if (tap is Identity identity)
                identity.register_forward_hook((_, _, value) =>
                {
                    Note(noted, name, value);
                    return value;
                });
        return noted;
    }

    internal static void Note(SortedDictionary<string, List<Tensor>> noted, string name, Tensor value)
    {
        if (!noted.TryGetValue(name, out var values))
            noted[name] = values = [];
        // The program may call it in a scope of its own.
        values.Add(value.detach().clone().DetachFromDisposeScope());
    }
}

/// <summary>The evaluator, which notes the same inner values.</summary>
internal sealed class NotingInterpreter(Traced traced) : GraphInterpreter(traced.Module, traced.Graph, traced.Constants)
{
    internal SortedDictionary<string, List<Tensor>> Noted { get; } = new(StringComparer.Ordinal);

    protected override object? call_module(Node node)
    {
        var value = base.call_module(node);
        if (node.target.name.StartsWith("tap", StringComparison.Ordinal))
            Eager.Note(Noted, node.target.name, (Tensor)value!);
        return value;
    }
}
