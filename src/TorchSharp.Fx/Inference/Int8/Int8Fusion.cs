using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// Makes kernels of whole numbers out of a quantised model: where steps become numbers, operations compute with these, and the result
/// becomes steps again, one module takes steps and gives steps. What has no such kernel stays as it is.
/// </summary>
/// <param name="layers">The graph to change and what it names.</param>
internal sealed class Int8Fusion(InferenceGraph layers)
{
    private static readonly MethodInfo Forward = typeof(KernelModule).GetMethod(nameof(KernelModule.forward))!;
    private static readonly MethodInfo Add = typeof(Int8Layer).GetMethod(nameof(Int8Layer.add))!;
    private static readonly MethodInfo AddInPlace = typeof(Int8Layer).GetMethod(nameof(Int8Layer.add_))!;
    private static readonly MethodInfo LookUp = typeof(Int8Table).GetMethod(nameof(Int8Table.forward))!;
    private static readonly MethodInfo Normalise = typeof(Int8LayerNorm).GetMethod(nameof(Int8LayerNorm.forward))!;
    private static readonly MethodInfo Combine = typeof(Int8Arithmetic).GetMethod(nameof(Int8Arithmetic.forward))!;
    private static readonly MethodInfo Round = typeof(Int8Rounding).GetMethod(nameof(Int8Rounding.forward))!;
    private static readonly MethodInfo Expand = typeof(Int8Numbers).GetMethod(nameof(Int8Numbers.forward))!;

    /// <summary>On an input of a graph that is given steps: what they stand for.</summary>
    internal static readonly MetaKey<Int8Steps> Given = new("given steps");

    private readonly ModuleHierarchy hierarchy = layers.Hierarchy();

    // What the nodes that give steps make them stand for.
    private readonly Dictionary<Node, Int8Steps> made = [];

    // What nodes that move numbers have become that move steps.
    private readonly Dictionary<Node, (Node Node, Int8Steps Steps)> moved = [];

    private Graph Graph => layers.Graph;

    /// <summary>
    /// Whether a node makes numbers of a weight in steps, for layers only that may take the steps, and leaf functions that have such.
    /// </summary>
    internal static bool IsWeight(Node node)
        => Dnnl.HasInt8 && node.users.Count > 0 && Int8Weight.Of(node) is not null
            && node.users.All(user => LeafCalls.Function(user) is not null || (Int8Weight.IsLayer(user)
                && user.args[1] is NodeArgument { Node: var weight } && weight == node && user.args[0] is NodeArgument { Node: var input }
                && AreSteps(input)));

    /// <summary>Whether numbers are made of steps, or are such that were only moved.</summary>
    private static bool AreSteps(Node numbers)
    {
        while (Int8Steps.ReadBy(numbers, default) is null)
            if (numbers.op != Opcode.call_module && Int8Moves.Has(numbers, null!) && numbers.all_input_nodes is [var moved, ..])
                numbers = moved;
            else
                return false;
        return true;
    }

    internal void Run()
    {
        if (!Dnnl.HasInt8)
            return;
        foreach (var input in Graph.find_nodes(Opcode.placeholder))
            if (input.get_meta(Given) is { } given)
                made[input] = given;
        foreach (var node in Graph.nodes.ToArray())
            if (Int8Steps.MadeBy(node) is { } steps)
                made[Layer(node, steps) ?? Average(node, steps) ?? Arithmetic(node, steps) ?? Norm(node, steps) ?? Table(node, steps)
                    ?? Rounded(node, steps)] = steps;
        layers.EliminateDeadCode();
        foreach (var node in Graph.nodes.ToArray())
            LayerOfNumbers(node);
        layers.EliminateDeadCode();
        foreach (var node in Graph.nodes.ToArray())
            if (ReadSteps(node) is { } source)
                Replace(node, new Int8Numbers(source.Steps), Expand, source.Node);
        AddOver();
    }

