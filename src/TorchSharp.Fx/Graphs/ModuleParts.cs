using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// The parts of an object in which modules may lie, each under a name that no other part of it has. The paths that a trace records are made
/// of these names, and they are looked up by them, so that a path leads back to the object that it was made for.
/// </summary>
internal static class ModuleParts
{
    private static readonly Memo<Type, FieldInfo[]> Fields = new(type => [.. ModuleHierarchy.FieldsOf(type)]);

    private static readonly Memo<Type, bool> Lists =
        new(type => typeof(ICollection).IsAssignableFrom(type)
            || (Homes.Of(type) == Home.Platform && typeof(IEnumerable).IsAssignableFrom(type)
        && type.GetInterfaces()
            .Any(face => face.IsGenericType && face.GetGenericTypeDefinition() is var open
                && (open == typeof(ICollection<>) || open == typeof(IReadOnlyCollection<>)))));

    /// <summary>
    /// Objects of .NET's own that hold one other: the property that has it, and the one that tells whether it is there already.
    /// </summary>
    private static readonly Dictionary<Type, (string Property, string? IsThere)> Holders = new()
    {
        [typeof(KeyValuePair<,>)] = ("Value", null), [typeof(Lazy<>)] = ("Value", "IsValueCreated"),
        [typeof(ThreadLocal<>)] = ("Value", "IsValueCreated"), [typeof(AsyncLocal<>)] = ("Value", null),
    };

    /// <summary>Whether an object of a type may lead to a module: a list of numbers does not, however long.</summary>
    private static readonly Memo<Type, bool> Leads = new(MayLead);

    internal static IEnumerable<(string Name, object? Value)> Of(object? holder)
    {
        if (holder is null || !Leads.Of(holder.GetType()))
            return [];
        var parts = Named(holder);
        return holder is nn.Module or IDictionary || (holder is ICollection && Homes.Of(holder.GetType()) == Home.User)
            ? Unique(parts) : parts;
    }

    private static bool MayLead(Type type)
    {
        if (type.IsPrimitive || type.IsEnum || type.IsPointer || type == typeof(string) || typeof(MemberInfo).IsAssignableFrom(type))
            return false;
        if (type.GetElementType() is { } element)
            return MayLead(element);
        return !type.IsGenericType || Homes.Of(type) != Home.Platform || typeof(Delegate).IsAssignableFrom(type)
            || Array.Exists(type.GetGenericArguments(), MayLead);
    }

    private static IEnumerable<(string Name, object? Value)> Named(object? holder) => holder switch
    {
        null or Tensor => [],
        TracedFunction function => function.Captured.Select(entry => (entry.Key, entry.Value)),
        nn.Module module => [.. Registered(module), .. OfFields(module)],
        Delegate callee => OfDelegate(callee),
        IDictionary dictionary => [.. Entries(dictionary), .. OfFields(holder)],
        _ when Lists.Of(holder.GetType()) => [.. Items((IEnumerable)holder), .. OfFields(holder)],
        _ when Held(holder) is { } held => [held],
        _ => OfFields(holder),
    };

    /// <summary>A name that comes up again, for another object, gets a number; the same object needs no second name.</summary>
    private static IEnumerable<(string Name, object? Value)> Unique(IEnumerable<(string Name, object? Value)> parts)
    {
        var all = parts.ToArray();
        var names = all.Select(part => part.Name).ToHashSet(StringComparer.Ordinal);
        var given = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (name, value) in all)
        {
            var free = name;
            for (var number = 1; given.ContainsKey(free) || (number > 1 && names.Contains(free)); number++)
                free = string.Create(CultureInfo.InvariantCulture, $"{name}_{number}");
            if (free != name && value is not null && ReferenceEquals(given[name], value))
                continue;
            given.Add(free, value);
            yield return (free, value);
        }
    }

    private static IEnumerable<(string Name, object? Value)> Registered(nn.Module module)
        => module.named_children().Select(child => (child.name, (object?)child.module))
            .Concat(module.named_parameters(false).Select(entry => (entry.name, (object?)entry.parameter)))
            .Concat(module.named_buffers(false).Select(entry => (entry.name, (object?)entry.buffer)));

    /// <summary>
    /// The fields of the user's own classes and of tuples. Of TorchSharp's containers the modules and parameters in their lists count, as
    /// some may not be registered.
    /// </summary>
    private static IEnumerable<(string Name, object? Value)> OfFields(object holder)
    {
        foreach (var field in Fields.Of(holder.GetType()))
            if (Homes.Of(field.DeclaringType!) == Home.User || holder is ITuple)
                yield return (ArgumentText.MemberName(field.Name), field.GetValue(holder));
            else if (holder is nn.Module && typeof(IEnumerable).IsAssignableFrom(field.FieldType)
                && field.GetValue(holder) is ICollection items)
                foreach (var (name, item) in Named(items))
                    if (item is nn.Module or Tensor)
                        yield return (name, item);
    }

    private static IEnumerable<(string Name, object? Value)> Items(IEnumerable items)
        => items.Cast<object?>().Select((item, i) => (i.ToString(CultureInfo.InvariantCulture), item));

    private static IEnumerable<(string Name, object? Value)> Entries(IDictionary dictionary)
    {
        foreach (DictionaryEntry entry in dictionary)
            yield return (KeyText.Of(entry.Key), entry.Value);
    }

    private static IEnumerable<(string Name, object? Value)> OfDelegate(Delegate callee) => callee.HasSingleTarget
        ? [("Target", callee.Target)]
        : callee.GetInvocationList().Select((single, i) => (i.ToString(CultureInfo.InvariantCulture), (object?)single));

    private static (string, object?)? Held(object holder)
    {
        var type = holder.GetType();
        if (!type.IsGenericType || !Holders.TryGetValue(type.GetGenericTypeDefinition(), out var known))
            return null;
        var isThere = known.IsThere is null || (bool)type.GetProperty(known.IsThere)!.GetValue(holder)!;
        return (known.Property, isThere ? type.GetProperty(known.Property)!.GetValue(holder) : null);
    }
}
