using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>What stands for a tensor of complex numbers, for which ONNX Runtime computes next to nothing: two tensors of reals.</summary>
/// <param name="Real">The real parts.</param>
/// <param name="Imaginary">The imaginary parts.</param>
internal sealed record ComplexValue(string Real, string Imaginary)
{
    /// <summary>One of the two, the imaginary parts where the number is 1.</summary>
    internal string Part(int number) => number == 0 ? Real : Imaginary;

    /// <summary>A tensor of pairs, in a last dimension, as <c>view_as_real</c> gives it.</summary>
    internal string Pairs(OnnxGraph graph, string name)
    {
        string[] parts = [.. new[] { Real, Imaginary }.Select(part => graph.Add("Unsqueeze", name, [part, graph.Integers(-1)]))];
        return graph.Add("Concat", name, parts, OnnxGraph.Attribute("axis", -1));
    }

    /// <summary>The parts of a tensor of pairs.</summary>
    internal static ComplexValue OfPairs(OnnxGraph graph, string name, string pairs)
    {
        return new(Half(0), Half(1));

        string Half(long number) => graph.Add("Gather", name, [pairs, graph.Integer(number)], OnnxGraph.Attribute("axis", -1));
    }

    /// <summary>The type of the parts.</summary>
    internal static ScalarType PartType(ScalarType type) => type switch
    {
        ScalarType.ComplexFloat32 => ScalarType.Float32,
        ScalarType.ComplexFloat64 => ScalarType.Float64,
        _ => type,
    };

    /// <summary>What is known of the parts.</summary>
    internal static TensorFacts PartFacts(TensorFacts facts) => facts with { Type = PartType(facts.Type) };

    /// <summary>What is known of the pairs; of reals, what is known of them.</summary>
    internal static TensorFacts PairFacts(TensorFacts facts) => Has(facts) ? new([.. facts.Shape, 2], PartType(facts.Type)) : facts;

    /// <summary>Whether a value is, or has inside, complex numbers.</summary>
    internal static bool Has(object? value) => value switch
    {
        TensorFacts { Type: var type } => PartType(type) != type,
        object?[] items => Array.Exists(items, Has),
        Dictionary<object, object?> items => items.Values.Any(Has),
        _ => Number(value) is not null,
    };

    /// <summary>A complex number that the program names; null for anything else.</summary>
    internal static System.Numerics.Complex? Number(object? value) => value switch
    {
        System.Numerics.Complex number => number,
        Scalar { Type: ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64 } scalar => scalar.ToComplexFloat64(),
        _ => null,
    };
}
