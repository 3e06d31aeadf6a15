using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// The facts that a graph may decide by: the sizes, type and device of each tensor among a call's inputs, and the numbers among them as
/// they are.
/// </summary>
internal sealed class InputSizes : IEquatable<InputSizes>
{
    private readonly long[] numbers;

    private InputSizes(IEnumerable<long> numbers) => this.numbers = [.. numbers];

    /// <summary>Those of a call; null where an input is something else.</summary>
    internal static InputSizes? Of(IEnumerable<object?> inputs)
    {
        var numbers = new List<long>();
        return inputs.All(input => Add(numbers, input)) ? new(numbers) : null;
    }

    /// <summary>Sizes, strides and types of tensors, and how many threads there are.</summary>
    internal static InputSizes OfLayout(params ReadOnlySpan<Tensor?> tensors)
    {
        var numbers = new List<long>(40) { get_num_threads() };
        foreach (var tensor in tensors)
            if (tensor is not null)
            {
                numbers.Add((long)tensor.dtype);
                numbers.AddRange(Shims.Sizes(tensor));
                numbers.AddRange(Shims.Strides(tensor));
                GC.KeepAlive(tensor);
            }
        return new(numbers);
    }

    /// <inheritdoc/>
    public bool Equals(InputSizes? other) => other is not null && numbers.AsSpan().SequenceEqual(other.numbers);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as InputSizes);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var number in numbers)
            hash.Add(number);
        return hash.ToHashCode();
    }

    private static bool Add(List<long> numbers, object? input)
    {
        switch (input)
        {
            case Tensor tensor:
                long[] sizes = tensor.shape;
                numbers.AddRange([(long)tensor.dtype, (long)tensor.device_type, tensor.device_index, sizes.Length, .. sizes]);
                return true;
            case double number:
                numbers.Add(BitConverter.DoubleToInt64Bits(number));
                return true;
            case int or long or bool or Enum:
                numbers.Add(Convert.ToInt64(input, null));
                return true;
            case long[] array:
                numbers.AddRange([array.Length, .. array]);
                return true;
            case ITuple tuple:
                return Enumerable.Range(0, tuple.Length).All(i => Add(numbers, tuple[i]));
            default:
                return false;
        }
    }
}
