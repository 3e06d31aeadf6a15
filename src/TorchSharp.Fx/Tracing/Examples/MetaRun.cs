using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Runs a graph on tensors of the meta device, which have a shape and no elements. libtorch computes most shapes itself; what it has no
/// such kernel for goes by a rule where it would be dear to compute; the user's own leaves are followed; the rest runs on zeros in memory,
/// one node at a time.
/// </summary>
internal class MetaRun(nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor>? constants) : DryRun(root, graph, constants)
{
    /// <summary>
    /// The nodes for which libtorch was found to have no kernel. An exception costs milliseconds, so each kind of node is tried once.
    /// </summary>
    private static readonly ConcurrentDictionary<object, bool> NoKernel = new();

    public override object? run_node(Node node)
    {
        if (node.op is Opcode.placeholder or Opcode.get_attr or Opcode.output
            || !node.all_input_nodes.Any(input => Structure.Tensors(Of(input)).Any(IsMeta)))
            return base.run_node(node);
        if (ByRule(node) is { } shaped)
            return shaped;
        if (IsUsers(node) && Follow(node, out var followed))
            return followed;
        var kind = node.op == Opcode.call_module ? Hierarchy.Module(node.target.name).GetType() : (object)node.target;
        if (NoKernel.ContainsKey(kind))
            return WithoutKernel(node);
        try
        {
            return base.run_node(node);
        }
        catch (ExternalException)
        {
            var value = WithoutKernel(node);
            NoKernel[kind] = true;
            return value;
        }
    }

    /// <summary>Whether the node calls a leaf of the user's, which is a program of many operations.</summary>
    protected bool IsUsers(Node node) => LeafCalls.IsUsers(node, Hierarchy.Module);

    /// <summary>Runs what a leaf does node by node; false where its program can't be followed.</summary>
    protected bool Follow(Node node, out object? value)
    {
        var args = fetch_args(node);
        try
        {
            using var code = LeafCode.Of(node, Hierarchy.Module, args, new() { Modes = Modes });
            value = Inner(code.Root, code.Graph, code.Constants).run(args);
            return true;
        }
        catch (Exception error) when (error is TraceException or TracedProgramException)
        {
            value = null;
            return false;
        }
    }

    /// <summary>The run of a leaf's inside.</summary>
    protected virtual MetaRun Inner(nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor> constants)
        => new(root, graph, constants) { Modes = Modes };

    private Tensor? ByRule(Node node)
    {
        var args = fetch_args(node);
        switch (node.target)
        {
            case FunctionTarget { Method: var function }:
                return ConvolutionShape.Of(function, args)?.Apply((Tensor)args[0]!);
            case ModuleTarget target when args[0] is Tensor input:
                return Hierarchy.Module(target.Path) switch
                {
                    // A size that is asked for comes last.
                    Convolution { transposed: true } => args is [_, long[] asked]
                        ? empty([input.shape[0], .. ByRule(node, input).shape[1..^asked.Length], .. asked], input.dtype, META)
                            : ByRule(node, input),
                    Convolution => ByRule(node, input),
                    LayerNorm => empty(input.shape, input.dtype, META),
                    NormBase or GroupNorm or PReLU or ReLU => empty_like(input),
                    Embedding embedding => empty([.. input.shape, embedding.weight!.shape[1]], embedding.weight.dtype, META),
                    _ => null,
                };
            default:
                return null;
        }
    }

    private Tensor ByRule(Node node, Tensor input) => ConvolutionShape.Of((Convolution)Hierarchy.Module(node.target.name)).Apply(input);

    private object? WithoutKernel(Node node)
    {
        // A leaf whose parameters have no elements either can't run on zeros.
        if (node.op == Opcode.call_module && Hierarchy.Module(node.target.name) is var module
            && module.parameters().Concat(module.buffers()).Any(IsMeta) && Follow(node, out var followed))
            return followed;
        if (!TensorTypes.MayHold(node.type) || Operations.Of(node, Hierarchy).Has(Effects.ShapedByElements) || HasMask(node))
            throw new InvalidOperationException(
                $"The value or shape of '{node.target.name}' is decided by elements, which tensors on the meta device don't have. "
                    + "Propagate with tensors in memory.");
        return OnZeros(node);
    }

    private static bool HasMask(Node node) => node.target.name.StartsWith("getitem", StringComparison.Ordinal)
        && node.args.Skip(1).SelectMany(argument => argument.nodes())
            .Any(index => index.get_meta(meta.tensor_meta)?.dtype is ScalarType.Bool or ScalarType.Byte);

    private object? OnZeros(Node node)
    {
        var values = node.all_input_nodes.Select(input => (input, Value: Of(input))).ToArray();
        try
        {
            foreach (var (input, value) in values)
                Set(input, Structure.Map(value, ToZeros));
            return Structure.Map(base.run_node(node), ToMeta);
        }
        finally
        {
            foreach (var (input, value) in values)
                Set(input, value);
        }
    }

    private static Tensor ToZeros(Tensor tensor)
    {
        if (!IsMeta(tensor))
            return tensor;
        var (shape, stride) = (tensor.shape, tensor.stride());
        var extent = shape.Contains(0) ? 0 : 1 + shape.Zip(stride, (size, step) => (size - 1) * step).Sum();
        return zeros([extent], tensor.dtype).as_strided(shape, stride, 0);
    }

    private static Tensor ToMeta(Tensor tensor) => empty_strided(tensor.shape, tensor.stride(), tensor.dtype, META);

    private static bool IsMeta(Tensor tensor) => tensor is { IsInvalid: false, device_type: DeviceType.META };
}
