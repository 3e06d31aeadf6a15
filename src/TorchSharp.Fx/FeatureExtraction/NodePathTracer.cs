using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A tracer that gives each node a qualified name. The name of a leaf module's node is the module's path (<c>layer1.0.conv1</c>). Any other
/// node's name is the path of the module whose code made it, and the operation (<c>layer1.0.add</c>). Repeated names get <c>_1</c>,
/// <c>_2</c> and so on. Nodes that only assert that inputs are like the example have no name. Counterpart:
/// <c>torchvision.models.feature_extraction.NodePathTracer</c>.
/// </summary>
public class NodePathTracer(TracerKwargs? tracer_kwargs = null) : LeafModuleAwareTracer(tracer_kwargs)
{
    private readonly OrderedDictionary<Node, string> names = [];
    private readonly PathNumbers numbers = new();
    private readonly HashSet<string> updated = new(StringComparer.Ordinal);
    private readonly HashSet<Node> written = [];
    private readonly Dictionary<Node, HashSet<Node>> buffers = [];
    private nn.Module? called;
    private string currentModule = "";

    /// <summary>The qualified names, in the order of execution.</summary>
    public IReadOnlyDictionary<Node, string> node_to_qualname => names;

    /// <summary>With an example each turn has nodes of its own, which can be asked for.</summary>
    internal override bool MapsLoops => map_loops && Interpreter.Examples is null;

    internal override void Forget(IReadOnlyList<Node> nodes)
    {
        foreach (var node in nodes)
        {
            names.Remove(node);
            buffers.Remove(node);
        }
    }

    /// <inheritdoc/>
    public override object? call_module(nn.Module m, Func<object?[], object?> forward, object?[] args)
    {
        var outer = (currentModule, called);
        try
        {
            (currentModule, called) = (path_of_module(m), m);
            return base.call_module(m, forward, args);
        }
        finally
        {
            (currentModule, called) = outer;
        }
    }

    /// <inheritdoc/>
    public override Proxy create_proxy(Opcode op, Target target, ImmutableArray<Argument> args, Type type)
    {
        var proxy = base.create_proxy(op, target, args, type);
        if (IsAssuming)
            proxy.node.set_meta(Node.QualifiedName, numbers.Next(ModuleHierarchy.Join(currentModule, "assumption")));
        else if (DependsOnBuffersAlone(proxy.node))
            buffers.Add(proxy.node, [.. BuffersIn(proxy.node)]);
        else
        {
            names.Add(proxy.node, QualifiedName(proxy.node));
            proxy.node.set_meta(Node.QualifiedName, names[proxy.node]);
            NoteWrites(proxy.node);
        }
        return proxy;
    }

    /// <summary>
    /// Such a value is a node here, so that it follows the buffers. torch.fx computes it while tracing, and so torchvision's list does not
    /// have it. Once the program has changed the buffers, the value is one of the run.
    /// </summary>
    private bool DependsOnBuffersAlone(Node node)
        => node.op is Opcode.call_function or Opcode.call_method && node.all_input_nodes.Count > 0
            && !node.all_input_nodes.Any(names.ContainsKey) && !BuffersIn(node).Any(IsChanged);

    /// <summary>The buffers that the inputs without a name are made of.</summary>
    private IEnumerable<Node> BuffersIn(Node node)
        => node.all_input_nodes.SelectMany(input => buffers.TryGetValue(input, out var known) ? known : names.ContainsKey(input)
            || input.op != Opcode.get_attr ? [] : (IEnumerable<Node>)[input]);

    private bool IsChanged(Node buffer) => written.Contains(buffer) || updated.Contains(ModuleHierarchy.Split(buffer.target.name).Prefix);

    private void NoteWrites(Node node)
    {
        if (node.target is not ModuleTarget { Method: var method, Path: var path })
            written.UnionWith(Operations.Of(node, modules: null).Writes == Operands.None ? [] : BuffersIn(node));
        else if (called is not null
            && Operations.Of(called, method, training: null).Has(Effects.Updates | Effects.UpdatesInTraining | Effects.Opaque))
            updated.Add(path);
    }

    /// <summary>
    /// torch.fx numbers a node's name in the whole graph; here the number counts within the module. torchvision takes the number off a
    /// module's path as well, so that ViT's <c>ln_1</c> is listed as <c>ln</c>: that is kept, for the names to be the same.
    /// </summary>
    private string QualifiedName(Node node)
    {
        var name = node.op == Opcode.call_module ? currentModule : currentModule.Length == 0 ? node.name : $"{currentModule}.{node.name}";
        return numbers.Next(name);
    }
}
