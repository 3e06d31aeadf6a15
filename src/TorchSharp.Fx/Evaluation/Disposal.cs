using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>Disposes the tensors of values that are no longer needed, but none that something live holds.</summary>
internal static class Disposal
{
    private static readonly Memo<Type, FieldInfo[]> StateFields =
        new(type => [.. ModuleHierarchy.FieldsOf(type).Where(field => TensorTypes.MayHold(field.FieldType) && !IsHook(field))]);

    internal static void Release(Tensor? dead) => dead?.Dispose();

    internal static void Release(Tensor? dead, Tensor? live)
    {
        if (!ReferenceEquals(dead, live))
            dead?.Dispose();
    }

    internal static void Release(object? dead, object?[] live)
    {
        if (!IsPlain(dead) || !Array.TrueForAll(live, IsPlain))
            ReleaseAll(dead, live);
        else if (dead is Tensor one)
            ReleaseOne(one, live);
        else
            foreach (var item in (IEnumerable<Tensor?>)dead!)
                ReleaseOne(item, live);
    }

    /// <summary>A tensor or a list of them, as nearly every value of a graph is. To look through others takes microseconds.</summary>
    internal static bool IsPlain(object? value) => value is Tensor or Tensor[] or List<Tensor>;

    private static void ReleaseOne(Tensor? dead, object?[] live)
    {
        foreach (var value in live)
            if (ReferenceEquals(value, dead) || (value is IEnumerable<Tensor?> several && several.Any(item => ReferenceEquals(item, dead))))
                return;
        dead?.Dispose();
    }

    private static void ReleaseAll(object? dead, object?[] live)
    {
        var items = TensorsIn(dead).ToArray();
        if (items.Length == 0)
            return;
        var held = new HashSet<object>(Live(live), ReferenceEqualityComparer.Instance);
        foreach (var item in items)
            if (!held.Contains(item))
                item.Dispose();
    }

    /// <summary>Everything with memory of its own that is one of these values, or in one, or is kept by one that is a module.</summary>
    internal static IEnumerable<object> Live(IEnumerable<object?> values)
    {
        foreach (var value in values)
            foreach (var item in value is nn.Module module ? State([module]) : Inside(value))
                yield return item;
    }

    /// <summary>The tensors in a value, also those of objects that keep theirs.</summary>
    internal static IEnumerable<object> Inside(object? value)
        => value switch
        {
            Tensor => [value],
            _ when IsPlain(value) => ((IEnumerable<Tensor?>)value!).OfType<Tensor>(),
            _ => Structure.LeavesOf(value, TensorTypes.MayHold).Where(IsItem),
        };

    /// <summary>
    /// The tensors that a value owns: itself, or those in a collection, tuple, struct or record. Other objects keep theirs.
    /// </summary>
    internal static IEnumerable<IDisposable> TensorsIn(object? value)
        => value is Tensor tensor ? [tensor] : Structure.LeavesOf(value, Owns).Where(IsItem).Cast<IDisposable>();

    /// <summary>
    /// Tensors that modules keep between calls and may return: a parameter, a buffer, a cache in a field.
    /// </summary>
    internal static IEnumerable<object> State(IEnumerable<nn.Module> modules)
    {
        var open = new Stack<nn.Module>(modules);
        var entered = new HashSet<nn.Module>(ReferenceEqualityComparer.Instance);
        while (open.TryPop(out var next))
        {
            if (!entered.Add(next))
                continue;
            foreach (var child in next.children())
                open.Push(child);
            foreach (var registered in next.parameters(recurse: false).Concat<object>(next.buffers(recurse: false)))
                yield return registered;
            foreach (var leaf in StateFields.Of(next.GetType())
                .SelectMany(field => Structure.LeavesOf(field.GetValue(next), TensorTypes.MayHold)))
                if (leaf is nn.Module inside)
                    open.Push(inside);
                else if (IsItem(leaf))
                    yield return leaf;
        }
    }

    /// <summary>TorchSharp's lists of hooks hold delegates.</summary>
    private static bool IsHook(FieldInfo field)
        => typeof(Delegate).IsAssignableFrom(field.FieldType)
            || (field.Name.EndsWith("hooks", StringComparison.Ordinal) && Homes.Of(field.DeclaringType!) == Home.TorchSharp);

    /// <summary>Whether it has native memory that someone owns.</summary>
    internal static bool IsItem(object leaf) => leaf is Tensor or nn.utils.rnn.PackedSequence;

    private static bool Owns(Type type)
        => TensorTypes.MayHold(type)
            && (Structure.KindOf(type) != StructureKind.Object || type.IsValueType || type.GetMethod("<Clone>$") is not null);
}
