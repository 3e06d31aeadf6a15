using System.Collections;
using System.Globalization;
using System.Text;

namespace TorchSharp.Fx.Tracing;

/// <summary>String interpolation, whose handler can't be boxed; and what a model prints while it is traced.</summary>
internal static class TextMembers
{
    private const string Handler = "System.Runtime.CompilerServices.DefaultInterpolatedStringHandler.";

    private const string Appending = "System.Text.StringBuilder+AppendInterpolatedStringHandler.";

    internal static Dictionary<string, CallHandler> Table { get; } = new()
    {
        [Handler + ".ctor"] = (in Invocation call) => Value.OfStruct(new Text(new StringBuilder())),
        [Handler + "AppendLiteral"] = Append,
        [Handler + "AppendFormatted"] = Append,
        [Handler + "ToStringAndClear"] = (in Invocation call) => Value.OfObject(Self(call).Content.ToString()),
        [Handler + "ToString"] = (in Invocation call) => Value.OfObject(Self(call).Content.ToString()),
        ["System.Diagnostics.Debug+AssertInterpolatedStringHandler..ctor"] = NotShown,
        ["System.Diagnostics.Debug+WriteIfInterpolatedStringHandler..ctor"] = NotShown,
        ["System.String.Create"] = (in Invocation call) => call.Arguments is [.., { Kind: ValueKind.Address } handler] && handler.Address.Load().Reference is Text text ? Value.OfObject(text.Content.ToString()) : null,
        [Appending + ".ctor"] = (in Invocation call) => Value.OfStruct(new Text((StringBuilder)call.Arguments[3].Reference!)),
        [Appending + "AppendLiteral"] = Append,
        [Appending + "AppendFormatted"] = Append,
        ["System.Text.StringBuilder.Append"] = Appended,
        ["System.Text.StringBuilder.AppendLine"] = Appended,
        ["System.String.Join"] = Joined,
        ["System.Console.*"] = Dropped,
        ["System.Diagnostics.Debug.*"] = Dropped,
        ["System.Diagnostics.Trace.*"] = Dropped,
    };

    private static Text Self(in Invocation call) => (Text)call.Arguments[0].Address.Load().Reference!;

    private static Value? Append(in Invocation call)
    {
        var operands = call.Operands;
        var format = operands.Length > 1 && operands[^1].Reference is string found ? found : null;
        var width = operands.Length > 1 && operands[1].Kind == ValueKind.Int32 ? operands[1].Int32 : 0;
        var shown = Shown(call.Interpreter, operands[0], call.Traits.Parameters[0].ParameterType, format) ?? "";
        Self(call).Content.Append(width < 0 ? shown.PadRight(-width) : shown.PadLeft(width));
        return default(Value);
    }

    /// <summary>A value as text; a symbol as its name.</summary>
    private static string? Shown(Interpreter interpreter, Value value, Type type, string? format) => value.IsSymbol ? value.Symbol.ToString()
        : value.Reference is SpanModel { Array: char[] text } span ? new string(text, span.Offset, span.Length)
        : interpreter.Symbols.TryGet(value.Reference, out var symbol) ? symbol.ToString()
        : interpreter.ToObject(value, type) is var real and IFormattable formattable && real is not torch.Tensor ? ProgramFault.Of(() => formattable.ToString(format, CultureInfo.CurrentCulture))
        : ProgramFault.Of(() => interpreter.ToObject(value, type)?.ToString());

    /// <summary><c>string.Join("x", tensor.shape)</c>: a sequence that depends on an input is shown as its name, a number in one likewise.</summary>
    private static Value? Joined(in Invocation call)
    {
        var interpreter = call.Interpreter;
        if (call.Operands is not [var separator, { Reference: IEnumerable parts }] || interpreter.Numbers(call.Operands[1]) is null)
            return null;
        if (interpreter.Symbols.TryGet(parts, out var symbol))
            return Value.OfObject(symbol.ToString());
        var between = separator.Kind == ValueKind.Object ? (string?)separator.Reference : ((char)separator.Int32).ToString();
        return Value.OfObject(string.Join(between, parts.Cast<object?>().Select(part => Shown(interpreter, interpreter.ToValue(part, part?.GetType() ?? typeof(object)), typeof(object), null))));
    }

    /// <summary>A trace prints nothing: what a model prints belongs to its runs, and a symbol has no value to print.</summary>
    private static Value? Dropped(in Invocation call) => call.Traits.ReturnType == typeof(void) ? default(Value) : null;

    /// <summary>The text of an assertion or a message that is not shown: it asks its caller not to make it.</summary>
    private static Value? NotShown(in Invocation call)
    {
        call.Arguments[^1].Address.Store(Value.Of(false));
        return Value.OfStruct(new Text(new StringBuilder()));
    }

    /// <summary><c>builder.Append($"…")</c>: the text is in the builder already; a symbol that is appended is shown as its name.</summary>
    private static Value? Appended(in Invocation call)
    {
        if (call.Arguments is [{ Reference: StringBuilder text }, { IsSymbol: true } symbol])
            return Value.OfObject(text.Append(symbol.Symbol));
        if (call.Arguments is not [var builder, .., { Kind: ValueKind.Address } handler] || handler.Address.Load().Reference is not Text)
            return null;
        if (call.Method.Name == nameof(StringBuilder.AppendLine))
            ((StringBuilder)builder.Reference!).AppendLine();
        return builder;
    }

    private sealed class Text(StringBuilder content)
    {
        internal StringBuilder Content => content;
    }
}
