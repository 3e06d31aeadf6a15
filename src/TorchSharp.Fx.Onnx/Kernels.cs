using System.Collections.Frozen;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>
/// The types of each operation of ONNX: which inputs have one type together, what type comes out, and for which types ONNX Runtime computes
/// it. Without that, a model would be written that no runtime loads.
/// </summary>
internal static class Kernels
{
    // Operations | inputs, the last for all that follow | outputs | types of T. T is the type that is told; L are int64, I int32, B bools,
    // S anything.
    private const string Table = """
        Abs Sign Shrink Add Sub Mul Div Mod | T | T | fyswilhd
        Acos Acosh Asin Asinh Atan Atanh Cosh Elu Erf HardSigmoid HardSwish Selu Sinh Softplus Softsign Tan | T | T | fh
        AveragePool GlobalAveragePool GlobalMaxPool LRN Conv ConvTranspose InstanceNormalization GridSample | T | T | fh
        Ceil Cos Exp Floor LeakyRelu Log LogSoftmax Reciprocal Round Sigmoid Sin Softmax Sqrt Tanh | T | T | fhd
        Gemm BatchNormalization LayerNormalization RandomNormalLike RandomUniformLike | T | T | fhd
        Celu | T | T | f
        Neg | T | T | fswilhd
        Relu | T | T | fsihd
        Einsum MatMul PRelu Pow ReduceL1 ReduceL2 ReduceLogSumExp ReduceMean ReduceProd | T | T | filhd
        ReduceSum CumSum | T L | T | filhd
        ReduceMax ReduceMin Max Min Clip | T | T | fysilhd
        ArgMax ArgMin | T | L | fysilhd
        Equal | T | B | fyswilbhd
        Greater GreaterOrEqual Less LessOrEqual | T | B | fyswilhd
        And Or Xor Not | T | T | b
        IsNaN | T | B | fhd
        IsInf | T | B | fd
        NonZero | T | L | fyilbh
        Shape | T | L | fyswilbhdg
        Size | T | L | fyswilbhd
        Identity Transpose Concat | T | T | fyswilbhdg
        Reshape Unsqueeze Squeeze Split Slice GatherND | T L | T | fyswilbhdg
        Gather GatherElements | T S | T | fyswilbhdg
        ScatterElements | T S T | T | fyswilbhdg
        ScatterND | T L T | T | fyswilbhdg
        Expand Tile | T L | T | fyswilbhd
        Compress | T B | T | fyswilbhd
        Trilu | T L | T | filbhd
        Where | B T T | T | fysilhd
        Pad | T L T | T | fysilbhd
        Resize | T F F L | T | fysih
        MaxPool DepthToSpace | T | T | fyshd
        TopK | T L | T L | fyswilhd
        Range | T | T | fwild
        OneHot | L L T | T | flh
        Cast | S | | fyswilbhdg
        LSTM GRU | T T T T I T T | T | fhd
        RNN | T T T T I T | T | fh
        NonMaxSuppression | T T L T T | L | f
        RoiAlign | T T L | T | fd
        Multinomial | T | | fh
        DFT | T | T | fd
        """;

    private static readonly FrozenDictionary<char, ScalarType> Letters = new Dictionary<char, ScalarType>
    {
        ['f'] = ScalarType.Float32, ['d'] = ScalarType.Float64, ['h'] = ScalarType.Float16, ['g'] = ScalarType.BFloat16,
        ['b'] = ScalarType.Bool, ['y'] = ScalarType.Byte,
        ['s'] = ScalarType.Int8, ['w'] = ScalarType.Int16, ['i'] = ScalarType.Int32, ['l'] = ScalarType.Int64,
    }.ToFrozenDictionary();

    // Types that hold all numbers of one, the nearest first.
    private static readonly FrozenDictionary<ScalarType, string> Wider = new Dictionary<ScalarType, string>
    {
        [ScalarType.Bool] = "yil", [ScalarType.Byte] = "wilfd", [ScalarType.Int8] = "wilfd", [ScalarType.Int16] = "ilfd",
        [ScalarType.Int32] = "ld", [ScalarType.Float16] = "fd",
        [ScalarType.BFloat16] = "fd", [ScalarType.Float32] = "d",
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<string, Kernel> All = Read().ToFrozenDictionary();

    /// <summary>The names of the operations.</summary>
    internal static IEnumerable<string> Names => All.Keys;

    internal static Kernel Of(string op)
        => All.TryGetValue(op, out var kernel)
            ? kernel : throw new InvalidOperationException($"The table of kernels has no line for {op}.");

    /// <summary>The type to compute in: the given one, or where there is no kernel for that, one that holds all its numbers.</summary>
    internal static ScalarType Computed(string op, ScalarType type)
    {
        var types = Of(op).Types;
        if (types.Contains(type))
            return type;
        foreach (var letter in Wider.GetValueOrDefault(type, ""))
            if (types.Contains(Letters[letter]))
                return Letters[letter];
        throw new NotSupportedException($"ONNX Runtime has no {op} for {type}");
    }

    private static IEnumerable<KeyValuePair<string, Kernel>> Read()
    {
        foreach (var line in Table.Split('\n', StringSplitOptions.TrimEntries))
            if (line.Split('|', StringSplitOptions.TrimEntries) is [var ops, var inputs, var outputs, var types])
                foreach (var op in ops.Split(' '))
                    yield return new(op,
                        new(inputs.Replace(" ", "", StringComparison.Ordinal), outputs.Replace(" ", "", StringComparison.Ordinal),
                            types.Select(letter => Letters[letter]).ToFrozenSet()));
    }
}

/// <summary>The types of one operation.</summary>
/// <param name="Inputs">A letter for each input, the last for all that follow.</param>
/// <param name="Outputs">The same for outputs; none where an attribute tells.</param>
/// <param name="Types">What T can be.</param>
internal sealed record Kernel(string Inputs, string Outputs, FrozenSet<ScalarType> Types)
{
    internal bool IsTold(int input) => Inputs[Math.Min(input, Inputs.Length - 1)] == 'T';

    /// <summary>The type of an output.</summary>
    internal ScalarType Output(int output, ScalarType told) => Outputs[Math.Min(output, Outputs.Length - 1)] switch
    {
        'L' => ScalarType.Int64,
        'B' => ScalarType.Bool,
        _ => told,
    };
}
