using System.Collections.Immutable;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// Puts what leaf modules and leaf functions do in the place of their nodes, so that the passes after it see all layers. TorchSharp's own
/// modules and operations stay nodes, as does a leaf that can't be traced or that returns more than one tensor.
/// </summary>
/// <param name="layers">The graph to change and what it names.</param>
internal sealed class LeafInlining(InferenceGraph layers)
{
    /// <summary>On each node of an opened module: the module's type, <c>nn.MultiheadAttention</c>.</summary>
    internal static readonly MetaKey<string> Opened = new("opened");

    private static readonly MethodInfo SizedForward = typeof(SizedLeaf).GetMethod(nameof(SizedLeaf.forward))!;

    internal void Run()
    {
        foreach (var node in layers.Graph.nodes.ToArray())
            if (LeafCalls.IsUsers(node, layers.Module)
                && !(node.target is ModuleTarget { Path: var path } && ModuleHooks.On(layers.Module(path))))
                Inline(node);
    }

    /// <summary>
    /// Opens leaf modules alone, but for those that stand for torch.nn's; the layers in them are seen, and functions stay nodes.
    /// </summary>
    /// <param name="isClosed">Which types stay leaves.</param>
    /// <param name="tracer">Makes the tracer to open them with.</param>
    internal void OpenModules(Func<Type, bool> isClosed, Func<Tracer> tracer)
    {
        foreach (var node in layers.Graph.find_nodes(Opcode.call_module).ToArray())
            if (layers.Module(node.target.name) is var module && LeafCalls.IsUsers(node, layers.Module) && !ModuleHooks.On(module)
                && !isClosed(module.GetType()))
                Inline(node, tracer());
    }

    /// <summary>Leaf functions that are left, because they decide by sizes, become modules that are traced once these are known.</summary>
    internal void Specialise()
    {
        foreach (var node in layers.Graph.nodes.ToArray())
            if (LeafCalls.Function(node) is { } function && TensorTypes.MayHold(node.type)
                && node.all_input_nodes.Any(input => TensorTypes.IsTensor(input.type)))
            {
                var path = $"{node.name}_by_sizes";
                layers.Replace(path, new SizedLeaf(function, node.args, layers));
                using var here = layers.Graph.inserting_before(node);
                var call = layers.Graph.create_node(Opcode.call_module, new ModuleTarget(path, SizedForward),
                    [new ListArgument([.. SizedLeaf.Inputs(node.args).Select(i => SizedLeaf.Given(node.args[i], layers))], typeof(object))],
                    node.type);
                call.StandsFor(node);
                layers.Bypass(node, call);
            }
    }

    private void Inline(Node node, Tracer? tracer = null)
    {
        LeafCode code;
        try
        {
            code = LeafCode.Of(node, layers.Module, with: tracer ?? new() { Training = false });
        }
        catch (Exception refusal) when (refusal is TraceException or TracedProgramException)
        {
            return;
        }
        // A placeholder for each parameter, in order; those of constants are asserted to be what they are.
        var inputs = code.Graph.find_nodes(Opcode.placeholder).ToArray();
        if (code.Graph.output_node().args[0] is { } result && Fits(node, result) && inputs.Length == node.args.Length)
            Insert(node, code.Graph, inputs.Zip(node.args).ToDictionary(), code.Constants);
        else
            code.Dispose();
    }

    /// <summary>Whether the node's readers can read the leaf's result instead: they take a tensor, or items of a tuple.</summary>
    private static bool Fits(Node node, Argument result) => result switch
    {
        NodeArgument => true,
        TupleArgument tuple =>
            node.users.All(user => user.target is BuiltinTarget { Operation: Builtin.getitem }
                && user.args[1] is Literal { Value: int index } && index < tuple.Items.Length && tuple.Items[index] is NodeArgument),
        _ => false,
    };

    private void Insert(Node node, Graph inner, Dictionary<Node, Argument> copies, IReadOnlyDictionary<string, Tensor> constants)
    {
        var path = (node.target as ModuleTarget)?.Path ?? "";
        var names = constants.ToDictionary(entry => entry.Key, entry => layers.AddConstant(entry.Value));
        var result = inner.output_node().args[0];
        using (layers.Graph.inserting_before(node))
            foreach (var step in inner.nodes.Where(step => step.op is not (Opcode.placeholder or Opcode.output)))
                copies[step] = Copy(node, step, Within(path, step.target, names), copies);
        if (result is TupleArgument tuple)
            foreach (var user in node.users.ToArray())
                layers.Bypass(user, ((NodeArgument)tuple.Items[(int)((Literal)user.args[1]).Value!].map(inside => copies[inside])).Node);
        if (node.users.Count == 0)
            layers.Graph.erase_node(node);
        else
            layers.Bypass(node, ((NodeArgument)result.map(inside => copies[inside])).Node);
    }

    private Node Copy(Node leaf, Node step, Target target, Dictionary<Node, Argument> copies)
    {
        var copy = layers.Graph.create_node(step.op, target, [.. step.args.Select(argument => argument.map(inside => copies[inside]))],
            step.type, $"{leaf.name}_{step.name}");
        copy.StandsFor(step);
        copy.gradient_mode ??= leaf.gradient_mode;
        copy.origin = step.origin?.Within(leaf.target is ModuleTarget { Path: var path } ? path : leaf.origin?.module_path ?? "");
        if (leaf.target is ModuleTarget { Path: var opened })
            copy.set_meta(Opened, "nn." + layers.Module(opened).GetType().Name);
        return copy;
    }

    private static Target Within(string path, Target target, Dictionary<string, string> constants) => target switch
    {
        AttributeTarget { Path: var name } => new AttributeTarget(constants.GetValueOrDefault(name) ?? ModuleHierarchy.Join(path, name)),
        ModuleTarget module => module with { Path = ModuleHierarchy.Join(path, module.Path) },
        MapTarget map => map.Renamed(name => ModuleHierarchy.Join(path, name)),
        StateTarget state => state with { Path = ModuleHierarchy.Join(path, state.Path) },
        _ => target,
    };
}
