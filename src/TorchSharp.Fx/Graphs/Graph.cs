using System.Collections.Immutable;
using System.Reflection;

namespace TorchSharp.Fx;

/// <summary>
/// A program on tensors as a list of <see cref="Node"/>s in execution order: placeholders first, then attribute reads, calls and
/// computations, and one output last. Counterpart: <c>torch.fx.Graph</c>.
/// </summary>
public sealed class Graph
{
    private readonly Namespace names = new();
    private readonly Node root;
    private Node insertionPoint;
    private int version;
    private (int Version, AliasAnalysis Analysis)? analysed;

    /// <summary>An empty graph.</summary>
    public Graph()
    {
        root = new Node(this, "", Opcode.output, new OutputTarget(), typeof(void));
        insertionPoint = root;
    }

    /// <summary>All nodes in execution order.</summary>
    public IEnumerable<Node> nodes
    {
        get
        {
            for (var node = root.next; node != root;)
            {
                var current = node;
                node = node.next;
                yield return current;
            }
        }
    }

    /// <summary>All nodes, also those of graphs that nodes hold.</summary>
    internal IEnumerable<Node> all_nodes
        => nodes.SelectMany(node => node.target is MapTarget map ? map.Body.all_nodes.Prepend(node) : [node]);

    /// <summary>Notes that a node was added, moved, erased or given other arguments.</summary>
    internal void Changed() => version++;

    /// <summary>
    /// Which values share memory and what each node does, as the graph and the modules are now. It is worked out once for each version of
    /// the graph.
    /// </summary>
    /// <param name="modules">The hierarchy that the graph names; without one every module is opaque.</param>
    /// <param name="training">Whether the graph runs in training; null where that isn't known.</param>
    internal AliasAnalysis Aliases(ModuleHierarchy? modules, bool? training = null)
    {
        if (analysed is { } known && known.Version == version && known.Analysis.IsOf(modules, training))
            return known.Analysis;
        var analysis = new AliasAnalysis(this, modules, training);
        analysed = (version, analysis);
        return analysis;
    }

    /// <summary>The end of the list, after the last node and before the first: the list is a ring.</summary>
    internal Node End => root;

    /// <summary>The number of nodes.</summary>
    public int Count { get; private set; }

    /// <summary>The output node.</summary>
    /// <exception cref="InvalidOperationException">The graph has no output node yet.</exception>
    public Node output_node()
        => root.prev.op == Opcode.output && root.prev != root
            ? root.prev : throw new InvalidOperationException("The graph has no output node: end it with graph.output(...).");

    /// <summary>
    /// Makes a node at the insertion point. Counterpart: <c>torch.fx.Graph.create_node</c>.
    /// </summary>
    /// <param name="op">The node's kind.</param>
    /// <param name="target">The operation that it does, or the thing that it names.</param>
    /// <param name="args">Its arguments, one for each of the callee's parameters.</param>
    /// <param name="type">The C# type of its value.</param>
    /// <param name="name">The name; derived from the target when null. A suffix is added if the name is taken.</param>
    public Node create_node(Opcode op, Target target, ImmutableArray<Argument> args, Type type, string? name = null)
    {
        var node = new Node(this, names.Create(name ?? Namespace.SnakeCase(target.name)), op, target, type) { args = args };
        Link(node, insertionPoint);
        Count++;
        return node;
    }

    /// <summary>Adds an input. Counterpart: <c>torch.fx.Graph.placeholder</c>.</summary>
    /// <param name="name">The input's name.</param>
    /// <param name="type">Its C# type.</param>
    /// <param name="default_value">The value when the caller leaves it out; null when the input is required.</param>
    public Node placeholder(string name, Type type, Literal? default_value = null)
        => create_node(Opcode.placeholder, new PlaceholderTarget(name, default_value), [], type);

    /// <summary>Reads a parameter, buffer or constant by its qualified name. Counterpart: <c>torch.fx.Graph.get_attr</c>.</summary>
    public Node get_attr(string qualified_name)
        => create_node(Opcode.get_attr, new AttributeTarget(qualified_name), [], typeof(torch.Tensor));

    /// <summary>Calls a static method. Counterpart: <c>torch.fx.Graph.call_function</c>.</summary>
    /// <param name="function">The method.</param>
    /// <param name="args">Its arguments in order; parameters left out take their defaults.</param>
    public Node call_function(MethodInfo function, params ImmutableArray<Argument> args)
        => create_node(Opcode.call_function, new FunctionTarget(function), CallArguments.Complete(function, args), function.ReturnType);

