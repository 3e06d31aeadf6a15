using System.Collections;
using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The state of a graph at the border of its trace. At the beginning the objects that hold it are taken apart: the trace gets copies of its
/// own, in which nodes stand for tensors and numbers. At the end, what is another one there is put back by nodes. See
/// <c>docs/decisions/state.md</c>.
/// </summary>
internal sealed partial class StateBorder(Interpreter interpreter, StatePlan plan)
{
    private readonly List<Whole> wholes = [];
    private readonly Dictionary<object, object> copies = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Slot, StatePlace> missing = [];
    private readonly Dictionary<object, Action> unseen = new(ReferenceEqualityComparer.Instance);
    private readonly List<Node> read = [];

    /// <summary>
    /// Whether a field of the type may be a part of the state: flags and texts tell what was done already, and that is to be done again by
    /// each run.
    /// </summary>
    internal static bool MayKeep(Type type) => TensorTypes.MayHold(type) || IsNumber(type);

    internal static bool IsNumber(Type type) => type.IsPrimitive && type != typeof(bool) && type != typeof(char);

    /// <summary>The fields of a module that are the user's and hold no module.</summary>
    internal static IEnumerable<FieldInfo> FieldsOf(torch.nn.Module module)
        => ModuleHierarchy.FieldsOf(module.GetType())
            .Where(field => Homes.Of(field.DeclaringType!) == Home.User && !typeof(torch.nn.Module).IsAssignableFrom(field.FieldType));

    /// <summary>
    /// The parts of an object among which state is looked for: a property of a dictionary would be made by asking for it.
    /// </summary>
    internal static IEnumerable<object?> PartsOf(object whole) => whole switch
    {
        _ when !TensorTypes.MayHold(whole.GetType()) => [],
        _ when IsPlain(whole.GetType()) || IsLine(whole.GetType()) => whole is IDictionary dictionary
            ? Entries(dictionary).Select(entry => entry.Value) : ((ICollection)whole).Cast<object?>(),
        _ => Structure.KindOf(whole.GetType()) is StructureKind.Object or StructureKind.Tuple
            ? StructLayout.FieldsOf(whole.GetType()).Select(field => field.GetValue(whole)) : [],
    };

    private static IEnumerable<DictionaryEntry> Entries(IDictionary dictionary)
    {
        foreach (DictionaryEntry entry in dictionary)
            yield return entry;
    }

    internal static string TracedWith(string condition)
        => $"{Interpreter.AssumedByExample}{condition}, as the state was; trace again in the state that the call finds, or with state: "
            + "TracedState.dropped";

    /// <summary>Gives the fields of modules that are state their values for the trace.</summary>
    internal void OpenModel()
    {
        foreach (var group in plan.Fields.GroupBy(entry => entry.Module)
            .OrderBy(group => interpreter.Tracer.Attributes.PathOf(group.Key), StringComparer.Ordinal))
        {
            var whole = new Whole(group.Key, new(null, interpreter.Tracer.Attributes.PathOf(group.Key)!), null);
            wholes.Add(whole);
            foreach (var (module, field) in group.OrderBy(entry => entry.Field.MetadataToken))
            {
                var place = whole.Place.In(ArgumentText.MemberName(field.Name));
                if (plan.Left.Contains(place.Path))
                    continue;
                var now = field.GetValue(module);
                interpreter.Overlay.Seed(module, field, Take(place, () => Get(place, field.FieldType), field.FieldType, now));
                if (now is null)
                    missing[new(module, field)] = place;
                whole.Fields.Add((field, Raw(module, field)));
            }
        }
    }

    /// <summary>An input that the program changes, taken apart as the example has it; without an example as its class has it.</summary>
    internal Value OpenInput(Value input)
    {
        var symbol = input.Reference as Proxy;
        if ((symbol is null && !interpreter.Symbols.TryGet(input.Reference, out symbol))
            || Interpreter.InputOf(symbol.Argument) is not { } owner || !plan.Inputs.Contains(owner.target.name))
            return input;
        var now = interpreter.Examples?.Of(symbol.Argument);
        return Take(new(owner, ""), () => symbol, symbol.type, now ?? input.Reference, isKnown: now is not null);
    }

