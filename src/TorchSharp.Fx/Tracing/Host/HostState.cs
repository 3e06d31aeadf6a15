using System.Collections;
using System.Collections.Frozen;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The changes that .NET's and TorchSharp's own code may make to objects of before the trace. Whatever is not known to read only, gets
/// copies of .NET's objects, which the rest of the trace uses in their place; where there can be no copy, and for modules, the call is
/// refused.
/// </summary>
internal static class HostState
{
    /// <summary>Methods that only read, by name: on whatever object it is called, and whatever else it is given.</summary>
    private static readonly FrozenSet<string> Reading = """
        Contains ContainsKey ContainsValue Exists TrueForAll ForEach ConvertAll TryGetValue TryGetNonEnumeratedCount GetValueOrDefault GetEnumerator ToArray ToList ToString Equals GetHashCode GetType
        CompareTo Peek TryPeek BinarySearch ElementAt GetRange Slice GetValue GetLength GetLongLength GetUpperBound GetLowerBound Clone IsSubsetOf IsSupersetOf IsProperSubsetOf IsProperSupersetOf Overlaps SetEquals
        IndexOf IndexOfAny LastIndexOf Find FindAll FindIndex FindLast FindLastIndex Get TryGetTarget HasAnySet HasAllSet TryGetInt64 IsMatch Match Matches AsEnumerable AsQueryable
        ThrowIfCancellationRequested SequenceEqual Any All Count First Last Single Sum Min Max Average ReferenceEquals IsNullOrEmpty Join Concat
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Properties that make what they give, or keep it, when they are read.</summary>
    private static readonly FrozenSet<string> Making =
        FrozenSet.Create(StringComparer.Ordinal, "get_Keys", "get_Values", "get_SyncRoot", "get_Value");

    /// <summary>Methods by which a TorchSharp module tells of itself.</summary>
    private static readonly FrozenSet<string> Telling = """
        parameters named_parameters buffers named_buffers children named_children modules named_modules get_parameter get_buffer has_parameter has_buffer state_dict values keys items CopyTo GetName call forward
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);

    private static readonly Memo<Type, bool> Overriding = new(Overrides);

    /// <summary>
    /// Before a call: copies what it may change. Whether the call has to be followed, as the user's own code is part of it.
    /// </summary>
    internal static bool Guard(in Invocation call)
    {
        var (interpreter, method, arguments) = call;
        if (call.Traits.Home == Home.TorchSharp)
            GuardModel(call);
        if (call.Traits.Home != Home.Platform || (Reading.Contains(method.Name) && method.DeclaringType != typeof(Monitor)))
            return false;
        if (IsProcess(method))
            throw Untraceable.SetsProcess(interpreter, method);
        var receivers = method.IsStatic ? 0 : 1;
        var isEnumerators = arguments is [{ Kind: ValueKind.Address }, ..] && method.Name is "MoveNext" or "Dispose" or "Reset";
        if (receivers == 1 && !isEnumerators && !(method.Name.StartsWith("get_", StringComparison.Ordinal) && IsReader(call)))
            arguments[0] = Isolated(call, arguments[0]);
        for (var i = receivers; i < arguments.Length; i++)
            if (IsWritable(call.Traits.OpenParameters[i - receivers].ParameterType))
                arguments[i] = Isolated(call, arguments[i]);
        return CallsUser(call);
    }

    /// <summary>
    /// Whether .NET's own method has to be followed: the object's type is the user's, and overrides what the method may call.
    /// </summary>
    internal static bool CallsUser(in Invocation call)
        => !call.Method.IsStatic && call.Traits.Home == Home.Platform && call.Traits.Code is not null
            && call.Arguments[0] is { Kind: ValueKind.Object, Reference: { } target }
            && Homes.Of(target.GetType()) == Home.User && Overriding.Of(target.GetType());

    /// <summary>Whether a member of .NET's only reads what it is called on, by its name.</summary>
    internal static bool IsReading(MethodBase method)
        => Reading.Contains(method.Name) || method.Name.StartsWith("get_", StringComparison.Ordinal);

    /// <summary>After a call: what it made is the trace's own. What it may have handed out of an older object is not.</summary>
    internal static void Note(in Invocation call, Value result)
    {
        var (interpreter, method, arguments) = call;
        if (result is { Kind: ValueKind.Object, Reference: IEnumerator items } && method.Name == nameof(IEnumerable.GetEnumerator))
            interpreter.Overlay.Own(items);
        if (result.Kind != ValueKind.Object || result.Reference is not { } made || call.Traits.Home != Home.Platform
            || !ContainerCopy.MayChange(made.GetType()))
            return;
        // What .NET keeps for the whole process, the console or the pools, is no part of the model.
        if (method.Name.StartsWith("get_", StringComparison.Ordinal) ? !method.IsStatic
            || made is Random : made.GetType().Name == "LinkedListNode`1" && !interpreter.Overlay.Owns(arguments[0].Reference))
            return;
        if (Opened(call.Traits) is { IsGenericParameter: false } type && type != typeof(object)
            && !Array.Exists(arguments, argument => ReferenceEquals(argument.Reference, made)))
            interpreter.Overlay.Own(made);
    }

    /// <summary>Getters read, but for those that make what they give; a <c>Lazy</c> that has its value only hands it out.</summary>
    private static bool IsReader(in Invocation call)
    {
        if (!Making.Contains(call.Method.Name))
            return true;
        var target = call.Interpreter.Overlay.Current(call.This);
        return call.Method.Name == "get_Value"
            && (target?.GetType().GetProperty("IsValueCreated") is not { } created || created.GetValue(target) is true);
    }

    /// <summary>Methods that set something of the whole process or thread.</summary>
    private static bool IsProcess(MethodBase method) => method.IsStatic
        ? method.Name is "SetEnvironmentVariable" or "SetSwitch" or "SetData"
            || (method.IsSpecialName && method.Name.StartsWith("set_", StringComparison.Ordinal))
        : method.DeclaringType == typeof(Thread) && method.Name.StartsWith("set_", StringComparison.Ordinal);

    /// <summary>The type that a method's declaration says it gives; an array hands out what was put into it.</summary>
    private static Type Opened(Traits traits) => traits.Method is MethodInfo { DeclaringType: not { IsArray: true } } method
        ? (method.Module.ResolveMethod(method.MetadataToken) as MethodInfo)?.ReturnType ?? method.ReturnType
        : typeof(object);

    /// <summary>Whether a parameter lets the callee change what it is given: not where it takes any type, or a sequence to read.</summary>
    private static bool IsWritable(Type declared)
    {
        if (declared.IsByRef || declared.IsGenericParameter || declared.IsValueType || declared == typeof(object)
            || declared == typeof(string) || typeof(Delegate).IsAssignableFrom(declared))
            return false;
        return declared != typeof(IEnumerable)
            && !(declared.IsInterface
                && declared.Name is "IEnumerable`1" or "IReadOnlyCollection`1" or "IReadOnlyList`1" or "IReadOnlyDictionary`2"
                    or "IReadOnlySet`1"
            or "IEqualityComparer`1" or "IComparer`1" or "IFormatProvider" or "IEqualityComparer" or "IComparer");
    }

    private static Value Isolated(in Invocation call, Value argument)
    {
        var overlay = call.Interpreter.Overlay;
        var real = argument.Kind == ValueKind.Address ? argument.Address.Load() : argument;
        if (real.Reference is not { } held || held is SpanModel || call.Interpreter.Symbols.TryGet(held, out _))
            return argument;
        if (argument.Kind == ValueKind.Address && real.Kind == ValueKind.Struct && held is ValueType
            && ContainerCopy.MayChange(held.GetType()) && ContainerCopy.HasStructure(held.GetType())
            && overlay.IsolatedStruct(held) is { } isolated)
            argument.Address.Store(Value.OfStruct(isolated));
        if (argument.Kind != ValueKind.Object || !ContainerCopy.MayChange(held.GetType()))
            return argument;
        return Value.OfObject(overlay.ForChange(held) ?? throw Untraceable.Outlives(call.Interpreter, call.Method, held.GetType()));
    }

    /// <summary>Modules, optimizers and the like: TorchSharp keeps their state in native code.</summary>
    private static void GuardModel(in Invocation call)
    {
        var (interpreter, method, _) = call;
        var target = call.This
            ?? (method.DeclaringType!.Name.EndsWith("ExtensionMethods", StringComparison.Ordinal) && call.Arguments is [var first, ..]
                ? first.Reference : null);
        if (target is null || interpreter.Overlay.Owns(target))
            return;
        var isKept = target is torch.nn.Module or torch.optim.Optimizer or torch.optim.lr_scheduler.LRScheduler;
        if (isKept && !method.IsConstructor && !method.Name.StartsWith("get_", StringComparison.Ordinal) && !Reading.Contains(method.Name)
            && !Telling.Contains(method.Name) && IsChange(method))
            throw Untraceable.ChangesModel(interpreter, method);
    }

    /// <summary>The protected helpers of a module that is followed only compute.</summary>
    private static bool IsChange(MethodBase method) => method.IsPublic || method.Name.StartsWith("Register", StringComparison.Ordinal);

    /// <summary>Whether a type of the user's has code that .NET's own, which it derives from, calls.</summary>
    private static bool Overrides(Type type)
        => type.GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Any(method => method.IsVirtual && Homes.Of(method.DeclaringType!) == Home.User
            && method.GetBaseDefinition() is { DeclaringType: { } first } && first != typeof(object) && first != method.DeclaringType
            && Homes.Of(first) == Home.Platform);
}
