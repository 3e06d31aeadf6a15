using System.Collections;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>The end of a trace: which places hold something else by now.</summary>
internal sealed partial class StateBorder
{
    private readonly List<(StatePlace Place, Type Type, Func<Argument> Value)> changes = [];

    /// <summary>The places that the graph puts something into, in its order.</summary>
    internal List<string> Kept { get; } = [];

    /// <summary>The paths of what is written and no state: the next call computes it anew.</summary>
    internal HashSet<string> Left { get; } = new(StringComparer.Ordinal);

    /// <summary>The fields in which nothing is state.</summary>
    internal IEnumerable<StateField> Unfit() => plan.Fields.Where(entry => interpreter.Tracer.Attributes.PathOf(entry.Module) is { } module
        && new StatePlace(null, module).In(ArgumentText.MemberName(entry.Field.Name)).Path is var path
        && !Kept.Exists(kept => kept == path || kept.StartsWith(path + ".", StringComparison.Ordinal)));

    /// <summary>
    /// Finds what changed. From here on the objects of the trace stand for those that they are copies of, as the result may have them
    /// inside.
    /// </summary>
    internal void Settle()
    {
        foreach (var whole in wholes)
            if (whole.Keys is null)
                foreach (var (field, held) in whole.Fields)
                    Compare(whole, field, held, Raw(whole.Copy, field));
            else if (ItemsOf(whole.Copy) is var items
                && (!KeysOf(whole.Copy).SequenceEqual(whole.Keys)
                    || items.Zip(whole.Held).Any(pair => interpreter.Overlay.Differs(pair.Second, pair.First))))
                changes.Add(unseen.ContainsKey(whole.Copy)
                    ? (whole.Place with { Path = whole.Place.Path + StateTarget.Added }, whole.Copy.GetType(),
                        Content(whole.Copy, items[whole.Held.Length..]))
                    : (whole.Place with { Path = whole.Place.Path + StateTarget.Content }, whole.Copy.GetType(),
                        Content(whole.Copy, items)));
        foreach (var whole in wholes)
            if (whole.Proxy is { } proxy && whole.Copy is not torch.nn.Module && (whole.Keys is not null || whole.Place.Owner is not null))
                interpreter.Symbols.Bind(whole.Copy, proxy());
    }

    private void Compare(Whole whole, FieldInfo field, object? held, object? now)
    {
        if (interpreter.Overlay.Differs(held, now))
            changes.Add((whole.Place.In(ArgumentText.MemberName(field.Name)), field.FieldType, () => now as Argument
                ?? interpreter.ToArgument(now)));
    }

    private static IEnumerable<object?> KeysOf(object copy)
        => copy is IDictionary dictionary
            ? dictionary.Keys.Cast<object?>() : Enumerable.Range(0, ((ICollection)copy).Count).Cast<object?>();

    private Func<Argument> Content(object copy, object?[] items)
    {
        object?[] keys = copy is IDictionary dictionary ? [.. dictionary.Keys] : [];
        return () => copy is IDictionary
            ? new DictArgument(
                [.. keys.Zip(items, (key, item) => KeyValuePair.Create(interpreter.ToArgument(key), interpreter.ToArgument(item)))],
                copy.GetType())
            : new ListArgument([.. items.Select(interpreter.ToArgument)],
                copy.GetType().IsArray ? copy.GetType().GetElementType()! : copy.GetType().GetGenericArguments()[0])
                { CollectionType = copy is Array ? null : copy.GetType() };
    }

    /// <summary>Makes the nodes that put back what is state.</summary>
    /// <param name="result">What the graph returns.</param>
    internal void WriteBack(Argument result)
    {
        var values = changes.Select(change => (change.Place, change.Type, Value: change.Value())).ToArray();
        var needed = Needed(result, values.Select(entry => entry.Value));
        foreach (var (place, type, value) in values)
        {
            var target = new StateTarget(place.Path, type, IsWritten: true);
            var name = (place with { Path = target.Place }).ToString();
            if (!value.nodes().Any(DependsOnContent) && !needed.Any(node => IsAt(node, target, place.Owner)))
            {
                Left.Add(name);
                interpreter.Overlay.Drop(name);
                continue;
            }
            Kept.Add(name);
            var own = value.map(node => new NodeArgument(Copied(node)));
            interpreter.Tracer.create_proxy(Opcode.call_function, target, [place.Owner is { } owner ? owner : new Literal(null), own],
                typeof(void));
        }
    }

    /// <summary>Takes away what was read and isn't needed, once the graph has its output.</summary>
    internal void Prune()
    {
        foreach (var node in Enumerable.Reverse(read))
            if (node is { IsErased: false, users.Count: 0 })
                interpreter.Graph.erase_node(node);
    }

    private static bool IsAt(Node node, StateTarget place, Node? owner)
        => owner is not null
            || (node.target is StateTarget { IsWritten: false, Path: var path }
                && (path == place.Place || path.StartsWith(place.Place + ".", StringComparison.Ordinal)));

    /// <summary>A constant of the graph is never given away: the next run reads it again.</summary>
    private Node Copied(Node node)
        => node.op == Opcode.get_attr && interpreter.Tracer.tensor_constants.ContainsKey(node.target.name)
            ? interpreter.Constants.CloneOf(node).node : node;

    /// <summary>The nodes that the result, the state or what the graph does beside depends on; assertions need nothing.</summary>
    private HashSet<Node> Needed(Argument result, IEnumerable<Argument> values)
    {
        var needed = new HashSet<Node>();
        var open = new Stack<Node>(result.nodes().Concat(values.SelectMany(value => value.nodes()))
            .Concat(interpreter.Graph.nodes.Where(node => node.op != Opcode.placeholder
                && node.target is not BuiltinTarget { Operation: Builtin._assert } && node.is_impure())));
        while (open.TryPop(out var node))
            if (needed.Add(node))
                foreach (var input in node.all_input_nodes)
                    open.Push(input);
        return needed;
    }

    private readonly Dictionary<Node, bool> contents = [];

    /// <summary>Whether a value depends on what is in an input or in the state, and not on sizes alone.</summary>
    private bool DependsOnContent(Node node)
    {
        var open = new Stack<Node>([node]);
        while (open.TryPeek(out var next))
        {
            Node[] unknown = [.. Sources(next).Where(input => !contents.ContainsKey(input))];
            if (unknown.Length == 0)
                contents[open.Pop()] = next.op == Opcode.placeholder || next.target is StateTarget
                    || Sources(next).Any(input => contents[input]);
            foreach (var input in unknown)
                open.Push(input);
        }
        return contents[node];
    }

    private static IReadOnlyList<Node> Sources(Node node)
        => node.target is BuiltinTarget { Operation: Builtin.len }
            || Operations.Of(node, null).Has(Effects.ReadsMetadata | Effects.MakesAlike) ? [] : node.all_input_nodes;
}
