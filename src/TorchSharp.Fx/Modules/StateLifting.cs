using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Modules;

/// <summary>
/// Makes a graph without state of one that keeps some: each tensor and number that it reads of the model, or out of an object that it is
/// given, is an input, and each that it puts somewhere is an output. So is a buffer, parameter or constant that it writes to in place: what
/// comes out is a copy. The structure around them is what it is at present, as the graph asserts. Counterpart: the signature of
/// <c>torch.export</c>'s programs, with their mutated buffers.
/// </summary>
internal sealed class StateLifting
{
    private readonly Graph made = new();
    private readonly Dictionary<Node, Argument> values = [];
    private readonly Dictionary<Node, (string Path, object? Now)> wholes = [];
    private readonly Dictionary<string, Node> leaves = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Argument> written = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, Argument> outputs = new(StringComparer.Ordinal);
    private readonly List<LiftedInput> inputs = [];
    private readonly Dictionary<nint, Node> copies = [];
    private readonly HashSet<Node> changed;
    private readonly ModuleHierarchy modules;
    private Node? body;

    private StateLifting(ModuleHierarchy modules, HashSet<Node> changed) => (this.modules, this.changed) = (modules, changed);

    /// <summary>Whether a graph has anything to lift.</summary>
    internal static bool IsNeeded(Graph graph, ModuleHierarchy modules, IReadOnlyList<object?> given)
        => graph.nodes.Any(node => node.target is StateTarget) || Changed(graph, modules).Count > 0
            || graph.find_nodes(Opcode.placeholder).Zip(given)
                .Any(pair => IsWhole(pair.First.type) && (pair.Second is torch.nn.Module || Structure.Tensors(pair.Second).Any()));

    /// <summary>The graph without state.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="modules">The hierarchy that it names, with the state as it is.</param>
    /// <param name="given">The inputs of an example: they tell what the objects among them hold.</param>
    internal static LiftedGraph Of(Graph graph, ModuleHierarchy modules, IReadOnlyList<object?> given)
    {
        var lifting = new StateLifting(modules, Changed(graph, modules));
        var next = 0;
        foreach (var node in graph.nodes)
            if (node.op == Opcode.placeholder)
                lifting.Input(node, given.ElementAtOrDefault(next++));
            else
                lifting.Step(node);
        return new(lifting.made, lifting.values[graph.output_node()], graph.output_node().type, lifting.outputs, lifting.inputs);
    }

    /// <summary>
    /// The nodes that read a tensor of the model which the graph writes to, where the memory is that tensor's alone: a copy would part it
    /// from a layer that the graph calls, and from another tensor in the same memory.
    /// </summary>
    private static HashSet<Node> Changed(Graph graph, ModuleHierarchy modules)
    {
        var aliases = graph.Aliases(modules, training: false);
        HashSet<Node> changed = [.. graph.nodes.SelectMany(aliases.MutatedBy).Select(aliases.Representative).Distinct()
            .SelectMany(aliases.ClassOf).Where(node => node.op == Opcode.get_attr)];
        if (changed.Count > 0)
        {
            var layers = graph.all_nodes.Where(node => node.op == Opcode.call_module).Select(node => modules.Module(node.target.name));
            var owned = layers.SelectMany(layer => layer.parameters().Concat(layer.buffers())).Select(TensorIdentity.Storage).ToHashSet();
            foreach (var memory in changed.ToLookup(read => TensorIdentity.Storage(modules.Attribute(read.target.name)())))
                if (owned.Contains(memory.Key)
                    || memory.Select(read => TensorIdentity.Of(modules.Attribute(read.target.name)())).Distinct().Count() > 1)
                    changed.ExceptWith(memory);
        }
        return changed;
    }

    private static bool IsWhole(Type type) => TensorTypes.MayHold(type) && !TensorTypes.IsTensor(type);

    private void Input(Node node, object? value)
    {
        if (IsWhole(node.type))
            wholes[node] = (node.target.name, value);
        else
            Add(node, made.node_copy(node), value);
    }

    private void Add(Node node, Node copy, object? value)
    {
        values[node] = copy;
        inputs.Add(new(copy, value, IsLifted: false));
    }

