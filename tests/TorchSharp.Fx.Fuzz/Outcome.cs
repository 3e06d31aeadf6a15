using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz;

/// <summary>What a program did, as a text that is the same exactly if it did the same.</summary>
internal static class Outcome
{
    /// <summary>The result, or the type of the exception.</summary>
    internal static string Of(Func<object?> run)
    {
        try
        {
            return Text(run());
        }
        catch (TracedProgramException exception)
        {
            return $"throws {exception.InnerException!.GetType().Name}";
        }
        catch (NodeExecutionException exception)
        {
            return $"throws {exception.InnerException!.GetType().Name}";
        }
        catch (TraceException exception)
        {
            return $"refused: {exception.Message}";
        }
        catch (Exception exception)
        {
            return $"throws {exception.GetType().Name}";
        }
    }

    /// <summary>The places where two outcomes begin to differ.</summary>
    internal static string Difference(string nameA, string a, string nameB, string b)
    {
        var same = a.Zip(b).TakeWhile(pair => pair.First == pair.Second).Count();
        return $"  {nameA}: {From(a)}\n  {nameB}: {From(b)}";

        string From(string text) => text.Length > 300 ? "…" + text[Math.Max(0, same - 100)..Math.Min(text.Length, same + 120)] : text;
    }

    // A NaN's bits are no property of the program: the processor chooses them.
    internal static string Text(object? value) => value switch
    {
        null => "null",
        double number => double.IsNaN(number) ? "NaN" : $"{number.ToString("R", CultureInfo.InvariantCulture)}d",
        float number => float.IsNaN(number) ? "NaN" : $"{number.ToString("R", CultureInfo.InvariantCulture)}f",
        string text => $"\"{text}\"",
        Tensor tensor => $"{tensor.dtype}[{string.Join(",", tensor.shape)}]{System.Convert.ToHexString(tensor.contiguous().bytes.ToArray())}",
        Delegate => "delegate",
        ITuple tuple => $"({string.Join(", ", Enumerable.Range(0, tuple.Length).Select(i => Text(tuple[i])))})",
        IEnumerable sequence => $"[{string.Join(", ", sequence.Cast<object?>().Select(Text))}]",
        IFormattable or bool or char => $"{value}:{value.GetType().Name}",
        _ => $"{value.GetType().Name}{{{string.Join(", ", value.GetType().GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Select(field => Text(field.GetValue(value))))}}}",
    };
}
