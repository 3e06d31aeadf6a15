using System.Globalization;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// An example input given by its sizes and dtype only, for use in place of an example tensor. A capital letter is a free dimension: the
/// trace never depends on its size. The same letter is the same size in all inputs. Counterpart: <c>torch.export.Dim</c>.
/// </summary>
public sealed partial class InputShape
{
    private static readonly string[] Types =
        [.. Enum.GetNames<ScalarType>().Select(name => name.ToLowerInvariant())
            .Where(name => !name.Contains("int", StringComparison.Ordinal) || name[0] == 'i')];

    // Small, of different parity, and all different, so that no two letters look like the same number.
    private static readonly (long Size, long Other)[] Tried = [(2, 3), (5, 7), (11, 13), (17, 19), (23, 29), (31, 37), (41, 43), (47, 53)];

    private readonly string text;
    private readonly (string? Letter, long? Size)[] dimensions;

    private InputShape(string text, (string? Letter, long? Size)[] dimensions, ScalarType dtype)
        => (this.text, this.dimensions, this.dtype) = (text, dimensions, dtype);

    /// <summary>The type of the elements.</summary>
    public ScalarType dtype { get; }

    /// <summary>The letters of the free dimensions, each once.</summary>
    public IReadOnlyList<string> free_dimensions
        => [.. dimensions.Select(dimension => dimension.Letter).OfType<string>().Distinct(StringComparer.Ordinal)];

    /// <summary>The letter of each dimension; null where it is a number.</summary>
    internal IReadOnlyList<string?> letters => [.. dimensions.Select(dimension => dimension.Letter)];

    [GeneratedRegex("^(?:(?<letter>[A-Z])(?:=(?<size>[1-9][0-9]*))?|(?<size>[1-9][0-9]*))$")]
    private static partial Regex Dimension { get; }

    /// <summary>
    /// Reads <c>1x3x224x224</c>, <c>Nx16:int64</c> or <c>NxCxH=64xW=64</c>: sizes with x between them. A capital letter is a free
    /// dimension. <c>=64</c> after it gives the size to trace with, where the model doesn't run with every small size; twice that size is
    /// tried too. The dtype follows a colon if it isn't float32.
    /// </summary>
    /// <exception cref="FormatException">The text can't be read; the message names the part that is wrong.</exception>
    public static InputShape Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var (shape, type) = text.Split(':', 2) is [var before, var after] ? (before, after) : (text, "float32");
        if (!Types.Contains(type))
            throw new FormatException(
                $"The input '{text}' can't be read: there is no type '{type}'. The types are {string.Join(", ", Types)}.");
        var dimensions = shape.Split('x').Select(part => Dimension.Match(part) is { Success: true } match
            ? (match.Groups["letter"] is { Success: true } letter ? letter.Value : null, match.Groups["size"] is { Success: true } size
                && long.TryParse(size.Value, CultureInfo.InvariantCulture, out var number) ? number : (long?)null)
            : throw new FormatException(
                $"The input '{text}' can't be read: '{part}' is neither a size nor a capital letter. Write sizes with x between them, as "
                    + "in 1x3x224x224, Nx3x224x224 (N stays free) or 1x16:int64."));
        return new(text, [.. dimensions], Enum.Parse<ScalarType>(type, ignoreCase: true));
    }

    /// <summary>The text that was parsed.</summary>
    public override string ToString() => text;

    /// <summary>The letters of all declared inputs, with the two sizes that each is tried with.</summary>
    internal static IReadOnlyList<FreeDimension> FreeDimensions(IEnumerable<object?> inputs)
    {
        var found = new List<FreeDimension>();
        foreach (var letters in inputs.OfType<InputShape>().SelectMany(input => input.dimensions)
            .Where(dimension => dimension.Letter is not null)
            .GroupBy(dimension => dimension.Letter!, dimension => dimension.Size, StringComparer.Ordinal))
        {
            var sizes = letters.OfType<long>().Distinct().ToArray();
            if (sizes.Length > 1)
                throw new ArgumentException(
                    $"The free dimension {letters.Key} is to be tried with {string.Join(" and with ", sizes)}; a letter is one size in "
                        + "all inputs.");
            if (sizes.Length == 0 && found.Count == Tried.Length)
                throw new ArgumentException(
                    $"More than {Tried.Length} dimensions are free; say which size to try for the others, as in {letters.Key}=64.");
            found.Add(sizes is [var size]
                ? new(letters.Key, size, 2 * size) : new(letters.Key, Tried[found.Count].Size, Tried[found.Count].Other));
        }
        return found;
    }

    /// <summary>
    /// A tensor of this shape: the same numbers from 0 to 1 in each trace, zeros for integers (an index that always exists), true for
    /// bools.
    /// </summary>
    internal Tensor Example(IReadOnlyDictionary<string, long> sizes, ulong seed, Device device)
    {
        var shape = Array.ConvertAll(dimensions, dimension => dimension.Letter is { } letter ? sizes[letter] : dimension.Size!.Value);
        if (dtype == ScalarType.Bool)
            return ones(shape, dtype, device);
        if (device.type == DeviceType.META
            || dtype is ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 or ScalarType.Int64)
            return zeros(shape, dtype, device);
        using var generator = new Generator(seed);
        using var numbers = rand(shape, generator: generator);
        return numbers.to(dtype, device, copy: true);
    }
}
