using System.Globalization;
using System.Reflection;
using System.Text;

namespace TorchSharp.Fx.Cil;

/// <summary>A method's body as text: its instructions by number, each group under its line of C#.</summary>
internal static class CodeText
{
    internal static string Of(MethodIL code)
    {
        var text = new StringBuilder(Header(code)).Append('\n');
        SourceLine? line = null;
        for (var i = 0; i < code.Instructions.Length; i++)
        {
            if (code.LineOf(i) is { } at && at != line)
                text.Append("  ").Append(at).Append(TextOf(at) is { } source ? $"  {source}" : "").Append('\n');
            line = code.LineOf(i);
            text.Append("    ").Append(Line(code, i)).Append('\n');
        }
        return text.ToString();
    }

    /// <summary><c> 35  Call    Tensor.get_shape</c></summary>
    internal static string Line(MethodIL code, int number)
    {
        var instruction = code.Instructions[number];
        return $"{number,3}  {instruction.Op,-8}{Operand(instruction)}".TrimEnd();
    }

    private static string Header(MethodIL code)
        => $"{code.Method.DeclaringType?.Name}.{code.Method.Name}({string.Join(", ", code.Parameters.Select(parameter =>
            $"{parameter.ParameterType.Name} {parameter.Name}"))}) in {code.Method.Module.Assembly.GetName().Name}";

    /// <summary>The line itself, where its file is still there.</summary>
    private static string? TextOf(SourceLine line)
        => File.Exists(line.File) ? File.ReadLines(line.File).Skip(line.Line - 1).FirstOrDefault()?.Trim() : null;

    private static string Operand(Instruction instruction) => instruction.Op switch
    {
        Op.Ldarg or Op.Ldarga or Op.Starg or Op.Ldloc or Op.Ldloca or Op.Stloc or Op.LdcI4 => $"{instruction.Index}",
        Op.Leave or Op.Br or Op.BrFalse or Op.BrTrue or (>= Op.Beq and <= Op.BltUn) => $"-> {instruction.Index}",
        _ => instruction.Operand switch
        {
            CallSite site => NameOf(site),
            Conversion conversion => conversion.Target.Name,
            Type type => type.Name,
            FieldInfo { IsStatic: true } field => $"{field.DeclaringType?.Name}.{field.Name}",
            MemberInfo member => member.Name,
            int[] targets => $"-> {string.Join(", ", targets)}",
            string literal => $"\"{literal}\"",
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => "",
        },
    };

    /// <summary>A call that is never run may name what can't be loaded.</summary>
    private static string NameOf(CallSite site)
    {
        try
        {
            return $"{site.Method.DeclaringType?.Name}.{site.Method.Name}";
        }
        catch (TypeLoadException)
        {
            return "?";
        }
    }
}