    /// <summary>A layer with what is added and its activation.</summary>
    private Node? Layer(Node quantize, Int8Steps result)
    {
        var value = Input(quantize);
        var chain = new List<Node>();
        var activation = FusedActivation.None;
        if (IsReadOnce(value) && FusedActivation.Of(value, hierarchy) is { } own)
        {
            chain.Add(value);
            (activation, value) = (own, Input(value));
        }
        (Node Node, Int8Steps Steps)? added = null;
        if (IsReadOnce(value) && Fusion.IsAdd(value) && Residual(value, result) is { } residual)
        {
            chain.Add(value);
            (value, added) = (residual.Layer, residual.Added);
        }
        if (!IsReadOnce(value) || Argument(value, 0) is not { } source || Int8Weight.Content(value, layers) is not { } tensors)
            return null;
        var content = new Int8Content(tensors.Weight, tensors.Scale, tensors.Bias, source.Steps, result, added?.Steps, activation);
        if (Int8Weight.Layer(value, content) is not { } layer)
            return null;
        chain.Add(value);
        var node = added is null
            ? Replace(quantize, layer, Forward, source.Node) : Replace(quantize, layer, Add, added.Value.Node, source.Node);
        foreach (var fused in chain)
            Graph.erase_node(fused);
        return node;
    }

    /// <summary>A layer whose result stays in numbers.</summary>
    private void LayerOfNumbers(Node node)
    {
        if (Int8Weight.IsLayer(node) && Argument(node, 0) is { } source && Int8Weight.Content(node, layers) is { } tensors
            && Int8Weight.Layer(node, new(tensors.Weight, tensors.Scale, tensors.Bias, source.Steps, null, null, FusedActivation.None))
                is { } layer)
            Replace(node, layer, Forward, source.Node);
    }

    /// <summary>
    /// The layer among two values that are added, and the steps that the other is made of, which must take as much memory as those of the
    /// result.
    /// </summary>
    private (Node Layer, (Node Node, Int8Steps Steps) Added)? Residual(Node sum, Int8Steps result)
    {
        foreach (var (layer, other) in new[] { (sum.all_input_nodes[0], sum.all_input_nodes[1]),
            (sum.all_input_nodes[1], sum.all_input_nodes[0]) })
            if (IsReadOnce(layer) && Int8Weight.IsLayer(layer) && Stepped(other) is { } added && added.Steps.Type == result.Type)
                return (layer, added);
        return null;
    }

    /// <summary>The steps that numbers are made of, or would be if what only moves or chooses values had moved the steps.</summary>
    private (Node Node, Int8Steps Steps)? Stepped(Node numbers)
    {
        if (ReadSteps(numbers) is { } read)
            return read;
        if (moved.TryGetValue(numbers, out var known))
            return known;
        if (!Int8Moves.Has(numbers, layers.Module))
            return null;
        var inputs = new Dictionary<Node, Node>();
        Int8Steps? all = null;
        foreach (var input in numbers.all_input_nodes.Where(input => TensorTypes.MayHold(input.type)))
        {
            if (Stepped(input) is not { } source || (all ??= source.Steps) != source.Steps)
                return null;
            inputs[input] = source.Node;
        }
        if (all is null)
            return null;
        using var here = Graph.inserting_after(numbers);
        var copy = Graph.create_node(numbers.op, numbers.target,
            [.. numbers.args.Select(argument => argument.map(input => inputs.GetValueOrDefault(input, input)))], numbers.type);
        copy.StandsFor(numbers);
        return moved[numbers] = (copy, all);
    }

    /// <summary>The average over all pixels.</summary>
    private Node? Average(Node quantize, Int8Steps result)
    {
        var value = Input(quantize);
        if (!IsReadOnce(value) || PixelDimensions.Of(value, layers.Module) is not { } pixels
            || Argument(value, 0) is not { } source || source.Steps != result)
            return null;
        return Replace(quantize, new Int8Average(result, pixels), Forward, pixels.Of, source.Node);
    }

    /// <summary>A sum or product of two values.</summary>
    private Node? Arithmetic(Node quantize, Int8Steps result)
    {
        var value = Input(quantize);
        var hasRelu = IsReadOnce(value) && FusedActivation.Of(value, hierarchy) == FusedActivation.Relu;
        if (hasRelu)
            value = Input(value);
        var isProduct = Fusion.IsOfTwoTensors(value, "mul");
        if (!IsReadOnce(value) || !(isProduct || Fusion.IsAdd(value)) || Argument(value, 0) is not { } one
            || Argument(value, 1) is not { } other)
            return null;
        return Replace(quantize, new Int8Arithmetic(isProduct, hasRelu, one.Steps, other.Steps, result), Combine, one.Node, other.Node);
    }

