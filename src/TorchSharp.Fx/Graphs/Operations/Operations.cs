using System.Collections.Frozen;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// The effects of operations: the one table that passes, tracer and exporters ask. An operation without a row is opaque, as is code of the
/// user's: it may do anything.
/// </summary>
internal static partial class Operations
{
    private static readonly Memo<MethodBase, Operation> Methods = new(Find);
    private static readonly Memo<Type, Operation> Modules = new(Find);
    private static readonly FrozenDictionary<string, Operation> Named = Table(Rows);
    private static readonly FrozenDictionary<string, Operation> NamedModules = Table([.. ModuleRows, (Operation.ViewOfAny, Containers)]);
    private static readonly FrozenSet<string> IsContainer = Words(Containers).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The classes whose members a name without a class stands for.</summary>
    private static readonly FrozenSet<Type> Plain = new[]
    {
        typeof(Tensor), typeof(torch), typeof(nn.functional), typeof(special), typeof(fft), typeof(linalg), typeof(autograd),
        typeof(nn.utils), typeof(nn.utils.rnn),
        typeof(TensorExtensionMethods),
    }.ToFrozenSet();

    /// <summary>The row of a method, function, getter or constructor; what its arguments decide is as if they decided for more.</summary>
    internal static Operation Of(MethodBase method) => Methods.Of(method);

    /// <summary>The row of a module's class, which says nothing of what is in a container or set in one.</summary>
    internal static Operation Of(Type module) => Modules.Of(module);

    /// <summary>The row of a node's operation.</summary>
    /// <param name="node">The node.</param>
    /// <param name="modules">The hierarchy that it names; without one every module is opaque.</param>
    /// <param name="training">Whether the graph runs in training; null where that isn't known.</param>
    internal static Operation Of(Node node, ModuleHierarchy? modules, bool? training = null) => node.target switch
    {
        ModuleTarget target => modules is null ? Operation.Opaque : Of(modules.Module(target.Path), target.Method, training),
        MemberTarget { Member: FieldInfo } => Operation.View,
        BuiltinTarget { Operation: Builtin._assert } => Assertion,
        BuiltinTarget { Operation: Builtin.getitem } => Operation.View,
        { Callee.Method: var method } when method.DeclaringType == typeof(aten) => OfSchema(node),
        StateTarget { IsWritten: var isWritten } => isWritten ? Put : Kept,
        MapTarget { Body: var body } => Of(body.Aliases(modules, training), body),
        { Callee: { } callee } => Given(Of(callee.Method), callee, node),
        _ => Operation.Pure,
    };

    /// <summary>The row of a module when a method of it is called.</summary>
    internal static Operation Of(nn.Module module, MethodInfo method, bool? training) => module switch
    {
        _ when ModuleHooks.On(module) => Operation.Opaque,
        IOperation => method.Name.EndsWith('_') ? Operation.InPlace : Operation.Pure,
        IKeepsNothing => Operation.ViewOfAny,
        _ => Of(module).In(training),
    };

    /// <summary>The row of an operation that is called by name, from its schema. Those that draw random numbers have none.</summary>
    private static Operation OfSchema(Node node)
        => node.args is [Literal { Value: string overload }, ..] && AtenSchema.Find(overload) is { } schema
        ? schema.Writes ? new(Effects.None, Operands.All, Operands.All) : schema.Views ? Operation.ViewOfAny : Operation.Pure
        : Operation.Opaque;

    /// <summary>The row of a loop: all that its turns do, also to the values they get.</summary>
    private static Operation Of(AliasAnalysis turn, Graph body)
    {
        const Effects Kept = Effects.Lasting | Effects.ReadsState | Effects.Exposes | Effects.Generators;
        var does = body.nodes.Aggregate(Effects.None, (all, node) => all | (turn.Operation(node).Does & Kept));
        if ((does & Effects.Opaque) != 0)
            return Operation.Opaque;
        return new(does, body.nodes.Any(node => turn.MutatedBy(node).Any(IsGiven)) ? Operands.All : Operands.None,
            body.output_node().all_input_nodes.Any(IsGiven) ? Operands.All : Operands.None);

        bool IsGiven(Node value) => turn.ClassOf(value).Any(same => same.op is Opcode.placeholder or Opcode.get_attr);
    }

    private static readonly Operation Assertion = new(Effects.WritesState);
    private static readonly Operation Kept = new(Effects.ReadsState);
    private static readonly Operation Put = new(Effects.WritesState | Effects.Exposes);
    private static readonly Operation Cast = new(Effects.WritesState, Views: Operands.First);
    private static readonly Operation Out = new(Effects.None, Operands.Out, Operands.Out);

    private static Operation Of(nn.Module module)
    {
        var type = module.GetType();
        var row = LeafMark.Of(type) is { } mark ? mark.Row : Modules.Of(type);
        if (row.IsOpaque)
            return row;
        // A leaf is told by its mark what it does to its inputs; the modules in it say what becomes of their statistics.
        if (LeafMark.Of(type) is not null)
            return Marked(module).Any(inner => inner.IsOpaque) ? Operation.Opaque
                : row with { Does = row.Does | Marked(module)
                    .Aggregate(Effects.None, (does, inner) => does | (inner.Does & Effects.Lasting)) };
        if (IsContainer.Contains(PlainName(type)))
            return Inside(module).Aggregate(row, (all, inner) => all.And(inner));
        return Settings(module, row);
    }

    private static IEnumerable<Operation> Inside(nn.Module module)
        => module.children().Select(child => ModuleHooks.On(child) ? Operation.Opaque : Of(child));

