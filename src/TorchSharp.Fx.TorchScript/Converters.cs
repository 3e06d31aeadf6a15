using System.Reflection;
using System.Text.RegularExpressions;

namespace TorchSharp.Fx.TorchScript;

/// <summary>
/// Finds the expression for a call: by code where the form depends on settings, else by the lines of <see cref="ScriptedOperations.Table"/>.
/// </summary>
internal static partial class Converters
{
    private static readonly Dictionary<string, Func<Script, Call, string>> ByCode = MakeCode();

    private static readonly ILookup<string, string> ByTable = ReadTable()
        .ToLookup(line => line.Name, line => line.Expression, StringComparer.Ordinal);

    [GeneratedRegex(@"\{(?<list>\[)?(?<names>#?[\w|]+)(?:(?<needed>!)|\?(?<null>[^{}]+?))?(?(list)\])\}")]
    private static partial Regex Placeholder { get; }

    /// <summary>The names that have a form.</summary>
    internal static IEnumerable<string> Supported => ByTable.Select(line => line.Key).Concat(ByCode.Keys).Distinct();

    /// <summary>The name of a function in the table.</summary>
    internal static string NameOf(MethodBase method)
    {
        var (name, owner) = (new FunctionTarget(method).name, method.DeclaringType!);
        if (owner.Namespace == nameof(System))
            return "math." + name;
        if (method is MethodInfo { Name: "op_Explicit" or "op_Implicit", ReturnType: var type } && !TensorTypes.IsTensor(type))
            return TensorTypes.IsTensor(method.GetParameters()[0].ParameterType) ? "item" : "scalar";
        if (method.IsSpecialName && name == "getattr")
            return "." + method.Name["get_".Length..];
        return owner.IsNested && owner.DeclaringType == typeof(torch) && owner != typeof(torch.Tensor) && owner != typeof(torch.special)
            ? $"{owner.Name}.{name}" : name;
    }

    internal static string Convert(Script script, string name, Call call)
    {
        var key = name.ToLowerInvariant();
        if (call.IsInPlace)
            key += "_";
        if (ByCode.TryGetValue(key, out var write))
            return write(script, call) is var written && call.Unused() is { } unread ? throw Refused(unread) : written;
        if (!ByTable.Contains(key))
            throw new NotSupportedException($"there is no operation for '{key}'");
        string? unused = null;
        foreach (var line in ByTable[key])
        {
            call.Reset();
            if (Fill(line, call) is not { } expression)
                continue;
            if (call.Unused() is not { } left)
                return expression;
            unused ??= left;
        }
        throw unused is null ? new NotSupportedException($"'{key}' is not supported with these arguments") : Refused(unused);

        NotSupportedException Refused(string argument)
            => new($"'{key}' is not supported with its {(call.Module is null ? "argument" : "setting")} '{argument}'");
    }

    /// <summary>The line with the call's arguments in their places; null where it takes others.</summary>
    private static string? Fill(string line, Call call)
    {
        var fits = true;
        var expression = Placeholder.Replace(line, match =>
        {
            if (Argument(match, call) is { } found)
                return found;
            fits = false;
            return "";
        });
        return fits ? expression : null;
    }

    private static string? Argument(Match match, Call call)
    {
        foreach (var name in match.Groups["names"].Value.Split('|'))
        {
            var found = name[0] == '#' ? Number(call, name[1] - '0') : char.IsAsciiDigit(name[0])
                ? call.At(name[0] - '0') : call.Named(name);
            if (found == "None" && match.Groups["needed"].Success)
                return null;
            if (found == "None" && match.Groups["null"] is { Success: true, Value: var instead })
                found = instead == "[]" ? "annotate(List[int], [])" : instead;
            else if (found is not (null or "None") && match.Groups["list"].Success && !call.IsList(name))
                found = $"[{found}]";
            if (found is not null)
                return found;
        }
        return null;
    }

    private static string? Number(Call call, int position)
        => call.TypeAt(position) is { } type && !TensorTypes.IsTensor(type) ? call.At(position) : null;

    private static IEnumerable<(string Name, string Expression)> ReadTable()
    {
        foreach (var line in ScriptedOperations.Table.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var (names, expression) = line.Split(" => ") is [var left, var right]
                ? (left, right) : throw new InvalidOperationException($"The line '{line}' of the table is none.");
            foreach (var name in names.Split(' '))
            {
                var plain = name.Replace("[_]", "", StringComparison.Ordinal);
                yield return (plain, Of(plain, ""));
                if (plain != name)
                    yield return (plain + "_", Of(plain + "_", "_"));
            }

            string Of(string name, string ending)
                => expression.Replace("[_]", ending, StringComparison.Ordinal)
                    .Replace("*", name[(name.LastIndexOf('.') + 1)..], StringComparison.Ordinal);
        }
    }

    private static Dictionary<string, Func<Script, Call, string>> MakeCode()
    {
        var table = new Dictionary<string, Func<Script, Call, string>>(StringComparer.Ordinal);
        ScriptedLayers.AddTo(table);
        ScriptedIndexing.AddTo(table);
        return table;
    }
}
