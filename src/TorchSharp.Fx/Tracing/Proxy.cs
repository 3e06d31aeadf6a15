namespace TorchSharp.Fx;

/// <summary>
/// A value of a graph, for use in C# expressions: <c>new Proxy(node) * 2 + other</c> adds nodes at the graph's insertion point. A tracer
/// also passes proxies to its overridable methods, for numbers, enums and tuples that depend on an input. Tensors and other objects that
/// depend on an input are passed as fakes: objects of their own type without content. Counterpart: <c>torch.fx.Proxy</c>.
/// </summary>
public partial class Proxy
{
    private readonly Argument? argument;

    /// <summary>A proxy of a node's value.</summary>
    public Proxy(Node node) : this(new NodeArgument(node), node is null ? throw new ArgumentNullException(nameof(node)) : node.type) { }

    internal Proxy(Argument? argument, Type type) => (this.argument, this.type) = (argument, type);

    /// <summary>The C# type of the value.</summary>
    public Type type { get; }

    /// <summary>The node that computes the value, or the last one it was converted from.</summary>
    public Node node => Argument.nodes().First();

    /// <summary>The argument by which other nodes read the value.</summary>
    internal virtual Argument Argument => argument!;

    /// <summary><c>&lt;getitem_1></c>: the text that stands for the value in logs and exceptions of the traced program.</summary>
    public override string ToString() => $"<{node.name}>";
}