    /// <summary>Before the program reads a field: one that was null when the trace began is asserted to be.</summary>
    internal void IsRead(object? target, FieldInfo field)
    {
        if (target is null || missing.Count == 0 || !missing.Remove(new(target, field), out var place))
            return;
        AssertNull(ReadAt(place, field), place);
    }

    /// <summary>Before the program writes to a field: what was there is no matter any more.</summary>
    internal void IsWritten(object? target, FieldInfo field)
    {
        if (target is not null)
            missing.Remove(new(target, field));
    }

    /// <summary>Before a call: a list that is looked at is asserted to be as long as it was.</summary>
    internal void IsCalled(MethodBase method, Value[] arguments)
    {
        if (unseen.Count == 0 || Traits.Of(method).Home == Home.User)
            return;
        for (var i = 0; i < arguments.Length; i++)
            if (interpreter.Overlay.Current(arguments[i].Reference) is { } list && !(i == 0 && method.Name == nameof(IList.Add))
                && unseen.Remove(list, out var look))
                look();
    }

    private Proxy ReadAt(StatePlace place, FieldInfo field) => place.Owner is null ? Get(place, field.FieldType)
        : Made(Opcode.call_function, new MemberTarget(field),
            [wholes.First(whole => place == whole.Place.In(ArgumentText.MemberName(field.Name))).Proxy!().Argument], field.FieldType);

    private Value Take(StatePlace place, Func<Proxy> value, Type type, object? now, bool isKnown = true)
    {
        if (now is null)
            return !isKnown ? interpreter.FromProxy(value()) : type.IsValueType ? Value.OfStruct(null) : Value.Null;
        if (copies.TryGetValue(now, out var copy))
            return Value.OfObject(copy);
        var actual = now.GetType();
        if (StructLayout.IsNullable(type) || plan.Left.Contains(place.ToString()))
            return interpreter.ToValue(now, type);
        if (now is torch.Tensor || actual.IsPrimitive || actual.IsEnum)
            return place.Owner is null && !MayKeep(actual) ? interpreter.ToValue(now, type) : interpreter.FromProxy(value());
        return Structure.KindOf(actual) switch
        {
            StructureKind.Object when !actual.IsValueType => Opened(place, value, now, isKnown),
            StructureKind.Object or StructureKind.Tuple when isKnown && actual.IsValueType
                && StructLayout.FieldsOf(actual).Any(field => Opens(field.FieldType)) => Struct(place, value, now),
            _ when isKnown && (IsPlain(actual) || (IsLine(actual) && place.Owner is null))
                && TensorTypes.MayHold(actual) => Items(place, value, now),
            _ when TensorTypes.MayHold(actual) && (actual.IsValueType || place.Owner is not null) => interpreter.FromProxy(value()),
            _ => interpreter.ToValue(now, type),
        };
    }

    /// <summary>A collection that can be made anew and filled again.</summary>
    private static bool IsPlain(Type type)
        => type.IsSZArray
            || (type.IsGenericType && type.GetGenericTypeDefinition() is var open
                && (open == typeof(List<>) || open == typeof(Dictionary<,>)));

    /// <summary>A collection without indices.</summary>
    private static bool IsLine(Type type)
        => type.IsGenericType && type.GetGenericTypeDefinition() is var open && (open == typeof(Queue<>) || open == typeof(Stack<>));

    /// <summary>Whether something of the type has an identity, and so may be changed.</summary>
    private static bool Opens(Type type) => !type.IsValueType && !TensorTypes.IsTensor(type) && TensorTypes.MayHold(type);

