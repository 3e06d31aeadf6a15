using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Graphs;

/// <summary>The type of an argument or result of an ATen operation.</summary>
/// <param name="Name">Its own name: <c>Tensor</c>, <c>int</c>, <c>float</c>, <c>bool</c>, <c>Scalar</c>, <c>str</c>, <c>ScalarType</c>,
/// <c>Device</c>, <c>Layout</c> or <c>MemoryFormat</c>.</param>
/// <param name="IsList">Whether it is a list of these.</param>
/// <param name="IsOptional">Whether there may be none.</param>
/// <param name="ItemsAreOptional">Whether an item of the list may be missing.</param>
/// <param name="Count">How many items the list has where one number may stand for all; else 1.</param>
internal sealed record AtenType(string Name, bool IsList, bool IsOptional, bool ItemsAreOptional, int Count = 1)
{
    /// <summary>The type of an item of the list.</summary>
    internal AtenType Item => new(Name, false, ItemsAreOptional, false);
}

/// <summary>An argument of an ATen operation.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type.</param>
/// <param name="HasDefault">Whether it may be left out.</param>
/// <param name="Default">What stands for it then: null, a number, a bool, a text, a type of elements or an array.</param>
/// <param name="IsKeyword">Whether it is given by name only.</param>
internal sealed record AtenParameter(string Name, AtenType Type, bool HasDefault, object? Default, bool IsKeyword);

