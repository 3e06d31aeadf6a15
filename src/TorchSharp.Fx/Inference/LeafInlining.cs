using System.Collections.Immutable;
using System.Reflection;
using TorchSharp.Fx.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Puts what leaf modules and leaf functions do in the place of their nodes, so that the passes after it see all layers. TorchSharp's own modules and operations stay nodes,
/// as does a leaf that can't be traced or that returns more than one tensor.
/// </summary>
/// <param name="layers">The graph to change and what it names.</param>
internal sealed class LeafInlining(InferenceGraph layers)
{
    private static readonly MethodInfo SizedForward = typeof(SizedLeaf).GetMethod(nameof(SizedLeaf.forward))!;

    internal void Run()
    {
        foreach (var node in layers.Graph.nodes.ToArray())
            if (node.target is ModuleTarget { Path: var path } && layers.Module(path) is not IOperation and var module && module.GetType().Assembly != TensorTypes.TorchSharp)
                Inline(node, path, EntryPoint.Of(module).Method.GetParameters(), (tracer, constants) => tracer.trace(module, constants));
            else if (LeafFunction.Of(node) is { } function)
                Inline(node, "", function.GetParameters(), (tracer, constants) => tracer.trace(LeafFunction.Delegate(function), constants));
    }

    /// <summary>Leaf functions that are left, because they decide by sizes, become modules that are traced once these are known.</summary>
    internal void Specialise()
    {
        foreach (var node in layers.Graph.nodes.ToArray())
            if (LeafFunction.Of(node) is { } function && TensorTypes.MayHold(node.type) && node.all_input_nodes.Any(input => TensorTypes.IsTensor(input.type)))
            {
                var path = $"{node.name}_by_sizes";
                layers.Replace(path, new SizedLeaf(function, node.args, layers.Tensor));
                using var here = layers.Graph.inserting_before(node);
                var call = layers.Graph.create_node(Opcode.call_module, new ModuleTarget(path, SizedForward), [new ListArgument([.. SizedLeaf.Inputs(node.args).Select(i => node.args[i])], typeof(object))], node.type);
                call.origin = node.origin;
                layers.Bypass(node, call);
            }
    }

    /// <summary>The arguments that are constants, by name.</summary>
    private static Dictionary<string, object?> Fixed(Node node, ParameterInfo[] parameters)
        => parameters.Zip(node.args).Where(pair => !pair.Second.nodes().Any())
            .ToDictionary(pair => pair.First.Name!, pair => new ArgumentBuilder(_ => null, []).Build(pair.Second, pair.First.ParameterType));

    private void Inline(Node node, string path, ParameterInfo[] parameters, Func<Tracer, Dictionary<string, object?>, Graph> trace)
    {
        var tracer = new Tracer();
        Graph inner;
        try
        {
            inner = trace(tracer, Fixed(node, parameters));
        }
        catch (Exception refusal) when (refusal is TraceException or TracedProgramException)
        {
            return;
        }
        // A placeholder for each parameter, in order; those of constants are asserted to be what they are.
        var inputs = inner.find_nodes(Opcode.placeholder).ToArray();
        if (inner.output_node().args[0] is { } result && Fits(node, result) && inputs.Length == node.args.Length)
            Insert(node, path, inner, inputs.Zip(node.args).ToDictionary(), tracer.tensor_constants);
        else
            tracer.DisposeConstants();
    }

    /// <summary>Whether the node's readers can read the leaf's result instead: they take a tensor, or items of a tuple.</summary>
    private static bool Fits(Node node, Argument result) => result switch
    {
        NodeArgument => true,
        TupleArgument tuple => node.users.All(user => user.target is BuiltinTarget { Operation: Builtin.getitem } && user.args[1] is Literal { Value: int index } && index < tuple.Items.Length && tuple.Items[index] is NodeArgument),
        _ => false,
    };

    private void Insert(Node node, string path, Graph inner, Dictionary<Node, Argument> copies, IReadOnlyDictionary<string, Tensor> constants)
    {
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
        var copy = layers.Graph.create_node(step.op, target, [.. step.args.Select(argument => argument.map(inside => copies[inside]))], step.type, $"{leaf.name}_{step.name}");
        copy.origin = step.origin;
        return copy;
    }

    private static Target Within(string path, Target target, Dictionary<string, string> constants) => target switch
    {
        AttributeTarget { Path: var name } => new AttributeTarget(constants.GetValueOrDefault(name) ?? Join(path, name)),
        ModuleTarget module => module with { Path = Join(path, module.Path) },
        _ => target,
    };

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