    /// <summary>
    /// Calls a static method given as a delegate: <c>graph.call_function(torch.softmax, x, 1)</c>. Counterpart:
    /// <c>torch.fx.Graph.call_function</c>.
    /// </summary>
    /// <param name="function">The method. Where it has overloads, its parameters' types say which: <c>(Func&lt;Tensor, long,
    /// Tensor>)torch.sum</c>.</param>
    /// <param name="args">Its arguments in order; parameters left out take their defaults.</param>
    public Node call_function(Delegate function, params ImmutableArray<Argument> args)
        => call_function(CallArguments.StaticMethod(function), args);

    /// <inheritdoc cref="call_function(Delegate, ImmutableArray{Argument})"/>
    public Node call_function(Func<torch.Tensor, torch.Tensor> function, Argument arg)
        => call_function(CallArguments.StaticMethod(function), arg);

    /// <inheritdoc cref="call_function(Delegate, ImmutableArray{Argument})"/>
    public Node call_function(Func<torch.Tensor, torch.Tensor, torch.Tensor> function, Argument arg1, Argument arg2)
        => call_function(CallArguments.StaticMethod(function), arg1, arg2);

    /// <summary>Calls an instance method on its first argument. Counterpart: <c>torch.fx.Graph.call_method</c>.</summary>
    /// <param name="method">The method.</param>
    /// <param name="args">The receiver, then the method's arguments in order; parameters left out take their defaults.</param>
    public Node call_method(MethodInfo method, params ImmutableArray<Argument> args)
        => create_node(Opcode.call_method, new MethodTarget(method), CallArguments.Complete(method, args), method.ReturnType);

    /// <summary>Calls a submodule that takes and returns tensors. Counterpart: <c>torch.fx.Graph.call_module</c>.</summary>
    /// <param name="module_name">Its qualified name.</param>
    /// <param name="args">One to six arguments.</param>
    public Node call_module(string module_name, params ImmutableArray<Argument> args)
    {
        if (args.Length is < 1 or > 6)
            throw new ArgumentException($"A module takes one to six inputs, but '{module_name}' is given {args.Length}.", nameof(args));
        var open = typeof(torch.nn.Module).DeclaringType!.GetNestedType($"Module`{args.Length + 1}")!;
        var module = open.MakeGenericType([.. Enumerable.Repeat(typeof(torch.Tensor), args.Length + 1)]);
        return create_node(Opcode.call_module, new ModuleTarget(module_name, module.GetMethod("call")!), args, typeof(torch.Tensor));
    }

    /// <summary>The nodes of a kind, in order. Counterpart: <c>torch.fx.Graph.find_nodes</c>.</summary>
    /// <param name="op">The kind.</param>
    /// <param name="target">The target's name as the graph's text shows it; any target when null.</param>
    public IEnumerable<Node> find_nodes(Opcode op, string? target = null)
        => nodes.Where(node => node.op == op && (target is null || node.target.name == target));

    /// <summary>Ends the graph with its result. Counterpart: <c>torch.fx.Graph.output</c>.</summary>
    /// <param name="result">The value that the graph returns.</param>
    /// <param name="type">The C# type of the result.</param>
    public Node output(Argument result, Type type) => create_node(Opcode.output, new OutputTarget(), [result], type);

    /// <summary>Removes a node from the graph. Counterpart: <c>torch.fx.Graph.erase_node</c>.</summary>
    /// <exception cref="InvalidOperationException">Other nodes still read it.</exception>
    /// <exception cref="ArgumentException">It is not part of this graph.</exception>
    public void erase_node(Node to_erase)
    {
        if (to_erase.graph != this || to_erase.IsErased)
            throw new ArgumentException($"Node '{to_erase.name}' can't be erased: it is not part of this graph (any more).",
                nameof(to_erase));
        if (to_erase.users.Count > 0)
            throw new InvalidOperationException(
                $"Node '{to_erase.name}' can't be erased: {string.Join(", ", to_erase.users)} still "
                    + $"read{(to_erase.users.Count == 1 ? "s" : "")} it. Give them another argument first, e.g. with replace_all_uses_with.");
        if (insertionPoint == to_erase)
            insertionPoint = to_erase.next;
        to_erase.args = [];
        (to_erase.prev.next, to_erase.next.prev) = (to_erase.next, to_erase.prev);
        to_erase.IsErased = true;
        Changed();
        names.Release(to_erase.name);
        Count--;
    }

    /// <summary>
    /// Makes new nodes appear before <paramref name="node"/> until the result is disposed. Counterpart:
    /// <c>torch.fx.Graph.inserting_before</c>.
    /// </summary>
    public IDisposable inserting_before(Node node) => new Insertion(this, node);

    /// <summary>
    /// Makes new nodes appear after <paramref name="node"/> until the result is disposed. Counterpart:
    /// <c>torch.fx.Graph.inserting_after</c>.
    /// </summary>
    public IDisposable inserting_after(Node node) => new Insertion(this, node.next);

