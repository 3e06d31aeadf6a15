using System.Collections.Immutable;

namespace TorchSharp.Fx;

/// <summary>The edits of a node.</summary>
public sealed partial class Node
{
    /// <summary>The name that feature extraction knows the node by, <c>layer1.0.conv1</c>.</summary>
    internal static readonly MetaKey<string> QualifiedName = new("qualified name");

    private Dictionary<object, object?>? metadata;

    /// <summary>
    /// The arguments by parameter name. They are the same arguments as in <see cref="args"/>, because a C# call passes all of them in
    /// order. Empty where the target has no named parameters. Counterpart: <c>torch.fx.Node.kwargs</c>.
    /// </summary>
    public IReadOnlyDictionary<string, Argument> kwargs
        => ParameterNames().Zip(args).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);

    /// <summary>Moves <paramref name="x"/> to just before this node. Counterpart: <c>torch.fx.Node.prepend</c>.</summary>
    public void prepend(Node x) => Move(x, this);

    /// <summary>Moves <paramref name="x"/> to just after this node. Counterpart: <c>torch.fx.Node.append</c>.</summary>
    public void append(Node x) => Move(x, next);

    /// <summary>Replaces the argument at a position. Counterpart: <c>torch.fx.Node.update_arg</c>.</summary>
    /// <param name="idx">The position, from 0.</param>
    /// <param name="arg">The new argument.</param>
    public void update_arg(int idx, Argument arg) => args = args.SetItem(Position(idx, args.Length - 1), arg);

    /// <summary>Inserts an argument at a position and shifts the later ones. Counterpart: <c>torch.fx.Node.insert_arg</c>.</summary>
    /// <param name="idx">The position, from 0 to the number of arguments.</param>
    /// <param name="arg">The new argument.</param>
    public void insert_arg(int idx, Argument arg) => args = args.Insert(Position(idx, args.Length), arg);

    /// <summary>Replaces the argument of a parameter. Counterpart: <c>torch.fx.Node.update_kwarg</c>.</summary>
    /// <param name="key">The parameter's name.</param>
    /// <param name="arg">The new argument.</param>
    public void update_kwarg(string key, Argument arg)
    {
        var names = ParameterNames();
        var position = names.IndexOf(key);
        if (position < 0 || position >= args.Length)
            throw new ArgumentException(
                $"Node '{name}' has no argument '{key}': {target.name} takes {(names.IsEmpty ? "none by name" : string.Join(", ", names))}.", nameof(key));
        update_arg(position, arg);
    }

    /// <summary>
    /// Makes every user of this node read <paramref name="replace_with"/> instead, and returns those users. Counterpart:
    /// <c>torch.fx.Node.replace_all_uses_with</c>.
    /// </summary>
    /// <param name="replace_with">The node that they read from then on.</param>
    /// <param name="delete_user_cb">Which users to change; all when null.</param>
    /// <exception cref="ArgumentException">The replacement reads this node and would read itself: leave it out with
    /// <paramref name="delete_user_cb"/>.</exception>
    public IReadOnlyList<Node> replace_all_uses_with(Node replace_with, Func<Node, bool>? delete_user_cb = null)
    {
        ArgumentNullException.ThrowIfNull(replace_with);
        var changed = readers.Where(user => delete_user_cb?.Invoke(user) ?? true).ToArray();
        if (replace_with != this && changed.Contains(replace_with))
            throw new ArgumentException(
                $"Node '{replace_with.name}' can't take the place of '{name}' everywhere: it reads '{name}' and would read itself. Leave "
                    + $"it out: {name}.replace_all_uses_with({replace_with.name}, user => user != {replace_with.name}).",
                        nameof(replace_with));
        foreach (var user in changed)
            user.replace_input_with(this, replace_with);
        return changed;
    }

    /// <summary>
    /// Makes this node read <paramref name="new_input"/> wherever it reads <paramref name="old_input"/> now. Counterpart:
    /// <c>torch.fx.Node.replace_input_with</c>.
    /// </summary>
    public void replace_input_with(Node old_input, Node new_input)
        => args = [.. args.Select(argument => argument.map(node => node == old_input ? new_input : node))];

    /// <summary>
    /// Whether the node does more than compute its value. That is so for an input, the output, an assertion, a call that writes to an
    /// argument (<c>add_</c>, an indexer's setter, <c>inplace: true</c>), draws random numbers or changes a setting of the process, and a
    /// call of unknown code. A call of a module counts as pure: a node alone does not know what its module does. Counterpart:
    /// <c>torch.fx.Node.is_impure</c>.
    /// </summary>
    public bool is_impure()
        => op is Opcode.placeholder or Opcode.output
            || (target is not ModuleTarget && Operations.Of(this, null) is var does
                && (does.Writes != Operands.None || does.Has(Effects.Lasting)));

    /// <summary>
    /// The value that a pass stored on this node under a key; the type's default value when there is none. Counterpart:
    /// <c>torch.fx.Node.meta</c>.
    /// </summary>
    public T? get_meta<T>(MetaKey<T> key) => metadata is not null && metadata.TryGetValue(key, out var value) ? (T?)value : default;

    /// <summary>Stores a value on this node under a key.</summary>
    public void set_meta<T>(MetaKey<T> key, T value) => (metadata ??= [])[key] = value;

    internal void CopyMeta(Node source)
    {
        if (source.metadata is not null)
            metadata = new(source.metadata);
    }

    private int Position(int idx, int last) => idx >= 0 && idx <= last
        ? idx
        : throw new ArgumentOutOfRangeException(nameof(idx),
            $"Node '{name}' has {args.Length} argument{(args.Length == 1 ? "" : "s")}; there is no position {idx}.");

    private void Move(Node x, Node before)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.graph != graph || x.IsErased)
            throw new ArgumentException(
                $"Node '{x.name}' can't be moved beside '{name}': it is not part of this graph (any more). Copy it over with "
                    + "graph.node_copy.", nameof(x));
        if (x == this || x == before)
            return;
        graph.Changed();
        (x.prev.next, x.next.prev) = (x.next, x.prev);
        (x.prev, x.next) = (before.prev, before);
        (before.prev.next, before.prev) = (x, x);
    }

    private ImmutableArray<string> ParameterNames() => target.Callee is { } callee && target is not MemberTarget ? [.. callee.Names] : [];
}

/// <summary>
/// A key under which a pass stores values of type <typeparamref name="T"/> on nodes. Keep it in a static field: two keys are never equal,
/// even with the same name.
/// </summary>
/// <param name="name">The name to show; it need not be unique.</param>
public sealed class MetaKey<T>(string name)
{
    /// <inheritdoc/>
    public override string ToString() => name;
}