/// <summary>The signature of an ATen operation, as <c>native_functions.yaml</c> of PyTorch has it.</summary>
/// <param name="Overload">The name and overload, <c>add.Tensor</c>.</param>
/// <param name="Parameters">The arguments.</param>
/// <param name="Returns">The results.</param>
/// <param name="Writes">Whether it writes to an argument.</param>
/// <param name="Views">Whether its result may share memory with an argument.</param>
internal sealed partial record AtenSchema(string Overload, ImmutableArray<AtenParameter> Parameters, ImmutableArray<AtenType> Returns,
    bool Writes, bool Views)
{
    private static readonly Lazy<FrozenDictionary<string,
        string>> Lines = new(()
        => Read().ToFrozenDictionary(line => line[..line.IndexOf('(', StringComparison.Ordinal)], StringComparer.Ordinal));
    private static readonly ConcurrentDictionary<string, AtenSchema> Known = new(StringComparer.Ordinal);

    /// <summary>The names of all operations that are known here: those that compute with tensors and neither draw random numbers nor reach
    /// outside.</summary>
    internal static IEnumerable<string> Overloads => Lines.Value.Keys;

    /// <summary>The names of the operations of which an overload is declared to give a view of an argument, and to write to none.</summary>
    internal static FrozenSet<string> ViewNames => Viewing.Value;

    private static readonly Lazy<FrozenSet<string>> Viewing = new(()
        => Lines.Value.Values.Select(Parse).Where(schema => schema is { Views: true, Writes: false }).Select(schema => schema.Name)
            .ToFrozenSet(StringComparer.Ordinal));

    /// <summary>The operation's name without the overload's.</summary>
    internal string Name => Overload.Split('.')[0];

    /// <summary>Whether all results are tensors or lists of them: others can't be called by name.</summary>
    internal bool GivesTensors => Returns.All(type => type is { Name: "Tensor", IsOptional: false });

    /// <summary>Whether the dispatcher takes these arguments: it has no form for a number of any type.</summary>
    internal bool IsDispatchable(IReadOnlyList<object?> values)
        => Parameters.Zip(values)
            .All(pair => pair.First.Type.Name != "Scalar"
                || (pair.First.Type is { IsOptional: true, IsList: false } && pair.Second is null));

    /// <summary>The schema of an overload; null for one that isn't known. <c>default</c> is no part of a name here.</summary>
    internal static AtenSchema? Find(string overload) => Lines.Value.TryGetValue(overload, out var line)
        ? Known.GetOrAdd(overload, static (_, line) => Parse(line), line) : null;

    private static IEnumerable<string> Read()
    {
        using var reader = new StreamReader(typeof(AtenSchema).Assembly.GetManifestResourceStream("schemas.txt")!);
        while (reader.ReadLine() is { } line)
            yield return line;
    }

    internal static AtenSchema Parse(string line)
    {
        var (open, arrow) = (line.IndexOf('(', StringComparison.Ordinal), line.LastIndexOf(" -> ", StringComparison.Ordinal));
        var parameters = ImmutableArray.CreateBuilder<AtenParameter>();
        var isKeyword = false;
        foreach (var part in Parts(line[(open + 1)..(arrow - 1)]))
            if (part == "*")
                isKeyword = true;
            else
                parameters.Add(Parameter(part, isKeyword));
        var results = line[(arrow + 4)..];
        var returns = Parts(results.StartsWith('(') ? results[1..^1] : results).Select(part => Type(part.Split(' ')[0]));
        return new(line[..open], parameters.ToImmutable(), [.. returns], line.Contains('!', StringComparison.Ordinal),
            AliasMark().IsMatch(results));
    }

    private static AtenParameter Parameter(string text, bool isKeyword)
    {
        var (declared, value) = text.IndexOf('=', StringComparison.Ordinal) is var at and >= 0 ? (text[..at], text[(at + 1)..])
            : (text, null);
        var space = declared.LastIndexOf(' ');
        var type = Type(declared[..space]);
        return new(declared[(space + 1)..], type, value is not null, value is null ? null : Value(value, type), isKeyword);
    }

    private static AtenType Type(string text)
    {
        text = AliasMark().Replace(text, "").Replace("SymInt", "int", StringComparison.Ordinal);
        var count = Size().Match(text) is { Success: true } size ? int.Parse(size.Groups[1].Value, CultureInfo.InvariantCulture) : 1;
        text = Size().Replace(text, "[]");
        var isOptional = text.EndsWith('?');
        text = text.TrimEnd('?');
        return text.EndsWith("[]", StringComparison.Ordinal)
            ? new(text[..^2].TrimEnd('?'), true, isOptional, text.EndsWith("?[]", StringComparison.Ordinal), count)
            : new(text, false, isOptional, false);
    }

    private static object? Value(string text, AtenType type)
    {
        if (type.IsList && text.StartsWith('['))
            return Items([.. Parts(text[1..^1]).Select(item => Value(item, type.Item))], ItemType(type));
        return text switch
        {
            "None" or "contiguous_format" or "strided" => null,
            "True" or "False" => text == "True",
            "Mean" => 1L,
            "long" => torch.ScalarType.Int64,
            ['"' or '\'', .. var inner, '"' or '\''] => inner,
            _ when type.Name != "float" && long.TryParse(text, CultureInfo.InvariantCulture, out var integer) => integer,
            _ => double.Parse(text, CultureInfo.InvariantCulture),
        };
    }

    private static Array Items(object?[] values, Type type)
    {
        var array = Array.CreateInstance(type, values.Length);
        values.CopyTo(array, 0);
        return array;
    }

    /// <summary>The type of a list's items in C#.</summary>
    internal static Type ItemType(AtenType list) => list.Name switch
    {
        "Tensor" => typeof(torch.Tensor),
        "float" => typeof(double),
        "bool" => typeof(bool),
        "str" => typeof(string),
        "Scalar" => typeof(Scalar),
        _ => typeof(long),
    };

    /// <summary>The pieces between commas, outside of brackets and quotes.</summary>
    private static IEnumerable<string> Parts(string text)
    {
        var (depth, start) = (0, 0);
        for (var i = 0; i <= text.Length; i++)
            if (i == text.Length || (text[i] == ',' && depth == 0))
            {
                if (text[start..i].Trim() is { Length: > 0 } part)
                    yield return part;
                start = i + 1;
            }
            else
                depth += text[i] is '(' or '[' ? 1 : text[i] is ')' or ']' ? -1 : 0;
    }

    [GeneratedRegex(@"\([a-z!|]+(?: -> \*)?\)")]
    private static partial Regex AliasMark();

    [GeneratedRegex(@"\[(\d+)\]")]
    private static partial Regex Size();
}