    /// <summary>A struct is a value; what it refers to may be changed.</summary>
    private Value Struct(StatePlace place, Func<Proxy> value, object now)
    {
        var self = Once(value);
        var copy = RuntimeHelpers.GetUninitializedObject(now.GetType());
        foreach (var field in StructLayout.FieldsOf(now.GetType()))
        {
            var inner = place.In(ArgumentText.MemberName(field.Name));
            var item = Take(inner,
                () => Made(Opcode.call_function, Interpreter.PartOf(now.GetType(), field, out var args), [self().Argument, .. args],
                    field.FieldType), field.FieldType, field.GetValue(now));
            field.SetValue(copy, interpreter.ToObject(item, field.FieldType));
        }
        return Value.OfStruct(copy);
    }

    private Value Opened(StatePlace place, Func<Proxy> value, object now, bool isKnown)
    {
        var copy = Stand(now, RuntimeHelpers.GetUninitializedObject(now.GetType()));
        var self = Once(value);
        var whole = new Whole(copy, place, place.Owner is null ? null : self);
        wholes.Add(whole);
        foreach (var field in StructLayout.FieldsOf(now.GetType()))
        {
            var inner = place.In(ArgumentText.MemberName(field.Name));
            Func<Proxy> member = place.Owner is null
                ? () => Get(inner, field.FieldType) : () =>
                    Made(Opcode.call_function, new MemberTarget(field), [self().Argument], field.FieldType);
            var held = isKnown ? field.GetValue(now) : Kind(field.FieldType, now.GetType());
            var taken = Take(inner, member, field.FieldType, held, isKnown);
            if (taken.IsSymbol)
                interpreter.Overlay.Write(copy, field, taken);
            else
                field.SetValue(copy, interpreter.ToObject(taken, field.FieldType));
            if (held is null && isKnown)
                missing[new(copy, field)] = inner;
            whole.Fields.Add((field, Raw(copy, field)));
        }
        return Value.OfObject(copy);
    }

    /// <summary>Without an example: something of the type, as what is not null.</summary>
    private static object? Kind(Type type, Type holder)
        => type.IsValueType ? Activator.CreateInstance(type) : Symbols.CanStandFor(type) && !type.IsAbstract && !type.IsArray
            && type != holder ? RuntimeHelpers.GetUninitializedObject(type) : null;

    private Value Items(StatePlace place, Func<Proxy> value, object now)
    {
        var self = Once(value);
        var type = now.GetType();
        var count = ((ICollection)now).Count;
        Action isLooked = () =>
        {
            using var here = interpreter.Graph.inserting_before(self().node.next);
            AssertCount(self(), count, place);
        };
        // A program that only adds to a list doesn't mind how long it is.
        if (now is IDictionary || IsLine(type) || (now is Array && place.Owner is not null))
            isLooked();
        var copy = Stand(now, now is Array array ? Array.CreateInstance(type.GetElementType()!, array.Length)
            : now is IDictionary
                ? Activator.CreateInstance(type, type.GetProperty("Comparer")!.GetValue(now))! : Activator.CreateInstance(type)!);
        var element = type.IsArray ? type.GetElementType()! : type.GetGenericArguments()[^1];
        (object Key, object? Held)[] entries = now is IDictionary dictionary
            ? [.. Entries(dictionary).Select(entry => (entry.Key, entry.Value))] 
            : [.. ((ICollection)now).Cast<object?>().Index().Select(entry => ((object)entry.Index, entry.Item))];
        var reals = new List<object?>();
        for (var i = 0; i < entries.Length; i++)
        {
            var (key, held) = entries[i];
            var inner = place.In(now is IDictionary ? KeyText.Of(key) : i.ToString(CultureInfo.InvariantCulture));
            var isPath = IsLine(type)
                || (place.Owner is null && held is not null && Structure.KindOf(held.GetType()) == StructureKind.Object
                    && !held.GetType().IsValueType);
            Func<Proxy> item = isPath
                ? () => Get(inner, element) : () =>
                    Made(Opcode.call_function, new BuiltinTarget(Builtin.getitem, type), [self().Argument, interpreter.ToArgument(key)],
                        element);
            if (held is null && !element.IsValueType)
                AssertNull(item(), inner);
            var real = interpreter.ToObject(Take(inner, item, element, held), element);
            if (copy is IDictionary filled)
                filled.Add(key, real);
            else if (copy is Array elements)
                elements.SetValue(real, i);
            else if (copy is IList list)
                list.Add(real);
            else
                reals.Add(real);
        }
        Lines.Fill(copy, reals);
        if (now is IList and not Array)
            unseen.Add(copy, isLooked);
        wholes.Add(new(copy, place, self) { Keys = [.. entries.Select(entry => entry.Key)], Held = ItemsOf(copy) });
        return Value.OfObject(copy);
    }

