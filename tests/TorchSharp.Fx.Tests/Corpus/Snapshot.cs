using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Corpus;

/// <summary>All that a module reaches by its fields, and the static fields of this assembly's types on the way: a line a place, with the identity or the content found there.</summary>
internal sealed class Snapshot
{
    private readonly List<string> lines = [];
    private readonly HashSet<object> seen = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Type> types = [];

    private Snapshot(object root) => Visit("this", root);

    internal static IReadOnlyList<string> Of(object root) => new Snapshot(root).lines;

    private void Visit(string path, object? value)
    {
        lines.Add($"{path} = {Describe(value)}");
        if (value is null or string or Tensor or Delegate or Type or Pointer || value.GetType().IsPrimitive || value.GetType().IsEnum || (!value.GetType().IsValueType && !seen.Add(value)))
            return;
        if (value is ICollection collection)
            foreach (var (index, item) in collection.Cast<object?>().Index())
                Visit($"{path}[{index}]", item);
        else
            for (var type = value.GetType(); type is not null && type != typeof(object); type = type.BaseType)
                VisitFields(path, value, type);
    }

    private void VisitFields(string path, object value, Type type)
    {
        var ours = type.Assembly == typeof(Snapshot).Assembly;
        if (!ours && value is not nn.Module && value is not ITuple && value is not DictionaryEntry && type.Name != "KeyValuePair`2")
            return;
        foreach (var field in type.GetFields(BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            Visit($"{path}.{field.Name}", field.GetValue(value));
        // The compiler's own static fields cache delegates.
        if (ours && types.Add(type) && !type.ContainsGenericParameters)
            foreach (var field in type.GetFields(BindingFlags.DeclaredOnly | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
                if (!field.Name.StartsWith('<') && !field.IsLiteral)
                    Visit($"{type.Name}.{field.Name}", field.GetValue(null));
    }

    private static string Describe(object? value) => value switch
    {
        null => "null",
        Tensor { IsInvalid: true } tensor => $"disposed {RuntimeHelpers.GetHashCode(tensor)}",
        Tensor tensor => $"{RuntimeHelpers.GetHashCode(tensor)}: [{string.Join(", ", tensor.shape)}] {Convert.ToHexString(tensor.detach().cpu().contiguous().bytes)}",
        ICollection collection => $"{collection.GetType().Name} {RuntimeHelpers.GetHashCode(collection)} of {collection.Count}",
        _ when value.GetType().IsValueType || value is string => $"{value}",
        _ => $"{value.GetType().Name} {RuntimeHelpers.GetHashCode(value)}",
    };
}