    /// <summary>A layer norm.</summary>
    private Node? Norm(Node quantize, Int8Steps result)
    {
        var value = Input(quantize);
        return IsReadOnce(value) && value.op == Opcode.call_module && layers.Module(value) is LayerNorm norm
            && !layers.Written.HoldsAny(norm) && Argument(value, 0) is { } source
            && Int8LayerNorm.Of(norm, source.Steps, result) is { } module ? Replace(quantize, module, Normalise, source.Node) : null;
    }

    /// <summary>
    /// A function of single values is a table of what it makes of each step. One that clamps is done by the layer before, and what only
    /// moves values needs none.
    /// </summary>
    private Node? Table(Node quantize, Int8Steps result)
    {
        var value = Input(quantize);
        var activation = FusedActivation.None;
        if (IsReadOnce(value) && FusedActivation.Of(value, hierarchy) is { } own)
            (activation, value) = (own, Input(value));
        if (Stepped(value) is not { } source)
            return null;
        if (source.Steps != result || !activation.IsNone)
        {
            var table = Int8Table.Of(source.Steps, activation, result);
            if (table.Clamp() is not var (low, high) || !Clamped(source.Node, result, low, high))
                return Replace(quantize, table, LookUp, source.Node);
            table.Dispose();
        }
        layers.Bypass(quantize, source.Node);
        return source.Node;
    }

    /// <summary>Has the layer that alone gives the steps to this one clamp them.</summary>
    private bool Clamped(Node node, Int8Steps steps, long low, long high)
    {
        if (node is not { op: Opcode.call_module, users: [{ users.Count: 1 }] } || layers.Module(node.target.name) is not Int8Layer layer)
            return false;
        if (!layer.Activation.IsNone)
            return false;
        layers.Replace(node.target.name, layer.With(FusedActivation.Clip(steps.Number(low), steps.Number(high)), isResidual: false)!);
        return true;
    }

    /// <summary>Numbers that become steps in one pass.</summary>
    private Node Rounded(Node quantize, Int8Steps steps) => Replace(quantize, new Int8Rounding(steps), Round, Input(quantize));

    /// <summary>Sums are written over what they are added to, where nothing reads that any more.</summary>
    private void AddOver()
    {
        var order = new ExecutionOrder(Graph, Graph.Aliases(layers.Hierarchy(), training: false));
        var chosen = Graph.nodes.Where(node => node.target is ModuleTarget { Method: var method } && method == Add
            && node.args is [NodeArgument { Node: var other }, NodeArgument { Node: var input }] && order.IsLastUse(other, node)
            && !order.ShareMemory(input, other)).ToArray();
        foreach (var node in chosen)
        {
            using var here = Graph.inserting_before(node);
            var over = Graph.create_node(Opcode.call_module, new ModuleTarget(node.target.name, AddInPlace), node.args, typeof(Tensor));
            over.StandsFor(node);
            layers.Bypass(node, over);
        }
    }

    private Node Replace(Node quantize, nn.Module module, MethodInfo method, params Node[] inputs)
        => Replace(quantize, module, method, node => node, inputs);

    /// <param name="quantize">The node whose place is taken.</param>
    /// <param name="module">The module to call.</param>
    /// <param name="method">Which of its methods.</param>
    /// <param name="given">What is done with the call's result.</param>
    /// <param name="inputs">What it takes.</param>
    private Node Replace(Node quantize, nn.Module module, MethodInfo method, Func<Node, Node> given, params Node[] inputs)
    {
        var path = $"{quantize.name}_int8";
        layers.Replace(path, module);
        using var here = Graph.inserting_before(quantize);
        var node = Graph.create_node(Opcode.call_module, new ModuleTarget(path, method),
            [.. inputs.Select(input => new NodeArgument(input))], typeof(Tensor));
        node.StandsFor(quantize);
        var result = given(node);
        layers.Bypass(quantize, result);
        return result;
    }

    /// <summary>The steps that an argument of a node is made of.</summary>
    private (Node Node, Int8Steps Steps)? Argument(Node node, int index)
        => index < node.args.Length && node.args[index] is NodeArgument { Node: var input } ? Stepped(input) : null;

    /// <summary>The steps that numbers are made of.</summary>
    private (Node Node, Int8Steps Steps)? ReadSteps(Node numbers)
        => numbers.args is [NodeArgument { Node: var node }, ..] && made.TryGetValue(node, out var known)
            && Int8Steps.ReadBy(numbers, known.Type) is { } steps ? (node, steps) : null;

    private static Node Input(Node node) => node.all_input_nodes[0];

    private static bool IsReadOnce(Node node) => node.users.Count == 1;
}
