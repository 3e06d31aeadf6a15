using System.Collections.Immutable;

namespace TorchSharp.Fx.Export;

/// <summary>The one call that a layer of PyTorch's consists of, with what it was given.</summary>
/// <param name="path">The layer's qualified name.</param>
/// <param name="schema">The operation.</param>
/// <param name="values">The arguments that the program gives, by name.</param>
/// <param name="attributes">The names under which tensors of the layer are given, by argument; what comes from elsewhere has none.</param>
/// <param name="shapes">The sizes of those tensors.</param>
internal sealed class LayerCall(
    string path, AtenSchema schema, IReadOnlyDictionary<string, Value> values, IReadOnlyDictionary<string, string> attributes,
        IReadOnlyDictionary<string, long[]> shapes)
{
    internal string Path => path;

    internal string Overload => schema.Overload;

    /// <summary>Whether a tensor is given, and is the layer's own of that name.</summary>
    internal bool Owns(string argument) => attributes.GetValueOrDefault(argument) == argument;

    /// <summary>Whether no tensor is given.</summary>
    internal bool Lacks(string argument) => !values.TryGetValue(argument, out var value) || value is Value.Constant { Item: null };

    /// <summary>Whether a tensor is the layer's own, or there is none.</summary>
    internal bool OwnsOrLacks(params ReadOnlySpan<string> arguments)
    {
        foreach (var argument in arguments)
            if (!Owns(argument) && !Lacks(argument))
                return false;
        return true;
    }

    internal long[] Shape(string argument) => shapes[argument];

    internal bool Flag(string argument) => Setting(argument) is true;

    internal double Number(string argument) => Convert.ToDouble(Setting(argument), System.Globalization.CultureInfo.InvariantCulture);

    internal long Integer(string argument) => Setting(argument) is long number ? number : throw new NotSupportedException();

    internal string? Text(string argument) => Setting(argument) as string;

    internal bool IsGiven(string argument) => Setting(argument) is not null;

    /// <summary>Sizes in so many dimensions; one number stands for all.</summary>
    internal long[] Sizes(string argument, int dimensions)
    {
        var value = values.GetValueOrDefault(argument) is Value.Many { Items: var items }
            ? [.. items.Select(item => item is Value.Constant { Item: long number } ? number : throw new NotSupportedException())]
            : Setting(argument) switch { long one => [one], long[] many => many, _ => throw new NotSupportedException() };
        return value.Length == 1 ? Enumerable.Repeat(value[0], dimensions).ToArray() : value.Length == dimensions ? value
            : throw new NotSupportedException();
    }

    /// <summary>Sizes that may be left out: none, or an empty list.</summary>
    internal long[]? SizesOrNull(string argument, int dimensions)
        => values.GetValueOrDefault(argument) is null or Value.Many { Items.IsEmpty: true }
            && Setting(argument) is null or long[] { Length: 0 } ? null : Sizes(argument, dimensions);

    private object? Setting(string argument) => values.TryGetValue(argument, out var value)
        ? value is Value.Constant { Item: var item } ? item : value is Value.Many ? value : throw new NotSupportedException()
        : schema.Parameters.First(parameter => parameter.Name == argument).Default;
}