    /// <summary>
    /// Copies all nodes of <paramref name="source"/> except its output to the insertion point. A copy keeps its name if that is free.
    /// Returns the argument of the source's output, with the copies in place of the nodes. Counterpart: <c>torch.fx.Graph.graph_copy</c>.
    /// </summary>
    /// <param name="source">The graph to copy.</param>
    /// <param name="copies">Receives each node's copy. Nodes that are already in it are not copied.</param>
    public Argument? graph_copy(Graph source, Dictionary<Node, Node> copies)
    {
        foreach (var node in source.nodes)
        {
            if (node.op == Opcode.output)
                return node.args[0].map(inner => copies[inner]);
            if (!copies.ContainsKey(node))
                copies[node] = node_copy(node, inner => copies[inner]);
        }
        return null;
    }

    /// <summary>
    /// A copy of the graph: its nodes under the same names, with their origin and metadata. Counterpart: <c>copy.deepcopy</c> of a
    /// <c>torch.fx.Graph</c>.
    /// </summary>
    public Graph clone()
    {
        var copy = new Graph();
        var copies = new Dictionary<Node, Node>();
        foreach (var node in nodes)
            copies[node] = copy.node_copy(node, inner => copies[inner]);
        return copy;
    }

    /// <summary>
    /// Copies one node, of any graph, to the insertion point, with its origin and metadata. Counterpart: <c>torch.fx.Graph.node_copy</c>.
    /// </summary>
    /// <param name="node">The node.</param>
    /// <param name="arg_transform">Gives the argument that replaces each node it reads. When null, the copy reads the same nodes, which
    /// must belong to this graph.</param>
    public Node node_copy(Node node, Func<Node, Argument>? arg_transform = null)
    {
        ArgumentNullException.ThrowIfNull(node);
        arg_transform ??= static input => input;
        var copy = create_node(node.op, node.target, [.. node.args.Select(argument => argument.map(arg_transform))], node.type, node.name);
        copy.StandsFor(node);
        copy.CopyMeta(node);
        return copy;
    }

    /// <summary>
    /// Checks that the graph is well-formed: every node belongs to this graph, has a unique name, is computed before it is read, has an
    /// argument for each of the callee's parameters, and lists exactly the nodes that read it; and the output comes last. Counterpart:
    /// <c>torch.fx.Graph.lint</c>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The graph is not well-formed; the message names the first node that is
    /// wrong.</exception>
    public void lint() => GraphLint.Check(this, null);

    /// <summary>
    /// Checks the same as <see cref="lint()"/>, and that the module has every submodule and tensor that the graph names. Counterpart:
    /// <c>torch.fx.Graph.lint</c> of a graph with an owning module.
    /// </summary>
    /// <param name="root">The module whose submodules and tensors the graph names.</param>
    public void lint(torch.nn.Module root) => GraphLint.Check(this, new ModuleHierarchy(root));

    /// <summary>Writes the graph as a table: opcode, name, target, args. Counterpart: <c>torch.fx.Graph.print_tabular</c>.</summary>
    public void print_tabular(TextWriter? writer = null) => (writer ?? Console.Out).Write(GraphText.Table(this));

    /// <summary>
    /// The C# code that the graph stands for: a class around the module it came from, whose <c>forward</c> has one statement per node. It
    /// is meant for reading; <c>docs/graph-code.md</c> lists what to add before it compiles. Counterpart:
    /// <c>torch.fx.Graph.python_code</c>.
    /// </summary>
    /// <param name="class_name">The name of the class.</param>
    /// <param name="root_type">The type of the module that the graph came from.</param>
    public string csharp_code(string class_name = "Traced", string root_type = "nn.Module") => GraphCode.Of(this, class_name, root_type);

    /// <summary>The graph as text, one line per node; see <c>docs/graph-text.md</c> for the grammar.</summary>
    public override string ToString() => GraphText.Of(this);

    private void Link(Node node, Node before)
    {
        Changed();
        (node.prev, node.next) = (before.prev, before);
        (before.prev.next, before.prev) = (node, node);
    }

    private sealed class Insertion : IDisposable
    {
        private readonly Graph graph;
        private readonly Node previous;

        internal Insertion(Graph graph, Node point)
        {
            if (point.graph != graph || point.IsErased)
                throw new ArgumentException($"Nodes can't be inserted beside '{point.name}': it is not part of this graph (any more).",
                    nameof(point));
            (this.graph, previous) = (graph, graph.insertionPoint);
            graph.insertionPoint = point;
        }

        public void Dispose() => graph.insertionPoint = previous;
    }
}
