namespace TorchSharp.Fx;

/// <summary>
/// A value of a graph that C# expressions can be written with: <c>new Proxy(node) * 2 + other</c> adds nodes to the graph, at its insertion
/// point. The tracer hands one to whom it asks about a value that depends on the traced module's inputs; there, a symbolic tensor or other
/// object is passed around as itself, an object without content, and numbers, enums and tuples have only this. Counterpart:
/// <c>torch.fx.Proxy</c>.
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

    /// <summary><c>&lt;getitem_1></c>: what a log or an exception of the traced program shows for the value.</summary>
    public override string ToString() => $"<{node.name}>";
}
