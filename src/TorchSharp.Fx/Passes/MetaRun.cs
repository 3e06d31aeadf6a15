using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Runs a graph on tensors of the meta device, which have a shape and no elements. libtorch computes most shapes itself; what it has no such kernel for goes by a rule where it would be dear
/// to compute, else it runs on zeros in memory, one node at a time.
/// </summary>
/// <param name="root">The hierarchy that the graph names.</param>
/// <param name="graph">The graph.</param>
/// <param name="constants">The graph's own tensors.</param>
/// <param name="withoutKernel">What was found to have no kernel. An exception costs milliseconds, so each kind of node is tried once.</param>
internal sealed class MetaRun(nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor>? constants, HashSet<object> withoutKernel) : DryRun(root, graph, constants)
{
    /// <summary>Operations whose result's shape is decided by elements, which zeros would decide wrongly.</summary>
    private static readonly HashSet<string> ByElements = new(StringComparer.Ordinal)
    {
        "nonzero", "nonzero_as_list", "argwhere", "masked_select", "unique", "unique_dim", "unique_consecutive", "bincount", "repeat_interleave", "nms", "item",
    };

    public override object? run_node(Node node)
    {
        if (node.op is Opcode.placeholder or Opcode.get_attr or Opcode.output || !node.all_input_nodes.Any(input => Disposal.TensorsIn(Of(input)).Any(IsMeta)))
            return base.run_node(node);
        var module = node.op == Opcode.call_module ? Hierarchy.Module(node.target.name) : null;
        if (ByRule(node) is { } shaped)
            return shaped;
        if (module is not null && module.GetType().Assembly != TensorTypes.TorchSharp && Inside(module, node) is { } followed)
            return followed;
        var kind = module?.GetType() ?? (object)node.target;
        if (withoutKernel.Contains(kind))
            return WithoutKernel(node, module);
        try
        {
            return base.run_node(node);
        }
        catch (ExternalException)
        {
            withoutKernel.Add(kind);
            return WithoutKernel(node, module);
        }
    }

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
                    Convolution { transposed: true } => args is [_, long[] asked] ? empty([input.shape[0], .. ByRule(node, input).shape[1..^asked.Length], .. asked], input.dtype, META) : ByRule(node, input),
                    Convolution => ByRule(node, input),
                    LayerNorm => empty(input.shape, input.dtype, META),
                    NormBase or GroupNorm or PReLU => empty_like(input),
                    Embedding embedding => empty([.. input.shape, embedding.weight!.shape[1]], embedding.weight.dtype, META),
                    _ => null,
                };
            default:
                return null;
        }
    }

    private Tensor ByRule(Node node, Tensor input) => ConvolutionShape.Of((Convolution)Hierarchy.Module(node.target.name)).Apply(input);

    private object? WithoutKernel(Node node, nn.Module? module)
    {
        if (module is not null && Inside(module, node) is { } followed)
            return followed;
        if (!TensorTypes.MayHold(node.type) || ByElements.Contains(node.target.name) || HasMask(node))
            throw new InvalidOperationException($"The value or shape of '{node.target.name}' is decided by elements, which tensors on the meta device don't have. Propagate with tensors in memory.");
        return OnZeros(node);
    }

    private static bool HasMask(Node node) => node.target.name.StartsWith("getitem", StringComparison.Ordinal)
        && node.args.Skip(1).SelectMany(argument => argument.nodes()).Any(index => index.get_meta(meta.tensor_meta)?.dtype is ScalarType.Bool or ScalarType.Byte);

    /// <summary>A leaf module whose parameters have no elements either can't run on zeros, but its program can be followed; null where not even that.</summary>
    private object? Inside(nn.Module module, Node node)
    {
        if (!module.parameters().Concat(module.buffers()).Any(IsMeta))
            return null;
        var tracer = new Tracer();
        try
        {
            return new MetaRun(module, tracer.trace(module), tracer.tensor_constants, withoutKernel).run(fetch_args(node));
        }
        catch (TraceException)
        {
            return null;
        }
        finally
        {
            tracer.DisposeConstants();
        }
    }

    private object? OnZeros(Node node)
    {
        var values = node.all_input_nodes.Select(input => (input, Value: Of(input))).ToArray();
        try
        {
            foreach (var (input, value) in values)
                Set(input, Mapped(value, ToZeros));
            return Mapped(base.run_node(node), tensor => ToMeta(tensor));
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

    private static bool IsMeta(IDisposable tensor) => tensor is Tensor { device_type: DeviceType.META };

    /// <summary>A value with other tensors in it; of structures those that operations take and give.</summary>
    private static object? Mapped(object? value, Func<Tensor, Tensor> map) => value switch
    {
        Tensor tensor => map(tensor),
        Tensor[] array => Array.ConvertAll(array, tensor => map(tensor)),
        IList<Tensor> list => list.Select(map).ToList(),
        ITuple tuple => tuple.GetType().GetConstructor(tuple.GetType().GetGenericArguments())!
            .Invoke(BindingFlags.DoNotWrapExceptions, null, [.. Enumerable.Range(0, tuple.Length).Select(i => Mapped(tuple[i], map))], null),
        _ => value,
    };
}
