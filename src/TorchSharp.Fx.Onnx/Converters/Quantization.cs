using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Steps and numbers: what other tools know as QDQ.</summary>
internal static class Quantization
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        table["quantize_per_tensor"] = step => Quantised(step);
        table["quantize_per_channel"] = step => Quantised(step, OnnxGraph.Attribute("axis", Axis(step)));
        table["dequantize_per_tensor"] = step => Dequantised(step);
        table["dequantize_per_channel"] = step => Dequantised(step, OnnxGraph.Attribute("axis", Axis(step)));
    }

    /// <summary>
    /// The bias of a layer between steps as whole numbers of the smallest unit that its products have: runtimes compute only such
    /// layers in few bits. Null for any other layer.
    /// </summary>
    internal static string? Bias(Step step)
    {
        if (step.Module is not null || step.Count < 3
            || Dequantised(step.Argument(0)) is not { args: [_, Literal { Value: double input }, ..] }
            || Dequantised(step.Argument(1)) is not { args: [_, var scalesOf, ..] } || Attribute(scalesOf) is not { } scales
            || Attribute(step.Argument(2)) is not { } bias)
            return null;
        var unit = step.Scope.Run.TensorAt(scales).detach().to(ScalarType.Float32).mul(input);
        var whole = step.Scope.Run.TensorAt(bias).detach().to(ScalarType.Float64).div(unit).round();
        if (unit.dim() != 1 || whole.abs().max().item<double>() > int.MaxValue)
            return null;
        string[] inputs =
        [
            step.Graph.Initializer($"{bias}_steps", whole.to(ScalarType.Int32)), step.Graph.Initializer($"{bias}_scale", unit),
        ];
        return step.Graph.Typed("DequantizeLinear", step.Name, inputs, ScalarType.Float32, OnnxGraph.Attribute("axis", 0L));
    }

    /// <summary>The tensor of the model that an argument is; null for none.</summary>
    private static string? Attribute(Argument argument)
        => argument is NodeArgument { Node: { op: Opcode.get_attr, target.name: var path } } ? path : null;

    private static Node? Dequantised(Argument argument)
        => argument is NodeArgument { Node: { target: FunctionTarget { Method.DeclaringType: var type } } node }
            && type == typeof(quantized_decomposed)
            && node.target.name.StartsWith("dequantize", StringComparison.Ordinal) ? node : null;

    /// <summary>ONNX has all steps of a type, and no fewer.</summary>
    private static string Quantised(Step step, params ReadOnlySpan<Format.AttributeProto> attributes)
    {
        RefuseNative(step);
        var type = step.Output.Type;
        var (least, most) = (step.Long("quant_min", 0), step.Long("quant_max", 0));
        if ((type, least, most) is not ((ScalarType.Byte, 0, 255) or (ScalarType.Int8, -128, 127)))
            throw new NotSupportedException($"it has the steps {least} to {most} of {type}, and ONNX has all of uint8 and int8 only");
        string[] inputs = [step.Value(0), step.Value(1, ScalarType.Float32), step.Value(2, type)];
        return step.Graph.Typed("QuantizeLinear", step.Name, inputs, type, attributes);
    }

    private static string Dequantised(Step step, params ReadOnlySpan<Format.AttributeProto> attributes)
    {
        RefuseNative(step);
        string[] inputs = [step.Value(0), step.Value(1, ScalarType.Float32), step.Value(2, step.Input.Type)];
        return step.Graph.Typed("DequantizeLinear", step.Name, inputs, ScalarType.Float32, attributes);
    }

    private static long Axis(Step step) => step.Dimension(step.Long("axis", 0));

    private static void RefuseNative(Step step)
    {
        if (step.Target is FunctionTarget { Method.DeclaringType: var type } && type != typeof(quantized_decomposed))
            throw new NotSupportedException("it makes a tensor of libtorch's own quantised types; take quantized_decomposed's functions");
    }
}
