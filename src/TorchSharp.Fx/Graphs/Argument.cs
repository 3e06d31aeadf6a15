using System.Collections.Immutable;
using System.Reflection;

namespace TorchSharp.Fx;

/// <summary>
/// An argument of a node: another node's value, a constant, or a structure of both.
/// The hierarchy is closed. Counterpart: <c>torch.fx.node.Argument</c>.
/// </summary>
public abstract record Argument
{
    private protected Argument() { }

    /// <summary>The nodes this argument reads, in order. A node that it reads twice appears twice.</summary>
    public IEnumerable<Node> nodes() => this is NodeArgument self ? [self.Node] : Parts.SelectMany(part => part.nodes());

    /// <summary>The arguments directly inside this one.</summary>
    internal virtual IEnumerable<Argument> Parts => [];

    /// <summary>
    /// A copy of this argument in which every node is replaced by what <paramref name="replacement"/> returns for it. Counterpart:
    /// <c>torch.fx.node.map_arg</c>.
    /// </summary>
    public virtual Argument map(Func<Node, Argument> replacement) => this;

    /// <summary>Makes an argument of a node's value.</summary>
    public static implicit operator Argument(Node node) => new NodeArgument(node);

    /// <summary>Makes an argument of a constant: a number, a bool or a string.</summary>
    public static implicit operator Argument(long value) => new Literal(value);

    /// <inheritdoc cref="op_Implicit(long)"/>
    public static implicit operator Argument(int value) => new Literal(value);

    /// <inheritdoc cref="op_Implicit(long)"/>
    public static implicit operator Argument(double value) => new Literal(value);

    /// <inheritdoc cref="op_Implicit(long)"/>
    public static implicit operator Argument(bool value) => new Literal(value);

    /// <inheritdoc cref="op_Implicit(long)"/>
    public static implicit operator Argument(string value) => new Literal(value);

    /// <summary>The argument as the graph's text shows it, e.g. <c>%conv1</c>, <c>(slice(None, None, None), 3)</c>.</summary>
    public sealed override string ToString() => ArgumentText.Of(this);

    private protected static ImmutableArray<Argument> MapAll(ImmutableArray<Argument> items, Func<Node, Argument> replacement)
        => [.. items.Select(item => item.map(replacement))];
}

/// <summary>The value of another node.</summary>
public sealed record NodeArgument(Node Node) : Argument
{
    /// <inheritdoc/>
    public override Argument map(Func<Node, Argument> replacement) => replacement(Node);
}

/// <summary>
/// A constant that a graph can write down: null, a number, a bool, a string, an enum (dtypes included), a device, or an object it can only
/// hold on to (a generator).
/// </summary>
public sealed record Literal(object? Value) : Argument;

/// <summary>
/// A list of arguments. When the graph runs, it becomes an array, a list or a span of <paramref name="ElementType"/>, whichever the callee
/// takes.
/// </summary>
public sealed record ListArgument(ImmutableArray<Argument> Items, Type ElementType) : Argument
{
    internal override IEnumerable<Argument> Parts => Items;

    /// <summary>The collection type to build where no callee's parameter decides; null for an array of the element type.</summary>
    public Type? CollectionType { get; init; }

    /// <inheritdoc/>
    public override Argument map(Func<Node, Argument> replacement) => this with { Items = MapAll(Items, replacement) };
}

/// <summary>All elements of a sequence, spread into the list around it (<c>[.. shape, n]</c>; Python's <c>*shape</c>).</summary>
public sealed record SpreadArgument(Argument Sequence) : Argument
{
    internal override IEnumerable<Argument> Parts => [Sequence];

    /// <inheritdoc/>
    public override Argument map(Func<Node, Argument> replacement) => new SpreadArgument(Sequence.map(replacement));
}

/// <summary>A tuple of the type <paramref name="TupleType"/> (a <c>ValueTuple</c> or <c>Tuple</c>).</summary>
public sealed record TupleArgument(ImmutableArray<Argument> Items, Type TupleType) : Argument
{
    internal override IEnumerable<Argument> Parts => Items;

    /// <inheritdoc/>
    public override Argument map(Func<Node, Argument> replacement) => this with { Items = MapAll(Items, replacement) };
}

/// <summary>A dictionary of the type <paramref name="DictionaryType"/>, in insertion order.</summary>
public sealed record DictArgument(ImmutableArray<KeyValuePair<Argument, Argument>> Entries, Type DictionaryType) : Argument
{
    internal override IEnumerable<Argument> Parts => Entries.SelectMany(entry => new[] { entry.Key, entry.Value });

    /// <inheritdoc/>
    public override Argument map(Func<Node, Argument> replacement)
        => this with { Entries =
            [.. Entries.Select(entry => KeyValuePair.Create(entry.Key.map(replacement), entry.Value.map(replacement)))] };
}

/// <summary>An object or struct of a user's type, e.g. a record of tensors. It is rebuilt field by field; no constructor runs.</summary>
public sealed record ObjectArgument(Type ObjectType, ImmutableArray<KeyValuePair<FieldInfo, Argument>> Fields) : Argument
{
    internal override IEnumerable<Argument> Parts => Fields.Select(entry => entry.Value);

    /// <inheritdoc/>
    public override Argument map(Func<Node, Argument> replacement)
        => this with { Fields = [.. Fields.Select(entry => KeyValuePair.Create(entry.Key, entry.Value.map(replacement)))] };
}

/// <summary>An index range, as <c>x[1..^1]</c> or <c>TensorIndex.Slice</c> gives it; a null bound is open.</summary>
public sealed record SliceArgument(Argument? Start, Argument? Stop, Argument? Step) : Argument
{
    internal override IEnumerable<Argument> Parts => new[] { Start, Stop, Step }.OfType<Argument>();

    /// <inheritdoc/>
    public override Argument map(Func<Node, Argument> replacement)
        => new SliceArgument(Start?.map(replacement), Stop?.map(replacement), Step?.map(replacement));
}

/// <summary>The <c>...</c> of an index.</summary>
public sealed record EllipsisArgument : Argument;

/// <summary>
/// A numeric conversion of a symbolic number, as C#'s casts and CIL's <c>conv</c> do it. Python has no such step, so it
/// belongs to the argument and makes no node of its own.
/// </summary>
/// <param name="Value">The value to convert.</param>
/// <param name="Type">The primitive type it becomes.</param>
/// <param name="Checked">Whether a value out of range throws (<c>checked</c>).</param>
public sealed record ConvertArgument(Argument Value, Type Type, bool Checked) : Argument
{
    internal override IEnumerable<Argument> Parts => [Value];

    /// <inheritdoc/>
    public override Argument map(Func<Node, Argument> replacement) => this with { Value = Value.map(replacement) };
}
