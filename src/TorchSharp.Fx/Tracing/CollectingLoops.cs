using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>LINQ's <c>Select</c> as a loop, to be traced as one.</summary>
internal static class CollectingLoops
{
    internal const BindingFlags Flags = BindingFlags.Static | BindingFlags.NonPublic;

    internal static List<torch.Tensor> Over<T>(T[] source, Func<T, torch.Tensor> selector)
    {
        var collected = new List<torch.Tensor>();
        for (var i = 0; i < source.Length; i++)
            collected.Add(selector(source[i]));
        return collected;
    }

    internal static List<torch.Tensor> OverIndexed<T>(T[] source, Func<T, int, torch.Tensor> selector)
    {
        var collected = new List<torch.Tensor>();
        for (var i = 0; i < source.Length; i++)
            collected.Add(selector(source[i], i));
        return collected;
    }

    internal static List<torch.Tensor> OverRange(int start, int count, Func<int, torch.Tensor> selector)
    {
        var collected = new List<torch.Tensor>();
        for (var i = 0; i < count; i++)
            collected.Add(selector(start + i));
        return collected;
    }
}

/// <summary><c>Enumerable.Range</c> of a symbolic length, which a <c>Select</c> follows.</summary>
/// <param name="interpreter">Who traces.</param>
/// <param name="method">What made it.</param>
/// <param name="start">Where it begins.</param>
/// <param name="count">How many there are.</param>
internal sealed class SymbolicRange(Interpreter interpreter, MethodBase method, Value start, Value count)
{
    internal Value Start => start;

    internal Value Count => count;

    /// <summary>As many numbers as the example has.</summary>
    internal Value Real() => HostCode.Run(new(interpreter, method, [Value.Of(Number(start)), Value.Of(Number(count))]));

    private int Number(Value value)
        => (int)(value.IsSymbol
            ? interpreter.Specialise(value.Symbol) ?? throw Untraceable.NeedsValue(interpreter, method, value.Symbol) : value).Int64;
}
