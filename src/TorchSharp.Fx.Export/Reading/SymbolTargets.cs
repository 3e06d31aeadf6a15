using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Reflection;

namespace TorchSharp.Fx.Export;

/// <summary>Python's arithmetic on sizes and numbers that depend on inputs.</summary>
internal static class SymbolTargets
{
    private static readonly FrozenDictionary<string, Func<GraphReader, ImmutableArray<Argument>, Node>> Table = new Dictionary<string,
        Func<GraphReader, ImmutableArray<Argument>, Node>>
    {
        ["_operator.add"] = (graph, args) => Arithmetic(graph, Builtin.add, args),
        ["_operator.sub"] = (graph, args) => Arithmetic(graph, Builtin.sub, args),
        ["_operator.mul"] = (graph, args) => Arithmetic(graph, Builtin.mul, args),
        // Sizes aren't negative, so that rounding down and rounding towards zero are the same.
        ["_operator.floordiv"] = (graph, args) => Arithmetic(graph, Builtin.floordiv, args),
        ["_operator.mod"] = (graph, args) => Arithmetic(graph, Builtin.mod, args),
        ["_operator.truediv"] = (graph, args)
            => graph.Compute(Builtin.truediv, typeof(double), typeof(double),
            [.. args.Select(arg => new ConvertArgument(arg, typeof(double), false))]),
        ["_operator.neg"] = (graph, args) => graph.Compute(Builtin.neg, TypeOf(args[0]), TypeOf(args[0]), args),
        ["_operator.eq"] = (graph, args) => Comparison(graph, Builtin.eq, args),
        ["_operator.ne"] = (graph, args) => Comparison(graph, Builtin.ne, args),
        ["_operator.lt"] = (graph, args) => Comparison(graph, Builtin.lt, args),
        ["_operator.le"] = (graph, args) => Comparison(graph, Builtin.le, args),
        ["_operator.gt"] = (graph, args) => Comparison(graph, Builtin.gt, args),
        ["_operator.ge"] = (graph, args) => Comparison(graph, Builtin.ge, args),
        ["_operator.and_"] = (graph, args) => graph.Compute(Builtin.and_, typeof(bool), typeof(bool), args),
        ["_operator.or_"] = (graph, args) => graph.Compute(Builtin.or_, typeof(bool), typeof(bool), args),
        ["_operator.not_"] = (graph, args) => graph.Compute(Builtin.not_, typeof(bool), typeof(bool), args),
        ["torch.sym_not"] = (graph, args) => graph.Compute(Builtin.not_, typeof(bool), typeof(bool), args),
        ["torch.sym_max"] = (graph, args) => graph.Graph.call_function(Function(nameof(Math.Max), typeof(long), 2), args),
        ["torch.sym_min"] = (graph, args) => graph.Graph.call_function(Function(nameof(Math.Min), typeof(long), 2), args),
        ["math.sqrt"] = (graph, args)
            => graph.Graph.call_function(Function(nameof(Math.Sqrt), typeof(double), 1),
            [new ConvertArgument(args[0], typeof(double), false)]),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The function that makes an operation's node; null for one that is none on numbers.</summary>
    internal static Func<GraphReader, ImmutableArray<Argument>, Node>? Find(string target)
        => Table.GetValueOrDefault(target.Replace("<built-in function ", "_operator.", StringComparison.Ordinal).TrimEnd('>'));

    internal static Node Arithmetic(GraphReader graph, Builtin operation, ImmutableArray<Argument> args)
    {
        var type = args.Any(arg => TypeOf(arg) == typeof(double)) ? typeof(double) : typeof(long);
        return graph.Compute(operation, type, type, [.. args.Select(arg => As(arg, type))]);
    }

    internal static Node Comparison(GraphReader graph, Builtin operation, ImmutableArray<Argument> args)
    {
        var type = args.Any(arg => TypeOf(arg) == typeof(double)) ? typeof(double) : typeof(long);
        return graph.Compute(operation, type, typeof(bool), [.. args.Select(arg => As(arg, type))]);
    }

    private static Argument As(Argument argument, Type type) => TypeOf(argument) == type ? argument
        : new ConvertArgument(argument, type, false);

    private static Type TypeOf(Argument argument) => argument switch
    {
        NodeArgument { Node: var node } => node.type,
        Literal { Value: { } value } => value.GetType(),
        _ => typeof(long),
    };

    private static MethodInfo Function(string name, Type type, int count)
        => typeof(Math).GetMethod(name, Enumerable.Repeat(type, count).ToArray())!;
}
