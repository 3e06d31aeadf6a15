using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// The root of a graph that was traced from a function: the variables that a lambda captured stand where a module's children do.
/// </summary>
internal sealed class TracedFunction : nn.Module
{
    internal TracedFunction(object? target) : base(nameof(TracedFunction))
    {
        if (target is not null)
            Capture(target);
    }

    /// <summary>The captured variables by name; <c>this</c> is one of them where it is a module.</summary>
    internal Dictionary<string, object?> Captured { get; } = new(StringComparer.Ordinal);

    /// <summary>The compiler keeps a lambda's variables in an object, those of an outer block and <c>this</c> in a field of that.</summary>
    private void Capture(object closure)
    {
        foreach (var field in closure.GetType().GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            var value = field.GetValue(closure);
            var isThis = field.Name.EndsWith("__this", StringComparison.Ordinal);
            if (value is not null and not nn.Module && (isThis || field.Name.StartsWith("CS$<>", StringComparison.Ordinal)))
                Capture(value);
            else
                Captured.TryAdd(isThis ? "this" : ArgumentText.MemberName(field.Name), value);
        }
    }
}
