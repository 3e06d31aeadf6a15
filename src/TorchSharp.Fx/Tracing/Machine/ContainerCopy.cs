using System.Collections.Frozen;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Copies an object of .NET's own with what it is made of: the arrays, nodes and tables behind a collection, the state of a generator. What
/// the program put into it is content and stays the same objects: a type parameter, <c>object</c> or an interface in the declaration of a
/// field tells content from structure.
/// </summary>
/// <param name="known">What stands for an object already; null where nothing does.</param>
/// <param name="wrap">What becomes of a delegate that the object will call.</param>
internal sealed class ContainerCopy(Func<object, object?> known, Func<Delegate, Delegate> wrap)
{
    private const BindingFlags Declared = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly MethodInfo MemberwiseCopy =
        typeof(object).GetMethod(nameof(MemberwiseClone), BindingFlags.Instance | BindingFlags.NonPublic)!;

    /// <summary>Objects that never change, belong to the process, or are only compared.</summary>
    private static readonly Type[] Shared =
        [typeof(string), typeof(Delegate), typeof(MemberInfo), typeof(Assembly), typeof(Thread), typeof(Task), typeof(Exception),
            typeof(System.Globalization.CultureInfo), typeof(System.Text.Encoding), typeof(IFormatProvider)];

    /// <summary>The interfaces under which a collection keeps another one that it writes to.</summary>
    private static readonly FrozenSet<string> Inner =
        FrozenSet.Create(StringComparer.Ordinal, "IList`1", "ICollection`1", "IDictionary`2", "ISet`1", "IList", "ICollection",
            "IDictionary", "IProducerConsumerCollection`1");

    private static readonly Memo<Type, FieldInfo[]> Structural = new(FindStructural);
    private static readonly Memo<Type, bool> Mutable = new(FindMutable);
    private static readonly Memo<Type, bool> Native = new(HasNativeHalf);

    private readonly Dictionary<object, object> copies = new(ReferenceEqualityComparer.Instance);
    private readonly Queue<object> open = new();

    /// <summary>The copies made, by original.</summary>
    internal Dictionary<object, object> Made => copies;

    /// <summary>Whether objects of the type are .NET's own, at least in a base class, and may change.</summary>
    internal static bool MayChange(Type type) => Mutable.Of(type);

    /// <summary>Whether a struct refers to objects that a method of it may change.</summary>
    internal static bool HasStructure(Type type) => Structural.Of(type).Length > 0;

    /// <summary>The copy; null where there can be none, since part of the object's state is outside of .NET.</summary>
    internal object? Of(object original)
    {
        var copy = Copied(original);
        if (copy is ValueType && !Fields(copy))
            return null;
        while (copy is not null && open.TryDequeue(out var next))
            if (next is Array array ? !Elements(array) : !Fields(next))
                return null;
        return copy;
    }

    private object? Copied(object original)
    {
        if (copies.TryGetValue(original, out var done))
            return done;
        if (known(original) is { } stands)
            return stands;
        if (KnownCopies.Has(original.GetType()))
            return KnownCopies.Of(original) is { } special ? copies[original] = special : null;
        if (Native.Of(original.GetType()))
            return null;
        var copy = original is Array array ? array.Clone() : MemberwiseCopy.Invoke(original, null)!;
        // A struct lies within what holds it, which sees to its fields.
        if (original is ValueType)
            return copy;
        copies[original] = copy;
        open.Enqueue(copy);
        return copy;
    }

    private bool Fields(object copy)
    {
        foreach (var field in Structural.Of(copy.GetType()))
        {
            if (field.GetValue(copy) is not { } held)
                continue;
            if (held is Delegate callee)
                field.SetValue(copy, wrap(callee));
            else if (!IsStructure(held.GetType()))
                continue;
            else if (Copied(held) is not { } inner || (held is ValueType && !Fields(inner)))
                return false;
            else
                field.SetValue(copy, inner);
        }
        return true;
    }

    private bool Elements(Array array)
    {
        var element = array.GetType().GetElementType()!;
        if (array.Rank > 1 || !IsStructure(element) || (element.IsValueType && !HasStructure(element)))
            return true;
        for (var i = 0; i < array.Length; i++)
        {
            if (array.GetValue(i) is not { } held)
                continue;
            if (Copied(held) is not { } inner || (held is ValueType && !Fields(inner)))
                return false;
            array.SetValue(inner, i);
        }
        return true;
    }

    private static bool IsStructure(Type type)
        => type.IsArray
            || (Homes.Of(type) == Home.Platform && !type.IsPrimitive && !type.IsEnum
                && !Array.Exists(Shared, shared => shared.IsAssignableFrom(type)) && type != typeof(object));

    /// <summary>
    /// The fields of .NET's classes whose declared type is a class, an array or a struct, rather than a parameter, an interface or object.
    /// </summary>
    private static FieldInfo[] FindStructural(Type type)
    {
        var found = new List<FieldInfo>();
        for (var level = type; level is not null && level != typeof(object) && !level.IsArray; level = level.BaseType)
            if (Homes.Of(level) == Home.Platform)
            {
                var opened = (level.IsGenericType ? level.GetGenericTypeDefinition() : level).GetFields(Declared)
                    .ToDictionary(field => field.MetadataToken);
                found.AddRange(level.GetFields(Declared).Where(field => IsPart(opened[field.MetadataToken].FieldType)));
            }
        return [.. found];
    }

    private static bool IsPart(Type declared)
        => declared.IsInterface ? Inner.Contains(declared.Name) : declared.IsArray ? !declared.GetElementType()!.IsArray
            || IsPart(declared.GetElementType()!)
        : typeof(Delegate).IsAssignableFrom(declared) || (!declared.IsGenericParameter && !declared.IsPointer && IsStructure(declared)
            && (!declared.IsValueType
                || HasStructure(declared.IsGenericTypeDefinition
                    || declared.ContainsGenericParameters ? declared.GetGenericTypeDefinition() : declared)));

    private static bool FindMutable(Type type)
    {
        if (type.IsArray)
            return true;
        for (var level = type; level is not null && level != typeof(object) && level != typeof(ValueType); level = level.BaseType)
            if (Homes.Of(level) == Home.Platform)
                return IsStructure(level) && level.Namespace is not ("System.Collections.Frozen" or "System.Text.RegularExpressions")
                    && !IsImmutable(level)
                    && !typeof(System.Collections.IEqualityComparer).IsAssignableFrom(level)
                    && !typeof(System.Collections.IComparer).IsAssignableFrom(level)
                    && level.FullName is not ("System.Version" or "System.Uri" or "System.Attribute" or "System.EventArgs")
                    && !typeof(ITuple).IsAssignableFrom(level);
        return false;
    }

    private static bool IsImmutable(Type type)
        => type.Namespace == "System.Collections.Immutable" && !type.Name.StartsWith("Builder", StringComparison.Ordinal)
            && !type.Name.StartsWith("Enumerator", StringComparison.Ordinal);

    /// <summary>An object with a finalizer keeps something that a copy would share, and free a second time.</summary>
    private static bool HasNativeHalf(Type type)
    {
        for (var level = type; level is not null && level != typeof(object); level = level.BaseType)
            if (level.GetMethod("Finalize", Declared, Type.EmptyTypes) is not null
                || level == typeof(System.Runtime.ConstrainedExecution.CriticalFinalizerObject))
                return true;
        return false;
    }
}
