using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A weight that is kept in steps, of which a function takes the numbers.</summary>
/// <param name="Steps">The steps.</param>
/// <param name="Scale">The scale of each place in the first dimension.</param>
/// <param name="ZeroPoint">The step that stands for 0, for each.</param>
internal sealed record SteppedWeight(Tensor Steps, Tensor Scale, Tensor ZeroPoint)
{
    private static readonly MethodInfo Dequantize = typeof(quantized_decomposed).GetMethod(
        nameof(quantized_decomposed.dequantize_per_channel), [typeof(Tensor), typeof(Tensor), typeof(Tensor), typeof(long)])!;

    internal IEnumerable<Tensor> Parts => [Steps, Scale, ZeroPoint];

    /// <summary>A copy of the weight that nodes read.</summary>
    internal static SteppedWeight Of(Int8Weight weight, InferenceGraph layers)
        => new SteppedWeight(layers.Tensor(weight.Weight.target.name), layers.Tensor(weight.Scale!.target.name),
            layers.Tensor(weight.ZeroPoint!.target.name)).With(part => part.detach().clone().DetachFromDisposeScope());

    internal SteppedWeight With(Func<Tensor, Tensor> change) => new(change(Steps), change(Scale), change(ZeroPoint));

    internal Tensor Numbers() => quantized_decomposed.dequantize_per_channel(Steps, Scale, ZeroPoint, 0);

    /// <summary>A node of the numbers, in a graph that gets the parts.</summary>
    internal Node Read(Graph graph, string name, Dictionary<string, object> content)
    {
        (content[name], content[name + "_scale"], content[name + "_zero_point"]) = (Steps, Scale, ZeroPoint);
        return graph.call_function(Dequantize, graph.get_attr(name), graph.get_attr(name + "_scale"), graph.get_attr(name + "_zero_point"),
            0L);
    }
}
