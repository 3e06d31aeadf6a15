using System.Collections.Immutable;
using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>The passes that put several layers into one kernel. Each leaves a graph that computes the same in evaluation mode.</summary>
/// <param name="layers">The graph to change and what it names.</param>
internal sealed class Fusion(InferenceGraph layers)
{
    // How often each module was called when the pass began; none of them is called more often at its end.
    private Dictionary<string, int>? calls;

    private static readonly MethodInfo Forward = typeof(KernelModule).GetMethod(nameof(KernelModule.forward))!;
    private static readonly MethodInfo Add = Method(nameof(FusedModule.add));
    private static readonly MethodInfo AddInPlace = Method(nameof(FusedModule.add_));
    private static readonly MethodInfo Joined = typeof(FusedBatchNorm).GetMethod(nameof(FusedBatchNorm.joined))!;
    private static readonly MethodInfo ComputeOver = typeof(ArithmeticInPlace).GetMethod(nameof(ArithmeticInPlace.forward_))!;
    private static readonly MethodInfo ApplyInPlace = typeof(ActivationInPlace).GetMethod(nameof(ActivationInPlace.forward_))!;

    /// <summary>Modules and functions that do nothing in evaluation mode disappear.</summary>
    internal void RemoveIdentities()
    {
        foreach (var node in layers.Graph.find_nodes(Opcode.call_function, "dropout").ToArray())
            if (node.args is [NodeArgument { Node: var dropped }, _, Literal { Value: false }, Literal { Value: false }])
                layers.Drop(node, dropped);
        foreach (var node in layers.Calls)
            if (layers.Module(node) is Identity or Dropout or Dropout1d or Dropout2d or Dropout3d or AlphaDropout or FeatureAlphaDropout
                && node.args is [NodeArgument { Node: var input }, ..])
                layers.Drop(node, input);
        RemoveEmptyPaddings();
    }

    /// <summary>
    /// A padding by nothing is a copy, which is needed only where somebody writes to one of the two, or gets it.
    /// </summary>
    private void RemoveEmptyPaddings()
    {
        var paddings = layers.Graph.find_nodes(Opcode.call_function, "pad").Where(IsEmptyPadding).ToArray();
        if (paddings.Length == 0)
            return;
        var aliases = layers.Graph.Aliases(layers.Hierarchy(), training: false);
        var shared = layers.Graph.nodes.SelectMany(aliases.Written).Concat(layers.Leaving(aliases)).ToHashSet();
        foreach (var node in paddings)
            if (!aliases.Places(node).Concat(aliases.Places(node.all_input_nodes[0])).Any(shared.Contains))
                layers.Drop(node, node.all_input_nodes[0]);
    }

    private static bool IsEmptyPadding(Node node)
        => MatrixProduct.IsOperation(node, "pad") && node.args[1] switch
        {
            Literal { Value: long[] sizes } => sizes.All(size => size == 0),
            ListArgument { Items: var sizes } => sizes.All(size => size is Literal { Value: 0L }),
            _ => false,
        };

    /// <summary>Convolutions, linear layers and pooling become modules that have a kernel.</summary>
    internal void UseKernels()
    {
        foreach (var node in layers.Calls)
            UseKernel(node, KernelOf);
        foreach (var node in layers.Graph.nodes.Where(node => node.op != Opcode.call_module).ToArray())
            if (PixelDimensions.Of(node, layers.Module) is { } pixels && node.args is [NodeArgument { Node: var input }, ..])
                Average(node, input, pixels);
        foreach (var node in layers.Graph.find_nodes(Opcode.call_function, "linear").ToArray())
            UseKernelOf(node);
    }

    /// <summary>Puts a module with a kernel in the place of the one that a node calls, if there is one.</summary>
    private void UseKernel(Node node, Func<nn.Module, KernelModule?> kernelOf)
    {
        if (layers.Module(node) is not KernelModule && !IsReadInside(node.target.name)
            && !layers.Written.HoldsAny(layers.Module(node)) && kernelOf(layers.Module(node)) is { } kernel)
            layers.Replace(node.target.name, kernel);
        if (layers.Module(node) is KernelModule && ((ModuleTarget)node.target).Method.DeclaringType?.Assembly != typeof(Fusion).Assembly)
            Replace(node, node.target.name, Forward, node.args);
    }

