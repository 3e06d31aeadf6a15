using System.Reflection;

namespace TorchSharp.Fx;

/// <summary>
/// The operation that a node does, or the thing that it names. The hierarchy is closed: one record for each thing that a node's kind can
/// point at.
/// </summary>
public abstract record Target
{
    private protected Target() { }

    /// <summary>The name PyTorch's graph would show, e.g. <c>add</c> for <c>operator +</c>, <c>layer1.0.conv1</c> for a module.</summary>
    public abstract string name { get; }

    /// <summary>The method that is called; null where none is.</summary>
    internal virtual Callee? Callee => null;

    /// <inheritdoc/>
    public sealed override string ToString() => name;
}

/// <summary>An input of the traced <c>forward</c>, by its parameter's name.</summary>
/// <param name="Parameter">The parameter's name in C#.</param>
/// <param name="Default">Its default value, or null when it has none.</param>
public sealed record PlaceholderTarget(string Parameter, Literal? Default = null) : Target
{
    /// <inheritdoc/>
    public override string name => Parameter;
}

/// <summary>A parameter, buffer or tensor constant, by its qualified name.</summary>
public sealed record AttributeTarget(string Path) : Target
{
    /// <inheritdoc/>
    public override string name => Path;
}

/// <summary>A submodule, by its qualified name, and the method of it that runs (<c>call</c>).</summary>
public sealed record ModuleTarget(string Path, MethodInfo Method) : Target
{
    /// <inheritdoc/>
    public override string name => Path;

    internal override Callee? Callee => new(Method, 0);
}

/// <summary>
/// A static method or an operator; also a constructor. Its arguments are the method's parameters, all of them, in order; an indexer's
/// receiver comes first.
/// </summary>
public sealed record FunctionTarget(MethodBase Method) : Target
{
    /// <inheritdoc/>
    public override string name { get; } = PythonNames.Of(Method);

    internal override Callee? Callee => Graphs.Callee.Of(Method);
}

/// <summary>An instance method. Its arguments are the receiver, then the method's parameters, all of them, in order.</summary>
public sealed record MethodTarget(MethodInfo Method) : Target
{
    /// <inheritdoc/>
    public override string name { get; } = PythonNames.Of(Method);

    internal override Callee? Callee => new(Method, 1);

    /// <summary>A copy of a tensor.</summary>
    internal static MethodTarget OfClone { get; } = new(typeof(torch.Tensor).GetMethod(nameof(torch.Tensor.clone), Type.EmptyTypes)!);
}

/// <summary>A property's getter or a field, read from its one argument: Python's <c>getattr</c>.</summary>
public sealed record MemberTarget(MemberInfo Member) : Target
{
    /// <inheritdoc/>
    public override string name => "getattr";

    internal override Callee? Callee => Member is PropertyInfo { GetMethod: { } getter } ? Graphs.Callee.Of(getter) : null;
}

/// <summary>
/// An operation on numbers, tuples or sequences that is not a method call: CIL has an instruction for it, Python an operator.
/// </summary>
/// <param name="Operation">Which one.</param>
/// <param name="Type">The primitive type whose .NET arithmetic applies (<c>int</c>, <c>long</c>, <c>ulong</c>, <c>double</c> …), or the
/// sequence's or tuple's type.</param>
/// <param name="Checked">Whether an overflow throws (<c>checked</c>).</param>
public sealed record BuiltinTarget(Builtin Operation, Type Type, bool Checked = false) : Target
{
    /// <inheritdoc/>
    public override string name => Operation.ToString();
}

/// <summary>
/// Reads or writes a value that the traced model keeps between calls, e.g. the keys of past tokens. A read has no arguments. A write has
/// two: the input that contains the place (null when the model itself does), and the value to write.
/// </summary>
/// <param name="Path">The place: field names, indices and keys, joined by dots. <c>[:]</c> at the end means the whole content of a
/// collection, <c>[+]</c> elements appended to a list.</param>
/// <param name="Type">The C# type of the value.</param>
/// <param name="IsWritten">Whether the node writes the value; otherwise it reads it.</param>
public sealed record StateTarget(string Path, Type Type, bool IsWritten) : Target
{
    /// <summary>At the end of a path: all that the collection there holds.</summary>
    internal const string Content = "[:]";

    /// <summary>At the end of a path: what is added to the list there.</summary>
    internal const string Added = "[+]";

    /// <summary>The path without what says that a collection's content is meant.</summary>
    internal string Place => IsContent || IsAdded ? Path[..^Content.Length] : Path;

