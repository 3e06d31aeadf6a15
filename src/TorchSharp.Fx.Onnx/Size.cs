namespace TorchSharp.Fx.Onnx;

/// <summary>A whole number of the graph: known, or the name of a value of one element that the model computes from its inputs.</summary>
internal readonly record struct Size(long Constant, string? Name)
{
    internal Size(long constant) : this(constant, null) { }

    internal bool IsFixed => Name is null;
}

/// <summary>A number with a fraction that is an input of the model, as a value of one element.</summary>
internal sealed record Fraction(string Name, torch.ScalarType Type);