    private void Average(Node node, Node input, PixelDimensions pixels)
    {
        var path = $"{node.name}_kernel";
        layers.Replace(path, new GlobalAverage(pixels));
        using var here = layers.Graph.inserting_before(node);
        var average = layers.Graph.create_node(Opcode.call_module, new ModuleTarget(path, Forward), [input], typeof(Tensor));
        average.StandsFor(node);
        layers.Bypass(node, pixels.Of(average));
    }

    /// <summary>The same for the function <c>linear</c> of a parameter.</summary>
    private void UseKernelOf(Node node)
    {
        if (node.target is not FunctionTarget { Method.DeclaringType: { } owner } || owner.Assembly != TensorTypes.TorchSharp
            || node.args is not [NodeArgument { Node: var input }, NodeArgument { Node: { op: Opcode.get_attr } weight }, var bias]
            || bias is not (Literal { Value: null } or NodeArgument { Node.op: Opcode.get_attr }))
            return;
        var (table, added) =
            (layers.Tensor(weight.target.name), bias is NodeArgument { Node: var read } ? layers.Tensor(read.target.name) : null);
        if (layers.Written.Holds(table) || layers.Written.Holds(added))
            return;
        var path = $"{node.name}_kernel";
        layers.Add(path, new FusedLinear(LayerWeight.OfModel(table), added, FusedActivation.None), weight.target.name);
        Replace(node, path, Forward, [input]);
    }

    /// <summary>A padding that a convolution, or a maximum over windows, alone reads becomes part of it.</summary>
    internal void FoldPaddings()
    {
        Node[] padded = [.. layers.Calls.Where(node => layers.Module(node) is KernelModule && CallsOf(node.target.name) == 1
            && OnlyRead(node) is { } pad && MatrixProduct.IsOperation(pad, "pad"))];
        if (padded.Length == 0)
            return;
        var order = new ExecutionOrder(layers.Graph, layers.Graph.Aliases(layers.Hierarchy(), training: false));
        foreach (var node in padded.Where(node => order.MayMove(OnlyRead(node)!, node)).ToArray())
            if (OnlyRead(node) is { args: [NodeArgument input, ListArgument { Items: var sizes },
                Literal { Value: PaddingModes.Constant }, Literal { Value: double value }] } pad
                && sizes.All(size => size is Literal { Value: long and >= 0 }) && sizes.Length % 2 == 0
                && ((KernelModule)layers.Module(node)).Around(Sizes(sizes, 0), Sizes(sizes, 1), value) is { } whole)
            {
                layers.Replace(node.target.name, whole);
                node.args = [input];
                layers.Graph.erase_node(pad);
            }

        // The last dimension comes first, before and behind it.
        static long[] Sizes(ImmutableArray<Argument> sizes, int which)
            => [.. sizes.Where((_, i) => i % 2 == which).Reverse().Select(size => (long)((Literal)size).Value!)];
    }

    /// <summary>A batch norm that alone reads a convolution becomes part of its weights; another one gets a kernel of its own.</summary>
    internal void FoldBatchNorms()
    {
        foreach (var node in layers.Calls)
            if (layers.Module(node) is BatchNorm { track_running_stats: true } norm && !layers.Written.HoldsAny(norm)
                && OnlyInput(node) is { } layer
                && layers.Module(layer) is FusedConvolution { Activation.IsNone: true } convolution)
            {
                layers.Replace(layer.target.name, convolution.Then(norm));
                layers.Bypass(node, layer);
            }
            else if (Dnnl.IsAvailable)
                UseKernel(node, module => module is BatchNorm { track_running_stats: true } alone ? new FusedBatchNorm(alone) : null);
    }

