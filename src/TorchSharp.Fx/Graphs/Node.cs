using System.Collections.Immutable;

namespace TorchSharp.Fx;

/// <summary>The six kinds of nodes. Counterpart: the <c>op</c> strings of <c>torch.fx.Node</c>.</summary>
public enum Opcode
{
    /// <summary>An input of the graph.</summary>
    placeholder,
    /// <summary>A parameter, buffer or constant of the module hierarchy.</summary>
    get_attr,
    /// <summary>A call of a static method, an operator, or an operation on numbers and sequences.</summary>
    call_function,
    /// <summary>A call of an instance method on its first argument.</summary>
    call_method,
    /// <summary>A call of a submodule.</summary>
    call_module,
    /// <summary>The graph's result: one per graph, its last node.</summary>
    output,
}

/// <summary>
/// One step of a <see cref="TorchSharp.Fx.Graph"/>. Nodes are made by their graph only; <see cref="args"/> and the
/// graph's own methods are the only ways to change one, and they keep <see cref="users"/> right. Counterpart: <c>torch.fx.Node</c>.
/// </summary>
public sealed partial class Node
{
    private readonly NodeSet readers = new();
    private ImmutableArray<Argument> arguments = [];
    private IReadOnlyList<Node> inputs = [];

    internal Node(Graph graph, string name, Opcode op, Target target, Type type)
    {
        this.graph = graph;
        this.name = name;
        this.op = op;
        this.target = target;
        this.type = type;
        prev = next = this;
    }

    /// <summary>The graph that the node belongs to.</summary>
    public Graph graph { get; }

    /// <summary>The node's name, unique in its graph.</summary>
    public string name { get; }

    /// <summary>Which of the six kinds of nodes it is.</summary>
    public Opcode op { get; }

    /// <summary>The operation that it does, or the thing that it names.</summary>
    public Target target { get; }

    /// <summary>The C# type of its value; <c>void</c> where it has none.</summary>
    public Type type { get; }

    /// <summary>The place in the traced program that made this node; null for a node added by hand.</summary>
    public Origin? origin { get; internal set; }

    /// <summary>The gradient mode that the node runs in; null for the mode of the code that runs the graph.</summary>
    public GradientMode? gradient_mode { get; set; }

    /// <summary>The arguments, one for each of the callee's parameters. Setting them updates the users of every node involved.</summary>
    public ImmutableArray<Argument> args
    {
        get => arguments;
        set
        {
            var given = InputsOf(value);
            foreach (var node in given)
                if (node.graph != graph)
                    throw new ArgumentException(
                        $"Node '{name}' can't take '{node.name}' as an argument: it belongs to another graph. Copy it over with "
                            + "graph.node_copy first.", nameof(value));
                else if (node.IsErased)
                    throw new ArgumentException(
                        $"Node '{name}' can't take '{node.name}' as an argument: it was erased from the graph. Make a new node with "
                            + "graph.node_copy.", nameof(value));
            foreach (var input in inputs)
                input.readers.Remove(this);
            (arguments, inputs) = (value, given);
            graph.Changed();
            foreach (var input in inputs)
                input.readers.Add(this);
        }
    }

    /// <summary>The nodes that read this one, in the order in which they were made its users.</summary>
    public IReadOnlyList<Node> users => readers;

    /// <summary>The nodes this one reads, each once, in order of first appearance.</summary>
    public IReadOnlyList<Node> all_input_nodes => inputs;

    /// <summary>The following node in the graph's order; after the last comes the graph's root.</summary>
    public Node next { get; internal set; }

    /// <summary>The preceding node in the graph's order.</summary>
    public Node prev { get; internal set; }

    internal bool IsErased { get; set; }

    /// <summary>
    /// Notes that the node stands for another one, or for a part of it: it comes from where that did and runs in its gradient mode.
    /// </summary>
    internal void StandsFor(Node other) => (origin, gradient_mode) = (other.origin, other.gradient_mode);

    /// <summary>The node as a line of the graph's text; see <c>docs/graph-text.md</c>.</summary>
    public string format_node() => GraphText.Line(this);

    /// <inheritdoc/>
    public override string ToString() => name;

    internal bool Reads(Node node) => inputs is NodeSet many ? many.Contains(node) : inputs.Contains(node);

    internal bool IsReadBy(Node node) => readers.Contains(node);

    private static IReadOnlyList<Node> InputsOf(ImmutableArray<Argument> arguments)
    {
        if (arguments.All(argument => argument is not NodeArgument && !argument.Parts.Any()))
            return [];
        var inputs = new NodeSet();
        foreach (var argument in arguments)
            inputs.AddAll(argument);
        return inputs;
    }
}

/// <summary>Where a node came from: the module that ran and the place in its code.</summary>
public sealed class Origin
{
    private readonly MethodIL? code;
    private readonly int instruction;
    private readonly string? savedMethod;
    private readonly (string File, int Line)? savedLine;

    internal Origin(string modulePath, MethodIL? code, int instruction)
    {
        module_path = modulePath;
        this.code = code;
        this.instruction = instruction;
    }

    private Origin(Origin other, string modulePath)
        => (module_path, code, instruction, savedMethod, savedLine)
            = (modulePath, other.code, other.instruction, other.savedMethod, other.savedLine);

    /// <summary>The place as a file tells it, where the code itself is not at hand.</summary>
    internal Origin(string modulePath, string? method, (string File, int Line)? line)
    {
        module_path = modulePath;
        savedMethod = method;
        savedLine = line;
    }

    /// <summary>The qualified name of the module whose code made the node; empty for the root.</summary>
    public string module_path { get; }

    /// <summary>The method, <c>ResNet.forward</c>; null where no code is known.</summary>
    public string? method => code is null ? savedMethod : $"{code.Method.DeclaringType?.Name}.{code.Method.Name}";

    /// <summary>The C# file and line, when a portable PDB is embedded in the assembly or lies beside it.</summary>
    public (string File, int Line)? line => code?.LineOf(instruction) is { } found ? (found.File, found.Line) : savedLine;

    /// <summary>The same place, in a model that has the root as its module of a name.</summary>
    internal Origin Within(string path) => new(this, ModuleHierarchy.Join(path, module_path));

    /// <summary><c>ResNet.cs:42</c>; without a PDB the method and IL offset, <c>ResNet.forward+IL_001f</c>.</summary>
    public override string ToString()
    {
        if (line is { } found)
            return $"{Path.GetFileName(found.File)}:{found.Line}";
        return code is null ? savedMethod ?? "unknown" : $"{method}+IL_{code.Instructions[instruction].Offset:x4}";
    }
}