    /// <summary>The modules in one that carries a mark; those of the same library keep to what the mark says.</summary>
    private static IEnumerable<Operation> Marked(nn.Module module)
        => module.children().SelectMany(child => ModuleHooks.On(child) ? [Operation.Opaque]
            : LeafMark.Of(child.GetType()) is null && child.GetType().Assembly == module.GetType().Assembly ? Marked(child) : [Of(child)]);

    /// <summary>The settings of a module of TorchSharp's own.</summary>
    private static Operation Settings(nn.Module module, Operation row)
    {
        if (Setting(module, "inplace") is true)
            row = row.And(Operation.InPlace);
        if (row.Has(Effects.DrawsInTraining) && Setting(module, "p") is 0.0)
            row = row with { Does = row.Does & ~Effects.DrawsInTraining };
        if (row.Has(Effects.UpdatesInTraining) && Setting(module, "track_running_stats") is false)
            row = row with { Does = row.Does & ~Effects.UpdatesInTraining };
        return row;
    }

    private static object? Setting(nn.Module module, string name)
    {
        const BindingFlags Public = BindingFlags.Instance | BindingFlags.Public;
        return module.GetType().GetProperty(name, Public)?.GetValue(module) ?? module.GetType().GetField(name, Public)?.GetValue(module);
    }

    /// <summary>The effects that a call's arguments decide.</summary>
    private static Operation Given(Operation row, Callee callee, Node node)
    {
        if (row.IsOpaque || callee.Parameters.Length == 0)
            return row;
        var isOff = IsFalse("training") || IsFalse("use_input_stats");
        if (row.Has(Effects.DrawsInTraining))
            row = row with { Does = (row.Does & ~Effects.DrawsInTraining) | (isOff || IsZero("p") ? Effects.None : Effects.Draws) };
        if (row.Has(Effects.UpdatesInTraining))
            row = row with { Does = row.Does & ~Effects.UpdatesInTraining, Writes = isOff ? Operands.None : row.Writes };
        if (IsTrue("inplace") || IsTrue("disposeAfter"))
            row = row.And(Operation.InPlace);
        return callee.Given(node, "out") is null or Literal ? row : row.And(Out);

        bool IsFalse(string parameter) => callee.Given(node, parameter) is Literal { Value: false };
        bool IsTrue(string parameter) => callee.Given(node, parameter) is not (null or Literal { Value: false });
        bool IsZero(string parameter) => callee.Given(node, parameter) is Literal { Value: 0.0 };
    }

    private static Operation Find(MethodBase method)
    {
        if (method.DeclaringType is not { } type)
            return Operation.Opaque;
        if (type.Assembly != TensorTypes.TorchSharp)
            return Foreign(method, type);
        return Row(type, Callee.Of(method).Name) ?? Operation.Opaque;
    }

    private static Operation? Row(Type type, string name)
    {
        for (var owner = type; owner is not null; owner = owner.BaseType)
            if (Named.TryGetValue($"{PlainName(owner)}.{name}", out var row) || Named.TryGetValue($"{PlainName(owner)}.*", out row))
                return row;
        if (Named.TryGetValue(name, out var known))
            return Plain.Contains(type) ? known : null;
        return name.EndsWith('_') && !name.EndsWith("__", StringComparison.Ordinal) && Row(type, name[..^1]) is { } computing
            ? new(computing.Does & (Effects.Draws | Effects.Pointwise | Effects.WritesState), Operands.First,
                computing.Views == Operands.All ? Operands.All : Operands.First)
            : null;
    }

    /// <summary>
    /// Code outside of TorchSharp: arithmetic of .NET's, members that only hand on a part of what they are called on, and functions that
    /// carry a mark are known.
    /// </summary>
    private static Operation Foreign(MethodBase method, Type type)
    {
        if (NumberFunctions.Has(method))
            return Operation.Pure;
        if (type == typeof(StructureClones))
            return method.Name == nameof(StructureClones.alias) ? Operation.View : Operation.Pure;
        if (type == typeof(Casts))
            return Cast;
        if (type == typeof(quantized_decomposed))
            return Operation.Pure;
        if ((type == typeof(Enumerable) || type == typeof(MemoryExtensions)) && method.Name == nameof(Enumerable.SequenceEqual))
            return Operation.Pure;
        if (LeafMark.Of(method) is { } mark)
            return mark.Row;
        var isPlatform = type.Assembly == typeof(object).Assembly
            || type.Assembly.GetName().Name is "System.Collections" or "System.Linq" or "FSharp.Core";
        var isGetter = method.IsSpecialName && method.Name.StartsWith("get_", StringComparison.Ordinal);
        return isGetter && (isPlatform || method.IsDefined(typeof(System.Runtime.CompilerServices.CompilerGeneratedAttribute), false))
            ? Operation.ViewOfAny : Operation.Opaque;
    }

    private static Operation Find(Type type)
    {
        for (var level = type; level is not null && level.Assembly == TensorTypes.TorchSharp
            && type.Assembly == TensorTypes.TorchSharp; level = level.BaseType)
            if (NamedModules.TryGetValue(PlainName(level), out var row))
                return row;
        return Operation.Opaque;
    }

    private static string PlainName(Type type)
        => type.Name.IndexOf('`', StringComparison.Ordinal) is var tick and > 0 ? type.Name[..tick] : type.Name;

    private static FrozenDictionary<string, Operation> Table((Operation Row, string Names)[] groups)
    {
        var table = new Dictionary<string, Operation>(StringComparer.Ordinal);
        foreach (var (row, names) in groups)
            foreach (var name in Words(names))
                table.Add(name, row);
        return table.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
