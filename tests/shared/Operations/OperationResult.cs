using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

/// <summary>The tensors of a result, and how they differ from others.</summary>
internal static class OperationResult
{
    internal static Tensor[] Tensors(object? value) => value switch
    {
        Tensor tensor => [tensor],
        IEnumerable<Tensor> tensors => [.. tensors],
        ITuple tuple => [.. Enumerable.Range(0, tuple.Length).SelectMany(i => Tensors(tuple[i]))],
        _ => [],
    };

    /// <summary>Null where there is no difference.</summary>
    internal static string? Difference(object? expected, object? actual, double tolerance = 1e-5)
    {
        var (left, right) = (Tensors(expected), Tensors(actual));
        return left.Length != right.Length ? $"{left.Length} tensors became {right.Length}" : left.Zip(right, (a, b) => Difference(a, b, tolerance)).FirstOrDefault(text => text is not null);
    }

    private static string? Difference(Tensor expected, Tensor actual, double tolerance)
        => expected.dtype != actual.dtype || !expected.shape.SequenceEqual(actual.shape) ? $"{expected.dtype} [{string.Join(", ", expected.shape)}] became {actual.dtype} [{string.Join(", ", actual.shape)}]"
            : expected.is_sparse || expected.numel() == 0 || expected.allclose(actual, tolerance, tolerance / 10, equal_nan: true) ? null : $"{Text(expected)} became {Text(actual)}";

    private static string Text(Tensor tensor) => tensor.numel() > 40 ? Text(tensor.flatten()[..40]) : tensor.npstr().ReplaceLineEndings(" ");
}