    private void Step(Node node)
    {
        switch (node.target)
        {
            case StateTarget { IsWritten: false } read: Part(node, read.Path, KeptState.Read(modules, read.Path)); break;
            case StateTarget put: Write(node, put); break;
            case var _ when changed.Contains(node): values[node] = Changing(node.target.name); break;
            case OutputTarget: values[node] = Mapped(node.args[0]); break;
            case BuiltinTarget { Operation: Builtin.len }
                when Whole(node) is { } whole: values[node] = new Literal(((ICollection)whole.Now!).Count); break;
            case BuiltinTarget { Operation: Builtin.eq or Builtin.ne } target
                when IsNullTest(node, out var isNull): values[node] = new Literal(isNull == (target.Operation == Builtin.eq)); break;
            case BuiltinTarget { Operation: Builtin.eq } when Mapped(node.args[0]) is Literal left
                && node.args[1] is Literal right: values[node] = new Literal(Structures.AreSame(left.Value, right.Value)); break;
            case BuiltinTarget { Operation: Builtin._assert } when Mapped(node.args[0]) is Literal: break;
            case BuiltinTarget { Operation: Builtin.getitem } when Whole(node) is { Now: IList list } whole
                && node.args[1] is SliceArgument slice
                && Range(slice, list.Count) is { } range: values[node] = Slice(whole.Path, list, range); break;
            case var _ when Whole(node) is { } whole
                && NameOf(node, whole.Now) is { } name: Part(node, name.Length == 0 ? whole.Path : $"{whole.Path}.{name}",
                    Item(whole.Now, node)); break;
            default: Copy(node); break;
        }
    }

    private void Copy(Node node)
    {
        var copy = made.create_node(node.op, node.target, [.. node.args.Select(Mapped)], node.type, node.name);
        copy.StandsFor(node);
        body ??= copy;
        values[node] = copy;
    }

    private (string Path, object? Now)? Whole(Node node)
        => node.args is [NodeArgument { Node: var inner }, ..] && wholes.TryGetValue(inner, out var whole) ? whole : null;

    /// <summary>A part that is read: an input, null, or a structure again.</summary>
    private void Part(Node node, string path, object? now)
    {
        if (written.TryGetValue(path, out var later))
            values[node] = Mapped(later);
        else if (now is null)
            values[node] = new Literal(null);
        else if (IsWhole(node.type) && now is not torch.Tensor)
            wholes[node] = (path, now);
        else
            values[node] = Leaf(path, node.type, now);
    }

    /// <summary>A copy of a tensor that is written to in place, the same under all its names; its last content is an output.</summary>
    private Node Changing(string path)
    {
        var tensor = modules.Attribute(path)();
        if (copies.TryGetValue(TensorIdentity.Of(tensor), out var known))
            return known;
        var (type, input) = (typeof(torch.Tensor), Leaf(path, typeof(torch.Tensor), tensor));
        var copy = made.create_node(Opcode.call_method, MethodTarget.OfClone, [input], type);
        body ??= copy;
        outputs[path] = copy;
        return copies[TensorIdentity.Of(tensor)] = copy;
    }

    private Node Leaf(string path, Type type, object? now)
    {
        if (leaves.TryGetValue(path, out var known))
            return known;
        using var here = body is null ? null : made.inserting_before(body);
        var leaf = made.placeholder(path, type);
        inputs.Add(new(leaf, now, IsLifted: true));
        return leaves[path] = leaf;
    }

    private bool IsNullTest(Node node, out bool isNull)
    {
        isNull = false;
        if (node.args is not [NodeArgument { Node: var tested }, Literal { Value: null }])
            return false;
        if (wholes.ContainsKey(tested))
            return true;
        var value = values[tested];
        isNull = value is Literal { Value: null };
        return isNull || (value is NodeArgument { Node: var leaf } && leaves.ContainsValue(leaf));
    }

    /// <summary>The name of the part that a node reads of a structure; empty for the structure itself, null for anything else.</summary>
    private static string? NameOf(Node node, object? whole) => node.target switch
    {
        BuiltinTarget { Operation: Builtin.getitem } when node.args[1] is Literal { Value: int and < 0 and var fromEnd }
            && whole is ICollection items => (items.Count + fromEnd).ToString(CultureInfo.InvariantCulture),
        MemberTarget { Member: var member } => ArgumentText.MemberName(member.Name),
        BuiltinTarget { Operation: Builtin.getitem, Type: var of }
            when node.args[1] is Literal { Value: { } key } => typeof(ITuple).IsAssignableFrom(of)
                ? $"Item{1 + (int)key}" : KeyText.Of(key),
        FunctionTarget { Method: var method } when method.DeclaringType == typeof(Casts) => "",
        _ => null,
    };

    private static object? Item(object? whole, Node node) => node.target switch
    {
        _ when whole is null => throw new NotSupportedException("it reads what is in an input, and no example tells what that is"),
        MemberTarget { Member: FieldInfo field } => field.GetValue(whole),
        MemberTarget { Member: PropertyInfo property } => property.GetValue(whole),
        BuiltinTarget when ((Literal)node.args[1]).Value is int and < 0 and var fromEnd => Structures.FromEnd(whole, fromEnd),
        BuiltinTarget => Structures.Item(whole, ((Literal)node.args[1]).Value),
        _ => whole,
    };

