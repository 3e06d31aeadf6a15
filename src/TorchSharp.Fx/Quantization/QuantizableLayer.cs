using System.Collections.Immutable;
using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Quantization;

/// <summary>A layer as a function of its input, weight and bias.</summary>
/// <param name="Weight">Its weight: the layer's own.</param>
/// <param name="Bias">Its bias: the layer's own; null for none.</param>
/// <param name="Geometry">How the windows of a convolution lie; null for a linear layer.</param>
internal sealed record QuantizableLayer(Tensor Weight, Tensor? Bias, ConvolutionGeometry? Geometry)
{
    /// <summary>The layer that a module is; null for one that is none, or has padding that no function has.</summary>
    internal static QuantizableLayer? Of(nn.Module module) => module switch
    {
        Linear { weight: { } weight } layer => new(weight, layer.bias, null),
        Conv1d { padding_mode: PaddingModes.Zeros, padding_type: null, padding: { } padding, weight: { } weight } layer =>
            new(weight, layer.bias, Windows(layer, padding, weight.shape[2..])),
        Conv2d { padding_mode: PaddingModes.Zeros, padding_type: null, padding: { } padding, weight: { } weight } layer =>
            new(weight, layer.bias, Windows(layer, padding, weight.shape[2..])),
        Conv3d { padding_mode: PaddingModes.Zeros, padding_type: null, padding: { } padding, weight: { } weight } layer =>
            new(weight, layer.bias, Windows(layer, padding, weight.shape[2..])),
        _ => null,
    };

    /// <summary>Puts the function in the place of a call of the layer, under the call's name.</summary>
    /// <param name="graph">The graph, at whose insertion point the function comes.</param>
    /// <param name="call">The call, which is erased.</param>
    /// <param name="weight">What it takes as weight: a node that nothing reads yet.</param>
    internal void Substitute(Graph graph, Node call, Node weight)
    {
        var (path, name, input) = (call.target.name, call.name, call.args[0]);
        Argument bias = Bias is null ? new Literal(null) : graph.get_attr(ModuleHierarchy.Join(path, "bias"));
        // A name is free when its node is gone: so long the readers read the weight.
        call.replace_all_uses_with(weight);
        graph.erase_node(call);
        var function = graph.create_node(
            Opcode.call_function, new FunctionTarget(Function), [input, weight, bias, .. Settings], typeof(Tensor), name);
        weight.replace_all_uses_with(function, user => user != function);
        function.StandsFor(call);
        if (call.get_meta(Node.QualifiedName) is { } qualified)
            function.set_meta(Node.QualifiedName, qualified);
    }

    /// <summary>The function that computes the same.</summary>
    private MethodInfo Function => typeof(nn.functional).GetMethod(Geometry?.Kernel.Length switch
    {
        null => nameof(nn.functional.linear),
        1 => nameof(nn.functional.conv1d),
        2 => nameof(nn.functional.conv2d),
        _ => nameof(nn.functional.conv3d),
    })!;

    /// <summary>The function's arguments after the bias.</summary>
    private ImmutableArray<Argument> Settings => Geometry switch
    {
        null => [],
        { Kernel.Length: 1 } windows => [windows.Stride[0], windows.Padding[0], windows.Dilation[0], windows.Groups],
        var windows => [Sizes(windows.Stride), Sizes(windows.Padding), Sizes(windows.Dilation), windows.Groups],
    };

    private static ConvolutionGeometry Windows(Convolution layer, long[] padding, long[] kernel)
        => new(kernel, Each(layer.stride, kernel.Length), Each(padding, kernel.Length), Each(layer.dilation, kernel.Length), layer.groups);

    private static long[] Each(long[] sizes, int rank) => [.. Enumerable.Range(0, rank).Select(i => sizes[sizes.Length == 1 ? 0 : i])];

    private static ListArgument Sizes(long[] sizes) => new([.. sizes.Select(size => (Argument)new Literal(size))], typeof(long));
}
