using System.Collections.Frozen;
using System.Text;

namespace TorchSharp.Fx.Graphs;

/// <summary>Names as C# code writes them: of types, of variables, of what a module path leads to, and texts in quotes.</summary>
internal static class CSharpNames
{
    private static readonly FrozenDictionary<Type, string> Keywords = new Dictionary<Type, string>
    {
        [typeof(void)] = "void", [typeof(object)] = "object", [typeof(string)] = "string", [typeof(bool)] = "bool", [typeof(char)] = "char",
        [typeof(sbyte)] = "sbyte", [typeof(byte)] = "byte", [typeof(short)] = "short", [typeof(ushort)] = "ushort", [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long", [typeof(ulong)] = "ulong", [typeof(nint)] = "nint", [typeof(nuint)] = "nuint",
        [typeof(float)] = "float", [typeof(double)] = "double", [typeof(decimal)] = "decimal",
    }.ToFrozenDictionary();

    private static readonly FrozenSet<string> Reserved = """
        abstract as base bool break byte case catch char checked class const continue decimal default delegate do double else enum event explicit extern
        false finally fixed float for foreach goto if implicit in int interface internal is lock long namespace new null object operator out override
        params private protected public readonly ref return sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof
        uint ulong unchecked unsafe ushort using virtual void volatile while
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>A variable's or member's name; C#'s own words get an <c>@</c>.</summary>
    internal static string Identifier(string name) => Reserved.Contains(name) ? "@" + name : name;

    /// <summary><c>layer1.0.conv1</c> → <c>.layer1[0].conv1</c>; a key that is no identifier stands in brackets.</summary>
    internal static string Access(string path) => string.Concat(path.Split('.').Select(part => part switch
    {
        "" => "",
        _ when part.All(char.IsAsciiDigit) => $"[{part}]",
        _ when IsIdentifier(part) => "." + Identifier(part),
        _ => $"[{Quoted(part)}]",
    }));

    /// <summary>A type, as code with <c>using static TorchSharp.torch</c> writes it.</summary>
    internal static string OfType(Type type)
    {
        if (Keywords.TryGetValue(type, out var keyword))
            return keyword;
        if (type.IsByRef)
            return OfType(type.GetElementType()!);
        if (type.IsArray)
            return $"{OfType(type.GetElementType()!)}[{new string(',', type.GetArrayRank() - 1)}]";
        if (Nullable.GetUnderlyingType(type) is { } value)
            return OfType(value) + "?";
        if (type.FullName?.StartsWith("System.ValueTuple`", StringComparison.Ordinal) == true
            && type.GenericTypeArguments is [_, _, ..] and { Length: < 8 } items)
            return $"({string.Join(", ", items.Select(OfType))})";
        return Qualified(type);
    }

    /// <summary>A text in C#'s quotes.</summary>
    internal static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
            quoted.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ when char.IsControl(c) => FormattableString.Invariant($"\\u{(int)c:x4}"),
                _ => c.ToString(),
            });
        return quoted.Append('"').ToString();
    }

    /// <summary>The types around a nested one belong to its name, but for <c>torch</c> where it only holds a type.</summary>
    private static string Qualified(Type type)
    {
        var names = new Stack<string>();
        for (var level = type; level is not null; level = level.DeclaringType)
        {
            var tick = level.Name.IndexOf('`', StringComparison.Ordinal);
            var outer = level.DeclaringType?.GetGenericArguments().Length ?? 0;
            var own = type.GenericTypeArguments.Skip(outer).Take(level.GetGenericArguments().Length - outer);
            names.Push(tick < 0 ? level.Name : $"{level.Name[..tick]}<{string.Join(", ", own.Select(OfType))}>");
        }
        var isStatic = type.IsAbstract && type.IsSealed;
        return string.Join('.', names.Count > 1 && names.Peek() == "torch" && !isStatic ? names.Skip(1) : names);
    }

    internal static bool IsIdentifier(string name)
        => name.Length > 0 && (char.IsLetter(name[0]) || name[0] == '_') && name.All(c => char.IsLetterOrDigit(c) || c == '_');
}
