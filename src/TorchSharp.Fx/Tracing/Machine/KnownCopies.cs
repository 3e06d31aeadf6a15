using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>Copies of the few objects with a finalizer, or with state elsewhere, that can be made again by their own members.</summary>
internal static class KnownCopies
{
    private static readonly Dictionary<Type, MethodInfo> Makers = new()
    {
        [typeof(ConditionalWeakTable<,>)] = Maker(nameof(Table)),
        [typeof(ThreadLocal<>)] = Maker(nameof(PerThread)),
        [typeof(AsyncLocal<>)] = Maker(nameof(PerFlow)),
        [typeof(WeakReference<>)] = Maker(nameof(Weak)),
    };

    internal static bool Has(Type type) => type.IsGenericType && Makers.ContainsKey(type.GetGenericTypeDefinition());

    /// <summary>The copy; null where this object can't be made again.</summary>
    internal static object? Of(object original)
        => Makers[original.GetType().GetGenericTypeDefinition()].MakeGenericMethod(original.GetType().GetGenericArguments())
            .Invoke(null, BindingFlags.DoNotWrapExceptions, null, [original], null);

    private static MethodInfo Maker(string name) => typeof(KnownCopies).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!;

    private static ConditionalWeakTable<TKey, TValue> Table<TKey, TValue>(ConditionalWeakTable<TKey, TValue> original) where TKey : class
        where TValue : class
    {
        var copy = new ConditionalWeakTable<TKey, TValue>();
        foreach (var (key, value) in original)
            copy.Add(key, value);
        return copy;
    }

    /// <summary>One whose value is yet to be made is made by the program's own function, which could write to anything.</summary>
    private static ThreadLocal<T>? PerThread<T>(ThreadLocal<T> original)
    {
        var makes = typeof(ThreadLocal<T>).GetField("_valueFactory",
            BindingFlags.Instance | BindingFlags.NonPublic)?.GetValue(original) is not null;
        if (!original.IsValueCreated && makes)
            return null;
        var copy = new ThreadLocal<T>();
        if (original.IsValueCreated)
            copy.Value = original.Value!;
        return copy;
    }

    /// <summary>One that tells of its changes would do so for real.</summary>
    private static AsyncLocal<T>? PerFlow<T>(AsyncLocal<T> original)
        => typeof(AsyncLocal<T>).GetFields(BindingFlags.Instance | BindingFlags.NonPublic)
            .Any(field => field.GetValue(original) is not null) ? null : new() { Value = original.Value! };

    private static WeakReference<T> Weak<T>(WeakReference<T> original) where T : class?
    {
        original.TryGetTarget(out var target);
        return new(target!);
    }
}
