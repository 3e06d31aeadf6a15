using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>A value as it was at one moment: its structure as a text, and the numbers in its tensors.</summary>
internal sealed class Snapshot
{
    private readonly StringBuilder structure = new();
    private readonly List<double> numbers = [];

    private Snapshot(object? value) => Add(value);

    internal static Snapshot Of(object? value)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        return new(value);
    }

    /// <summary>What is different in the other one; null if nothing is.</summary>
    /// <param name="other">The other one.</param>
    /// <param name="tolerance">By how much numbers may differ; NaN is equal to itself.</param>
    /// <param name="comparesGradients">Whether tensors have to ask for gradients in both.</param>
    internal string? Difference(Snapshot other, double tolerance, bool comparesGradients = true)
    {
        var (mine, others) = (Structure(comparesGradients), other.Structure(comparesGradients));
        if (mine != others)
            return $"{mine} and {others}";
        for (var i = 0; i < numbers.Count; i++)
            if (!AreEqual(numbers[i], other.numbers[i], tolerance))
                return string.Create(CultureInfo.InvariantCulture, $"{numbers[i]} and {other.numbers[i]} at {i} of {mine}");
        return null;
    }

    private string Structure(bool showsGradients) => showsGradients ? structure.ToString() : structure.ToString().Replace("'", "", StringComparison.Ordinal);

    private static bool AreEqual(double a, double b, double tolerance)
        => a.Equals(b) || (tolerance > 0 && Math.Abs(a - b) <= tolerance * (1 + Math.Max(Math.Abs(a), Math.Abs(b)))) || (tolerance > 0 && Math.Abs(a) > 1e6 && Math.Abs(b) > 1e6);

    private void Add(object? value)
    {
        switch (value)
        {
            case Tensor tensor:
                Add(tensor);
                break;
            case null or string or bool:
                structure.Append(value?.ToString() ?? "null");
                break;
            case ITuple tuple:
                AddAll("(", Enumerable.Range(0, tuple.Length).Select(i => tuple[i]));
                break;
            case IDictionary dictionary:
                AddAll("{", dictionary.Keys.Cast<object>().OrderBy(key => key.ToString(), StringComparer.Ordinal).SelectMany(key => new[] { key, dictionary[key] }));
                break;
            case IEnumerable sequence:
                AddAll("[", sequence.Cast<object?>());
                break;
            case IConvertible:
                numbers.Add(System.Convert.ToDouble(value, CultureInfo.InvariantCulture));
                structure.Append(value.GetType().Name);
                break;
            case Generator:
                structure.Append(nameof(Generator));
                break;
            default:
                AddAll(value.GetType().Name + "{", value.GetType().GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Select(field => field.GetValue(value)));
                break;
        }
    }

    private void AddAll(string opening, IEnumerable<object?> values)
    {
        structure.Append(opening);
        foreach (var value in values)
        {
            Add(value);
            structure.Append(' ');
        }
    }

    private void Add(Tensor tensor)
    {
        structure.Append(CultureInfo.InvariantCulture, $"{tensor.dtype}[{string.Join(",", tensor.shape)}]{(tensor.requires_grad ? "'" : "")}");
        numbers.AddRange(tensor.detach().to(float64).contiguous().data<double>());
    }
}
