using System.Collections.Immutable;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Puts operations of ATen in the place of what TorchSharp has as one and ATen has not.</summary>
/// <param name="graph">The graph to change.</param>
/// <param name="hierarchy">The modules that it names.</param>
/// <param name="facts">What is known of the values of the graph as it is then.</param>
internal sealed class Lowering(Graph graph, ModuleHierarchy hierarchy, Func<IReadOnlyDictionary<Node, Fact>> facts)
{
    private static readonly MethodInfo One = typeof(aten).GetMethod(nameof(aten.call))!,
        Many = typeof(aten).GetMethod(nameof(aten.call_many))!;

    private IReadOnlyDictionary<Node, Fact> known = ImmutableDictionary<Node, Fact>.Empty;

    internal Graph Graph => graph;

    internal void Run()
    {
        new Indexing(this).Lower();
        foreach (var node in graph.nodes.ToArray().Where(node => !node.IsErased))
            try
            {
                using var here = graph.inserting_before(node);
                if (PartOfList(node) is { } parts)
                    Replace(node, parts);
                else if (node.op == Opcode.call_module)
                    LayerLowering.Lower(this, node, hierarchy.Module(node.target.name));
                else
                    FunctionLowering.Lower(this, node);
            }
            catch (NotSupportedException error) when (!error.Message.StartsWith("node '", StringComparison.Ordinal))
            {
                throw Refused(node, error.Message);
            }
        Unpack(graph.output_node());
    }

    /// <summary>An error of a node.</summary>
    internal static NotSupportedException Refused(Node node, string what)
        => new($"node '{node.name}' ({node.target.name}, {node.origin?.ToString() ?? "made by hand"}): {what}");

    /// <summary>The nodes for a method, a function or arithmetic.</summary>
    internal Node Add(Delegate function, params ImmutableArray<Argument> args) => graph.inline(function, args);

    /// <summary>A call of an operation that gives one tensor.</summary>
    internal Node Call(string overload, params ImmutableArray<Argument> args) => Call(graph, overload, args);

    /// <inheritdoc cref="Call(string, ImmutableArray{Argument})"/>
    internal static Node Call(Graph graph, string overload, params ImmutableArray<Argument> args)
        => graph.create_node(Opcode.call_function, new FunctionTarget(One), [overload, new ListArgument(args, typeof(object))],
            typeof(Tensor));

    /// <summary>A call of an operation that gives several tensors, and these.</summary>
    internal Node[] CallMany(string overload, int count, params ImmutableArray<Argument> args)
    {
        var many = graph.create_node(Opcode.call_function, new FunctionTarget(Many), [overload, new ListArgument(args, typeof(object))],
            typeof(Tensor[]));
        return [.. Enumerable.Range(0, count).Select(i => Item(many, i))];
    }

    /// <summary>The facts known about a node's value.</summary>
    internal Fact FactOf(Node node)
    {
        if (!known.ContainsKey(node))
            known = facts();
        return known.TryGetValue(node, out var fact) ? fact : throw Refused(node, "nothing is known of its value in a branch");
    }

    /// <summary>The number of a tensor's dimensions.</summary>
    internal int Rank(Argument tensor) => tensor is NodeArgument { Node: var node }
        && FactOf(node) is Fact.OfTensor { Sizes.Length: var rank } ? rank
        : throw new NotSupportedException("the number of its dimensions is not known");

    /// <summary>Puts a value in the place of a node.</summary>
    internal void Replace(Node node, Node instead)
    {
        instead.StandsFor(node);
        node.replace_all_uses_with(instead);
        graph.erase_node(node);
    }

    /// <summary>Puts several values in the place of a node that gives them as one: whoever takes one of them, takes it at once.</summary>
    internal void Replace(Node node, params Argument[] parts)
    {
        foreach (var part in parts.SelectMany(part => part.nodes()))
            part.StandsFor(node);
        foreach (var user in node.users.ToArray())
            if (user.target is BuiltinTarget { Operation: Builtin.getitem } && user.args[1] is Literal { Value: int index })
            {
                var item = parts[index < 0 ? index + parts.Length : index];
                if (item is NodeArgument { Node: var part })
                    user.replace_all_uses_with(part);
                else
                    PutIn(user, item);
                graph.erase_node(user);
            }
        PutIn(node, node.type == typeof(Tensor[])
            ? new ListArgument([.. parts], typeof(Tensor)) : new TupleArgument([.. parts], node.type));
        graph.erase_node(node);
    }

    /// <summary>The items of <c>list[1..]</c>, a range of what gives several tensors; null for other nodes.</summary>
    private Argument[]? PartOfList(Node node)
    {
        if (node.target is not BuiltinTarget { Operation: Builtin.getitem }
            || node.args is not [NodeArgument { Node: var many }, SliceArgument { Step: null } range] || many.type != typeof(Tensor[])
            || FactOf(many) is not Fact.OfMany { Items.Length: var count })
            return null;
        return Bound(range.Start, 0) is { } start && Bound(range.Stop, count) is { } stop
            ? [.. Enumerable.Range(start, Math.Max(0, stop - start)).Select(i => Item(many, i))] : null;

        int? Bound(Argument? bound, int open) => bound switch
        {
            null => open,
            Literal { Value: int at } => at < 0 ? at + count : at,
            _ => null,
        };
    }

    /// <summary>Writes an argument wherever a node is read.</summary>
    internal static void PutIn(Node node, Argument instead)
    {
        foreach (var user in node.users.ToArray())
            user.args = [.. user.args.Select(argument => Flat(argument.map(inner => inner == node ? instead : inner)))];

        // A list that is spread in another is its items there.
        static Argument Flat(Argument argument) => argument is ListArgument list
            ? list with { Items = [.. list.Items.SelectMany(item => item is SpreadArgument { Sequence: ListArgument inner } ? inner.Items
                : [item])] } : argument;
    }

    /// <summary>A result that is several tensors becomes a list of them.</summary>
    private void Unpack(Node output)
    {
        using var here = graph.inserting_before(output);
        output.args = [.. output.args.Select(argument => argument.map(node => Parts(node) is { Length: > 0 } parts
            ? node.type.IsArray ? new ListArgument([.. parts.Select(part => (Argument)part)], node.type.GetElementType()!)
            : new TupleArgument([.. parts.Select(part => (Argument)part)], node.type) : node))];

        Node[] Parts(Node node) => !node.type.IsArray && !typeof(System.Runtime.CompilerServices.ITuple).IsAssignableFrom(node.type) ? []
            : FactOf(node) is Fact.OfMany { Items: var items } ? [.. items.Select((_, i) => Item(node, i))] : [];
    }

    private Node Item(Node many, int index) => graph.create_node(Opcode.call_function, new BuiltinTarget(Builtin.getitem, many.type),
        [many, new Literal(index)], many.type.GetElementType() ?? many.type.GetGenericArguments().ElementAtOrDefault(index)
            ?? typeof(Tensor));
}