    /// <summary>Whether a collection stays and gets other content.</summary>
    internal bool IsContent => Path.EndsWith(Content, StringComparison.Ordinal);

    /// <summary>Whether a list stays and gets further elements.</summary>
    internal bool IsAdded => Path.EndsWith(Added, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string name => IsWritten ? "set_state" : "get_state";
}

/// <summary>
/// Runs a graph once per iteration and collects the results: a loop whose iterations do not depend on each other. The first argument is the
/// number of iterations; the others are passed to each iteration, after its number. Counterpart: <c>torch._higher_order_ops.map</c>.
/// </summary>
/// <param name="Body">The graph of one iteration. Its first input is the iteration's number, from zero. It returns an array with one tensor
/// for each collection. It may call modules of the surrounding graph's hierarchy, but gets parameters and buffers as inputs. Do not edit
/// it.</param>
public sealed record MapTarget(Graph Body) : Target
{
    /// <inheritdoc/>
    public override string name => "map";

    /// <summary>The values that each turn gets beside its number.</summary>
    internal IEnumerable<Node> Operands => Body.find_nodes(Opcode.placeholder).Skip(1);

    /// <summary>A turn's results, one value for each collection.</summary>
    internal System.Collections.Immutable.ImmutableArray<Argument> Results => ((ListArgument)Body.output_node().args[0]).Items;

    /// <summary>The modules that a turn calls.</summary>
    internal IEnumerable<string> Calls => Body.all_nodes.Where(node => node.op == Opcode.call_module).Select(node => node.target.name);

    /// <summary>The same with other names for the modules.</summary>
    internal MapTarget Renamed(Func<string, string> name_of)
    {
        var (renamed, copies) = (new Graph(), new Dictionary<Node, Node>());
        foreach (var node in Body.nodes)
        {
            var target = node.target switch
            {
                ModuleTarget module => module with { Path = name_of(module.Path) },
                MapTarget inner => inner.Renamed(name_of),
                var other => other,
            };
            copies[node] =
                renamed.create_node(node.op, target, [.. node.args.Select(argument => argument.map(inside => copies[inside]))], node.type,
                    node.name);
            copies[node].StandsFor(node);
            copies[node].CopyMeta(node);
        }
        return new(renamed);
    }
}

/// <summary>The operations of <see cref="BuiltinTarget"/>, under the names of Python's <c>operator</c> module.</summary>
public enum Builtin
{
    /// <summary><c>a + b</c></summary>
    add,
    /// <summary><c>a - b</c></summary>
    sub,
    /// <summary><c>a * b</c></summary>
    mul,
    /// <summary><c>a / b</c> of integers: .NET truncates towards zero.</summary>
    floordiv,
    /// <summary><c>a / b</c> of floating-point numbers.</summary>
    truediv,
    /// <summary><c>a % b</c>; the sign is the dividend's, as in .NET.</summary>
    mod,
    /// <summary><c>-a</c></summary>
    neg,
    /// <summary><c>a &amp; b</c></summary>
    and_,
    /// <summary><c>a | b</c></summary>
    or_,
    /// <summary><c>a ^ b</c></summary>
    xor,
    /// <summary><c>a &lt;&lt; b</c></summary>
    lshift,
    /// <summary><c>a >> b</c></summary>
    rshift,
    /// <summary><c>~a</c></summary>
    invert,
    /// <summary><c>!a</c> of a bool.</summary>
    not_,
    /// <summary><c>a == b</c></summary>
    eq,
    /// <summary><c>a != b</c></summary>
    ne,
    /// <summary><c>a &lt; b</c></summary>
    lt,
    /// <summary><c>a &lt;= b</c></summary>
    le,
    /// <summary><c>a > b</c></summary>
    gt,
    /// <summary><c>a >= b</c></summary>
    ge,
    /// <summary>
    /// An element of an array, list, dictionary or tuple, or a slice of an array. The arguments are the sequence, then the index, key or
    /// <see cref="SliceArgument"/>.
    /// </summary>
    getitem,
    /// <summary>The number of elements of an array, list or dictionary, as an <c>int</c>.</summary>
    len,
    /// <summary>
    /// Throws a <see cref="GraphAssertionException"/> with the message (second argument) unless the condition (first argument) holds.
    /// </summary>
    _assert,
}

/// <summary>The graph's result.</summary>
public sealed record OutputTarget : Target
{
    /// <inheritdoc/>
    public override string name => "output";
}
