using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Operations;

/// <summary>One function and the shapes of its inputs.</summary>
internal sealed partial record Row(string Name, Delegate Function, params string[] Inputs)
{
    /// <summary>Numbers around zero, indices from 0 to 2, or bools, the same each time.</summary>
    internal torch.Tensor Input(string shape, long free, int position)
    {
        using var generator = new Generator(7 + (ulong)position);
        var (sizes, type) = shape.Split(':') is [var before, var after] ? (before, after) : (shape, "");
        long[] dimensions = [.. Letter.Replace(sizes, $"{free}").Split('x').Select(long.Parse)];
        return type switch
        {
            "int64" => randint(0, 3, dimensions, int64, generator: generator),
            "bool" => rand(dimensions, generator: generator) > 0.5,
            _ when Name.Contains("positive", StringComparison.Ordinal) => rand(dimensions, generator: generator) + 0.1,
            _ => randn(dimensions, generator: generator),
        };
    }

    [GeneratedRegex("[A-Z](=[0-9]+)?")]
    private static partial Regex Letter { get; }
}