    /// <summary>
    /// <c>other + layer(x)</c> becomes one kernel, which accumulates in the memory of <c>other</c> where nothing else reads that, the layer
    /// itself included, and nothing outside of the graph holds it.
    /// </summary>
    internal void FuseResiduals()
    {
        var hierarchy = layers.Hierarchy();
        ExecutionOrder? order = null;
        foreach (var node in layers.Graph.nodes.Where(IsAdd).ToArray())
        {
            Node[] candidates =
                [.. node.all_input_nodes.Where(input => input.users.Count == 1 && input.target is ModuleTarget { Method: var method }
                    && method == Forward
                && layers.Module(input) is FusedModule { Activation.IsNone: true })];
            if (candidates.Length == 0)
                continue;
            order ??= new ExecutionOrder(layers.Graph, layers.Graph.Aliases(hierarchy, training: false));
            if (candidates.Where(input => order.MayMove(input, node)).MaxBy(order.Position) is not { } layer)
                continue;
            var other = node.all_input_nodes.Single(input => input != layer);
            var inPlace = order.IsLastUse(other, node) && !layer.all_input_nodes.Any(input => order.ShareMemory(input, other));
            if (node.target.name == "add_" && node.args[0] is NodeArgument written && written.Node == other && !inPlace)
                continue;
            Replace(node, layer.target.name, inPlace ? AddInPlace : Add, [other, .. layer.args]);
            layers.Graph.erase_node(layer);
            order = null;
        }
    }

    /// <summary>An activation that alone reads a layer becomes part of it.</summary>
    internal void FuseActivations()
    {
        var hierarchy = layers.Hierarchy();
        foreach (var node in layers.Graph.nodes.ToArray())
            if (OnlyInput(node) is { } layer && layers.Module(layer) is KernelModule { Activation.IsNone: true } module
                && FusedActivation.Of(node, hierarchy) is { } activation
                && module.With(activation, isResidual: layer.args.Length == 2) is { } whole)
            {
                layers.Replace(layer.target.name, whole);
                layers.Bypass(node, layer);
            }
    }

    /// <summary>A batch norm that alone reads a concatenation of channels reads its parts instead.</summary>
    internal void NormaliseParts()
    {
        Node[] norms =
            [.. layers.Calls.Where(node => layers.Module(node) is FusedBatchNorm && OnlyRead(node) is { } cat
                && MatrixProduct.IsOperation(cat, "cat")
            && cat.args is [ListArgument { Items: var parts }, Literal { Value: 1L }] && parts.All(part => part is NodeArgument))];
        if (norms.Length == 0)
            return;
        var order = new ExecutionOrder(layers.Graph, layers.Graph.Aliases(layers.Hierarchy(), training: false));
        foreach (var node in norms.Where(node => order.MayMove(OnlyRead(node)!, node)).ToArray())
        {
            var cat = OnlyRead(node)!;
            Replace(node, node.target.name, Joined, [cat.args[0]]);
            layers.Graph.erase_node(cat);
        }
    }

    /// <summary>
    /// Other activations write over their input where nothing reads that any more and nothing outside of the graph holds it.
    /// </summary>
    internal void ActivateInPlace()
    {
        var hierarchy = layers.Hierarchy();
        var order = new ExecutionOrder(layers.Graph, layers.Graph.Aliases(hierarchy, training: false));
        // All are chosen before the first is replaced: the order is that of the graph as it was.
        var chosen =
            layers.Graph.nodes.Where(node => FusedActivation.Of(node, hierarchy) is not null && node.all_input_nodes is [var input]
                && order.IsLastUse(input, node) && !order.Writes(node)).ToArray();
        foreach (var node in chosen)
        {
            var path = $"{node.name}_in_place";
            layers.Replace(path, new ActivationInPlace(FusedActivation.Of(node, hierarchy)!));
            Replace(node, path, ApplyInPlace, node.args[..1]);
        }
    }

    /// <summary>Sums and products write over an operand under the same conditions.</summary>
    internal void ComputeInPlace()
    {
        var order = new ExecutionOrder(layers.Graph, layers.Graph.Aliases(layers.Hierarchy(), training: false));
        var chosen = new List<(Node Node, bool IsSecond, bool AreBoth)>();
        foreach (var node in layers.Graph.nodes.Where(node => IsOfTwoTensors(node, "add") || IsOfTwoTensors(node, "mul")))
        {
            Node[] operands = [.. node.args.Take(2).Select(argument => ((NodeArgument)argument).Node)];
            var (first, second) = (order.IsLastUse(operands[0], node), order.IsLastUse(operands[1], node));
            if ((first || second) && !order.Writes(node) && !order.ShareMemory(operands[0], operands[1]))
                chosen.Add((node, !first, first && second));
        }
        foreach (var (node, isSecond, areBoth) in chosen)
        {
            var path = $"{node.name}_in_place";
            layers.Replace(path, new ArithmeticInPlace(node.target.name == "mul", areBoth, isSecond));
            Replace(node, path, ComputeOver, isSecond ? [node.args[1], node.args[0]] : node.args[..2]);
        }
    }