    private object Stand(object original, object copy)
    {
        interpreter.Overlay.Own(copy);
        copies[original] = copy;
        interpreter.Overlay.Replace(original, copy);
        return copy;
    }

    private static Func<Proxy> Once(Func<Proxy> make)
    {
        Proxy? made = null;
        return () => made ??= make();
    }

    private Proxy Get(StatePlace place, Type type)
        => Made(Opcode.call_function, new StateTarget(place.Path, type, IsWritten: false), [], type);

    private Proxy Made(Opcode op, Target target, ImmutableArray<Argument> args, Type type)
    {
        var proxy = interpreter.Tracer.create_proxy(op, target, args, type);
        read.Add(proxy.node);
        return proxy;
    }

    private void AssertNull(Proxy value, StatePlace place)
        => interpreter.Specialised(
            interpreter.Tracer.create_proxy(Opcode.call_function, new BuiltinTarget(Builtin.eq, typeof(object)),
                [value.Argument, new Literal(null)], typeof(bool)), TracedWith($"{place} == None"));

    private void AssertCount(Proxy value, int count, StatePlace place)
    {
        var length =
            interpreter.Tracer.create_proxy(Opcode.call_function, new BuiltinTarget(Builtin.len, value.type), [value.Argument],
                typeof(int));
        var same = interpreter.Tracer.create_proxy(Opcode.call_function, new BuiltinTarget(Builtin.eq, typeof(int)),
            [length.Argument, new Literal(count)], typeof(bool));
        interpreter.Specialised(same, TracedWith(string.Create(CultureInfo.InvariantCulture, $"len({place}) == {count}")));
    }

    /// <summary>A field's content, to compare: the argument that stands for a symbol, else the object.</summary>
    private object? Raw(object target, FieldInfo field)
        => interpreter.Overlay.TryRead(target, field, out var written) ? written.IsSymbol
            ? written.Symbol.Argument : interpreter.ToObject(written, field.FieldType) : field.GetValue(target);

    private static object?[] ItemsOf(object collection)
        => collection is IDictionary dictionary ? [.. dictionary.Values] : [.. ((ICollection)collection).Cast<object?>()];

    /// <summary>An object that was taken apart.</summary>
    /// <param name="Copy">What stands for it in the trace; a module is itself.</param>
    /// <param name="Place">Where it is.</param>
    /// <param name="Proxy">The node that gives it; null where none is needed.</param>
    private sealed record Whole(object Copy, StatePlace Place, Func<Proxy>? Proxy)
    {
        /// <summary>Its fields that count, with what they held when the trace began.</summary>
        internal List<(FieldInfo Field, object? Held)> Fields { get; } = [];

        /// <summary>The indices or keys of a collection; null for what is none.</summary>
        internal object?[]? Keys { get; init; }

        /// <summary>A collection's content when the trace began.</summary>
        internal object?[] Held { get; init; } = [];
    }

    /// <summary>A field of this very object, whatever the user's class takes for equal.</summary>
    private readonly record struct Slot(object Target, FieldInfo Field)
    {
        public bool Equals(Slot other) => ReferenceEquals(Target, other.Target) && Field.Equals(other.Field);

        public override int GetHashCode() => HashCode.Combine(RuntimeHelpers.GetHashCode(Target), Field);
    }
}
