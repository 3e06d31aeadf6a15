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
        ["System.Console.*"] = Dropped,
        ["System.Diagnostics.Debug.*"] = Dropped,
        ["System.Diagnostics.Trace.*"] = Dropped,
    };

    private static Text Self(in Invocation call) => (Text)call.Arguments[0].Address.Load().Reference!;

    private static Value? Append(in Invocation call)
    {
        var operands = call.Operands;
        var format = operands.Length > 1 && operands[^1].Reference is string found ? found : null;
        var type = call.Traits.Parameters[0].ParameterType;
        var shown = operands[0].IsSymbol ? operands[0].Symbol.ToString()
            : operands[0].Reference is SpanModel { Array: char[] text } span ? new string(text, span.Offset, span.Length)
            : call.Interpreter.Symbols.TryGet(operands[0].Reference, out var symbol) ? symbol.ToString()
            : call.Interpreter.ToObject(operands[0], type) is var real and IFormattable formattable && real is not torch.Tensor ? formattable.ToString(format, CultureInfo.CurrentCulture)
            : call.Interpreter.ToObject(operands[0], type)?.ToString();
        Self(call).Content.Append(shown);
        return default(Value);
    }

    /// <summary>A trace prints nothing: what a model prints belongs to its runs, and a symbol has no value to print.</summary>
    private static Value? Dropped(in Invocation call) => call.Traits.ReturnType == typeof(void) ? default(Value) : null;

    /// <summary>The text of an assertion or a message that is not shown: it asks its caller not to make it.</summary>
    private static Value? NotShown(in Invocation call)
    {
        call.Arguments[^1].Address.Store(Value.Of(false));
        return Value.OfStruct(new Text(new StringBuilder()));
    }

    /// <summary><c>builder.Append($"…")</c>: the text is in the builder already.</summary>
    private static Value? Appended(in Invocation call)
    {
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