    /// <summary>Large values take their memory from a pool.</summary>
    internal void PlanMemory()
    {
        var aliases = layers.Graph.Aliases(layers.Hierarchy(), training: false);
        var results = layers.Graph.output_node().all_input_nodes.Select(aliases.Representative).ToHashSet();
        var pool = new BufferPool();
        foreach (var same in layers.Calls.GroupBy(call => call.target.name))
            if (layers.Module(same.First()) is IHasResultMemory { Memory: var memory })
            {
                (memory.Pool, memory.LeavesGraph) = (pool, same.Any(call => results.Contains(aliases.Representative(call))));
                pool.MostResults += memory.LeavesGraph ? same.Count() : 0;
            }
    }

    private static MethodInfo Method(string name) => typeof(FusedModule).GetMethod(name)!;

    private static KernelModule? KernelOf(nn.Module module) => module switch
    {
        AdaptiveAvgPool2d { output_size: [1, 1] or [1] } => new GlobalAverage(PixelDimensions.Last),
        Conv1d { padding_mode: PaddingModes.Zeros, padding_type: null, padding: { } padding } conv =>
            KernelOf(conv, conv.weight, conv.bias, padding),
        Conv2d { padding_mode: PaddingModes.Zeros, padding_type: null, padding: { } padding } conv =>
            KernelOf(conv, conv.weight, conv.bias, padding),
        Conv3d { padding_mode: PaddingModes.Zeros, padding_type: null, padding: { } padding } conv =>
            KernelOf(conv, conv.weight, conv.bias, padding),
        Linear linear => new FusedLinear(LayerWeight.OfModel(linear.weight), linear.bias, FusedActivation.None),
        _ => Dnnl.IsAvailable ? FusedPool.Of(module) : null,
    };

    private static FusedConvolution KernelOf(Convolution layer, Tensor weight, Tensor? bias, long[] padding)
        => new(LayerWeight.OfModel(weight, layer.groups), bias, new(layer.kernel_size, layer.stride, padding, layer.dilation, layer.groups),
            FusedActivation.None);

    /// <summary>Whether a node adds two different tensors as they are: no factor, no number.</summary>
    internal static bool IsAdd(Node node) => IsOfTwoTensors(node, "add") || IsOfTwoTensors(node, "add_");

    internal static bool IsOfTwoTensors(Node node, string operation)
        => node.op is Opcode.call_function or Opcode.call_method && node.target.name == operation && TensorTypes.IsTensor(node.type)
        && node.args is [NodeArgument left, NodeArgument right, .. var rest] && left.Node != right.Node
        && TensorTypes.IsTensor(left.Node.type) && TensorTypes.IsTensor(right.Node.type)
        && rest.All(argument => argument is Literal { Value: null });

    /// <summary>Whether the graph also reads a tensor of a module by itself.</summary>
    private bool IsReadInside(string path)
        => layers.Graph.find_nodes(Opcode.get_attr).Any(node => node.target.name.StartsWith(path + ".", StringComparison.Ordinal));

    /// <summary>
    /// The layer that a node reads as its only input, if the node is the only one to read it and no other node calls the same module.
    /// </summary>
    private Node? OnlyInput(Node node)
        => node.all_input_nodes is [{ op: Opcode.call_module, users.Count: 1 } layer] && CallsOf(layer.target.name) == 1 ? layer : null;

    /// <summary>A node's only input, if nothing else reads that.</summary>
    private static Node? OnlyRead(Node node) => node.all_input_nodes is [{ users.Count: 1 } only] ? only : null;

    private int CallsOf(string path) => (calls ??= layers.CallCounts).GetValueOrDefault(path);

    private void Replace(Node node, string path, MethodInfo method, ImmutableArray<Argument> args)
    {
        using var here = layers.Graph.inserting_before(node);
        var replacement = layers.Graph.create_node(Opcode.call_module, new ModuleTarget(path, method), args, typeof(Tensor));
        replacement.StandsFor(node);
        layers.Bypass(node, replacement);
    }
}