    /// <summary>The bounds of a slice of so many items; null where the graph computes them.</summary>
    private static Range? Range(SliceArgument slice, int count)
        => slice.Step is null && Bound(slice.Start, 0, count) is { } start && Bound(slice.Stop, count, count) is { } stop
            ? start..Math.Max(start, stop) : null;

    private static int? Bound(Argument? bound, int open, int count) => bound switch
    {
        null => open,
        Literal { Value: int place } => Math.Clamp(place < 0 ? place + count : place, 0, count),
        _ => null,
    };

    private ListArgument Slice(string path, IList list, Range range)
    {
        var element = list.GetType().GetElementType() ?? list.GetType().GetGenericArguments()[0];
        return new([.. Enumerable.Range(range.Start.Value, range.End.Value - range.Start.Value)
            .Select(i => Rebuilt(StructureArguments.Index(path, i), list[i]))], element);
    }

    private Argument Mapped(Argument argument)
        => argument.map(node => wholes.TryGetValue(node, out var whole) ? Rebuilt(whole.Path, whole.Now) : values[node]);

    /// <summary>A structure as it is by now, with inputs for what is in it.</summary>
    private Argument Rebuilt(string path, object? now) => StructureArguments.Of(path, now, (at, part) => part switch
    {
        _ when written.TryGetValue(at, out var later) => Mapped(later),
        torch.Tensor => Leaf(at, typeof(torch.Tensor), part),
        not null when part.GetType().IsPrimitive => Leaf(at, part.GetType(), part),
        // Without indices there are no paths to what is inside.
        ICollection and not (IList or IDictionary) => new Literal(part),
        _ => null,
    });

    private void Write(Node node, StateTarget put)
    {
        var path = node.args[0] is NodeArgument { Node: var owner } ? put.Place.Length == 0
            ? owner.target.name : $"{owner.target.name}.{put.Place}" : put.Place;
        var first = put.IsAdded ? (KeptState.Read(modules, put.Place) as ICollection)?.Count ?? 0 : 0;
        Give(path, node.args[1], first);
        if (!put.IsAdded)
            written[path] = node.args[1];
    }

    /// <summary>Makes outputs of all tensors and numbers in a value; what is still what was read is none.</summary>
    private void Give(string path, Argument value, int first = 0)
    {
        switch (value)
        {
            case ListArgument list:
                foreach (var (i, item) in list.Items.Index())
                    Give(StructureArguments.Index(path, first + i), item);
                break;
            case TupleArgument tuple:
                foreach (var (i, item) in tuple.Items.Index())
                    Give($"{path}.Item{i + 1}", item);
                break;
            case DictArgument dict:
                foreach (var (key, item) in dict.Entries)
                    Give($"{path}.{KeyText.Of(((Literal)key).Value)}", item);
                break;
            case ObjectArgument whole:
                foreach (var (field, item) in whole.Fields)
                    Give($"{path}.{ArgumentText.MemberName(field.Name)}", item);
                break;
            case NodeArgument { Node: var node } when wholes.ContainsKey(node):
            case Literal { Value: null }:
                break;
            default:
                if (Mapped(value) is var given
                    && !(leaves.TryGetValue(path, out var same) && given is NodeArgument { Node: var read } && read == same))
                    outputs[path] = given;
                break;
        }
    }
}

/// <summary>A graph without state.</summary>
/// <param name="Graph">The nodes, without an output.</param>
/// <param name="Result">What the graph with state returns.</param>
/// <param name="Type">The C# type of that.</param>
/// <param name="State">What it puts somewhere, by path.</param>
/// <param name="Inputs">The inputs, with what they are in the example and in the state.</param>
internal sealed record LiftedGraph(Graph Graph, Argument Result, Type Type, OrderedDictionary<string, Argument> State,
    IReadOnlyList<LiftedInput> Inputs)
{
    /// <summary>The examples in the order of the graph's inputs.</summary>
    internal object?[] Values => [.. Graph.find_nodes(Opcode.placeholder).Select(node => Inputs.First(entry => entry.Node == node).Value)];

    /// <summary>Ends the graph with its result and its state.</summary>
    internal Graph Finished()
    {
        var state = new DictArgument(
            [.. State.Select(entry => KeyValuePair.Create<Argument, Argument>(new Literal(entry.Key), entry.Value))],
            typeof(Dictionary<string, object>));
        var type = typeof(ValueTuple<,>).MakeGenericType(Type, typeof(Dictionary<string, object>));
        Graph.output(new TupleArgument([Result, state], type), type);
        Graph.lint();
        return Graph;
    }
}

/// <summary>An input of a graph without state.</summary>
/// <param name="Node">Its placeholder.</param>
/// <param name="Value">What it is in the example, or in the state.</param>
/// <param name="IsLifted">Whether it was a place of the model or of an object before, and no input of its own.</param>
internal sealed record LiftedInput(Node Node, object? Value, bool IsLifted);
