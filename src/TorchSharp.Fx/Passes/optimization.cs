using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Makes a model faster for inference. Counterpart: <c>torch.fx.experimental.optimization</c>.</summary>
public static class optimization
{
    /// <summary>
    /// A copy of a graph module in which each batch norm is folded into the convolution or linear layer before it. The copy shares nothing
    /// with the original. A pair is not folded where the result could differ: the layer is called again or another node reads its output,
    /// its weight is read directly, it is transposed or tied to another layer, one of the two has hooks or a tensor that the graph writes
    /// to, the norm has no running statistics, or a linear layer's output isn't known to have two dimensions
    /// (<paramref name="example_inputs"/>). Functions are not folded. The copy asserts the number of dimensions that it was folded for.
    /// Counterpart: <c>torch.fx.experimental.optimization.fuse</c>.
    /// </summary>
    /// <param name="model">The graph module, in eval mode.</param>
    /// <param name="example_inputs">Inputs to find shapes with. Without them linear layers are not folded, unless <see cref="ShapeProp"/>
    /// has run on the graph.</param>
    /// <exception cref="InvalidOperationException">The module is in train mode, where batch norm uses the statistics of each
    /// batch.</exception>
    /// <exception cref="NotSupportedException">A native leaf module can't be copied because its settings can't be read.</exception>
    public static T fuse<T>(T model, params object?[] example_inputs) where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(example_inputs);
        if (model.training)
            throw new InvalidOperationException(
                "Batch norm can't be fused in train mode, where it uses the statistics of each batch. Call eval() on the module first.");
        var fused = model.clone();
        if (example_inputs.Length > 0)
            new ShapeProp(fused, fused.graph, fused.Program.Constants).propagate(example_inputs);
        FuseAll(fused, AssertRank);
        return fused;
    }

    /// <summary>Makes each batch norm of a graph module part of the layer before it, where that is the same.</summary>
    /// <param name="fused">The module, in eval mode, with weights that are nobody else's.</param>
    /// <param name="fusing">Called for each layer and norm.</param>
    /// <param name="precision">What new weights are computed in.</param>
    internal static void FuseAll(IGraphModule fused, Action<IGraphModule, Node, Node>? fusing = null,
        ScalarType precision = ScalarType.Float64)
    {
        var written = new WrittenMemory(fused.graph, fused.Program.Source);
        foreach (var norm in fused.graph.nodes.Where(node => node.op == Opcode.call_module).ToArray())
            if (norm.args is [NodeArgument { Node: { op: Opcode.call_module } layer }] && Fuse(fused, layer, norm, written, precision))
            {
                fusing?.Invoke(fused, layer, norm);
                norm.replace_all_uses_with(layer);
                fused.graph.erase_node(norm);
            }
        fused.recompile();
        fused.delete_all_unused_submodules();
    }

    /// <summary>
    /// Holds the graph to the number of dimensions for which the norm goes over the layer's channels: a convolution takes inputs without a
    /// batch, too, and a linear layer any number of dimensions, but the norm after it would then mean another dimension. The layer's input
    /// is asked, so that nothing else comes to read the layer.
    /// </summary>
    private static void AssertRank(IGraphModule module, Node layer, Node norm)
    {
        var graph = module.graph;
        var rank = module.Program.Source.Attribute($"{layer.target.name}.weight")().dim();
        using var here = graph.inserting_before(layer);
        var dimensions = graph.call_method(typeof(Tensor).GetMethod(nameof(Tensor.dim), [])!, layer.args[0]);
        var same = graph.create_node(Opcode.call_function, new BuiltinTarget(Builtin.eq, typeof(long)), [dimensions, new Literal(rank)],
            typeof(bool));
        var message =
            new Literal($"the batch norm '{norm.target.name}' was fused into '{layer.target.name}' for inputs of {rank} dimensions");
        graph.create_node(Opcode.call_function, new BuiltinTarget(Builtin._assert, typeof(bool)), [same, message], typeof(void));
    }

    private static bool Fuse(IGraphModule module, Node layer, Node norm, WrittenMemory written, ScalarType precision)
    {
        var modules = module.Program.Source;
        if (layer.users.Count != 1 || layer.gradient_mode != norm.gradient_mode
            || modules.Module(norm.target.name) is not BatchNorm { training: false, running_mean: not null,
                running_var: not null } statistics)
            return false;
        var called = modules.Module(layer.target.name);
        if (ModuleHooks.On(statistics) || ModuleHooks.On(called) || IsTied((nn.Module)module, called) || written.HoldsAny(statistics)
            || written.HoldsAny(called))
            return false;
        if (module.Program.Used.Count(path => IsPartOf(path, called, modules)) != 1
            || module.graph.all_nodes.Count(node => node.op == Opcode.call_module && node.target.name == layer.target.name) != 1)
            return false;
        switch (called)
        {
            case Convolution { transposed: false } convolution when convolution.out_channels == statistics.num_features:
                Parameter?[] old = [convolution.weight, convolution.bias];
                (convolution.weight, convolution.bias) = Merged(convolution.weight!, convolution.bias, statistics, precision);
                Release(module, old);
                return true;
            case Linear linear when linear.out_features == statistics.num_features && layer.get_meta(meta.tensor_meta)?.shape.Length == 2:
                old = [linear.weight, linear.bias];
                (linear.weight, linear.bias) = Merged(linear.weight!, linear.bias, statistics, precision);
                Release(module, old);
                return true;
            default:
                return false;
        }
    }

    /// <summary>
    /// Whether a layer shares a parameter with another module: that one would lose it, for a layer disposes the weight that it is given
    /// another one for.
    /// </summary>
    internal static bool IsTied(nn.Module root, nn.Module layer)
    {
        var own = layer.parameters(recurse: false).ToHashSet<Tensor>(ReferenceEqualityComparer.Instance);
        return root.modules().Append(root)
            .Any(other => !ReferenceEquals(other, layer) && other.parameters(recurse: false).Any(own.Contains));
    }

    /// <summary>Gives back what was replaced.</summary>
    private static void Release(IGraphModule module, Parameter?[] old)
    {
        foreach (var parameter in old)
            if (parameter is { IsInvalid: false } && !((nn.Module)module).parameters().Any(other => ReferenceEquals(parameter, other)))
                parameter.Dispose();
    }

    /// <summary>Whether a path names the module, under whatever name, or a tensor of it.</summary>
    private static bool IsPartOf(string path, nn.Module module, ModuleHierarchy modules)
        => ReferenceEquals(modules.Find(path), module) || ReferenceEquals(modules.Find(ModuleHierarchy.Split(path).Prefix), module);

    /// <summary>
    /// The weight and bias that give what a layer and the norm after it gave; in double precision nothing is lost but the last rounding.
    /// They belong to the caller's dispose scope.
    /// </summary>
    /// <param name="weight">The layer's weight.</param>
    /// <param name="bias">The layer's bias.</param>
    /// <param name="norm">The norm, in evaluation mode.</param>
    /// <param name="precision">What is computed in.</param>
    /// <param name="overwrites">Whether the new weight is written over the old one.</param>
    internal static (Tensor Weight, Tensor Bias) Folded(Tensor weight, Tensor? bias, BatchNorm norm,
        ScalarType precision = ScalarType.Float64, bool overwrites = false)
        => Folded(weight, bias, norm.eps, norm.running_mean!, norm.running_var!, norm.weight, norm.bias, precision, overwrites);

    /// <summary>The same of a norm's numbers.</summary>
    internal static (Tensor Weight, Tensor Bias) Folded(Tensor weight, Tensor? bias, double eps, Tensor mean, Tensor variance,
        Tensor? factor, Tensor? offset, ScalarType precision, bool overwrites = false)
    {
        Tensor Exact(Tensor tensor) => tensor.detach().to(precision);
        // In the order of torch.nn.utils.fuse_conv_bn_weights, which shows in single precision.
        var scale = (Exact(variance) + eps).rsqrt();
        var shift = (bias is null ? -Exact(mean) : Exact(bias) - Exact(mean)) * scale;
        if (factor is not null)
            (scale, shift) = (Exact(factor) * scale, shift * Exact(factor));
        if (offset is not null)
            shift = shift + Exact(offset);
        weight = weight.detach();
        var result = overwrites ? weight : empty_like(weight);
        Scale(weight, scale.reshape([-1, .. Enumerable.Repeat(1L, (int)weight.dim() - 1)]), result);
        return (result, shift.to(weight.dtype));
    }

    /// <summary>
    /// Multiplies the rows of a weight, some at a time: in higher precision all of a large one would take much more memory than it has.
    /// </summary>
    private static void Scale(Tensor weight, Tensor scale, Tensor result)
    {
        const long MostNumbers = 1 << 18;
        var rows = Math.Max(1, MostNumbers / Math.Max(1, weight.numel() / Math.Max(1, weight.size(0))));
        for (var row = 0L; row < weight.size(0); row += rows)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(rows, weight.size(0) - row);
            result.narrow(0, row, count).copy_(weight.narrow(0, row, count).to(scale.dtype) * scale.narrow(0, row, count));
        }
    }

    private static (Parameter Weight, Parameter Bias) Merged(Parameter weight, Parameter? bias, BatchNorm norm, ScalarType precision)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var folded = Folded(weight, bias, norm, precision);
        return (Kept(folded.Weight), Kept(folded.Bias));

        Parameter Kept(Tensor value)
        {
            var parameter = new Parameter(value, weight.requires_grad);
            parameter.DetachFromDisposeScope();
            return parameter;
        }
    }
}
