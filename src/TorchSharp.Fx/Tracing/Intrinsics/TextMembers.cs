using System.Collections;
using System.Text;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// How programs put texts together, interpolation included, whose handler can't be boxed; and what a model prints while it is traced.
/// </summary>
internal static class TextMembers
{
    private const string Handler = "System.Runtime.CompilerServices.DefaultInterpolatedStringHandler.";

    private const string Appending = "System.Text.StringBuilder+AppendInterpolatedStringHandler.";

    internal static Dictionary<string, CallHandler> Table { get; } = new()
    {
        [Handler + ".ctor"] = (in Invocation call) =>
            Value.OfStruct(new Text(null) { Provider = call.Arguments.Length > 3 ? call.Arguments[3].Reference as IFormatProvider : null }),
        [Handler + "AppendLiteral"] = Append,
        [Handler + "AppendFormatted"] = Append,
        [Handler + "ToStringAndClear"] = (in Invocation call) => Made(call, Self(call).Taken()),
        [Handler + "ToString"] = (in Invocation call) => Made(call, [.. Self(call).Parts]),
        ["System.Diagnostics.Debug+AssertInterpolatedStringHandler..ctor"] = NotShown,
        ["System.Diagnostics.Debug+WriteIfInterpolatedStringHandler..ctor"] = NotShown,
        ["System.String.Create"] = (in Invocation call) => call.Arguments is [.., { Kind: ValueKind.Address } handler]
            && handler.Address.Load().Reference is Text text ? Made(call, text.Taken()) : null,
        [Appending + ".ctor"] = (in Invocation call) => Value.OfStruct(new Text((StringBuilder)call.Arguments[3].Reference!)),
        [Appending + "AppendLiteral"] = Append,
        [Appending + "AppendFormatted"] = Append,
        ["System.Text.StringBuilder.Append"] = Appended,
        ["System.Text.StringBuilder.AppendLine"] = Appended,
        ["System.Text.StringBuilder.ToString"] = (in Invocation call) => call.Arguments is [{ Reference: StringBuilder builder }]
            ? Value.OfObject(call.Interpreter.Texts.TextOf(builder)) : null,
        ["System.String.Join"] = Joined,
        ["System.String.Concat"] = Concatenated,
        ["System.String.Format"] = Formatted,
        ["System.Console.*"] = Dropped,
        ["System.IO.TextWriter.Write"] = ToConsole,
        ["System.IO.TextWriter.WriteLine"] = ToConsole,
        ["System.Diagnostics.Debug.*"] = Dropped,
        ["System.Diagnostics.Trace.*"] = Dropped,
    };

    /// <summary>A number's or an object's own text.</summary>
    internal static Value Shown(in Invocation call, Value value, Type type)
        => Made(call,
            [call.Interpreter.Texts.Part(value, type, new(call.Interpreter.ReadText(Format(call.Operands)), 0, Provider(call.Operands)))]);

    private static string? Format(ReadOnlySpan<Value> operands) => operands.Length > 0 ? operands[0].Reference as string : null;

    private static IFormatProvider? Provider(ReadOnlySpan<Value> operands)
        => operands.Length > 0 ? operands[^1].Reference as IFormatProvider : null;

    private static Value Made(in Invocation call, List<TextPart> parts) => Value.OfObject(call.Interpreter.Texts.Make(parts));

    private static Text Self(in Invocation call) => (Text)call.Arguments[0].Address.Load().Reference!;

    private static Value? Append(in Invocation call)
    {
        var operands = call.Operands;
        var format = operands.Length > 1 && operands[^1].Reference is string found ? found : null;
        var width = operands.Length > 1 && operands[1].Kind == ValueKind.Int32 ? operands[1].Int32 : 0;
        Self(call).Append(call.Interpreter,
            PartsOf(call, operands[0], call.Traits.Parameters[0].ParameterType, new(format, width, Self(call).Provider)));
        return default(Value);
    }

    /// <summary>A value as parts of a text; a symbol as its name, an object of the user's as its own ToString writes it.</summary>
    private static List<TextPart> PartsOf(in Invocation call, Value value, Type type, TextLayout layout = default)
    {
        var interpreter = call.Interpreter;
        if (value.Reference is SpanModel { Array: char[] text } span)
            return [new(new string(text, span.Offset, span.Length), null, null)];
        if (value.Reference is { } real and not string and not Proxy && Homes.Of(real.GetType()) == Home.User
            && OwnText(real.GetType()) is { } own)
            value = interpreter.Dispatch(own, value.Kind == ValueKind.Struct ? Value.Of(new Address.Box(real)) : value);
        if (value.Reference is string written && layout.Width == 0)
            return [.. interpreter.Texts.Parts(written)];
        return [interpreter.Texts.Part(value, type, layout)];
    }

    private static System.Reflection.MethodBase? OwnText(Type type)
        => Overrides.Find(typeof(object).GetMethod(nameof(ToString))!, type) is var own && Traits.Of(own).Home == Home.User
            && !typeof(torch.nn.Module).IsAssignableFrom(type) ? own : null;

    /// <summary>
    /// <c>string.Join("x", tensor.shape)</c>: a sequence that depends on an input is shown as its name, a number in one likewise.
    /// </summary>
    private static Value? Joined(in Invocation call)
    {
        var interpreter = call.Interpreter;
        if (call.Operands is not [var separator, { Reference: IEnumerable or SpanModel } sequence]
            || (!InterpretedEnumerable.IsLazy(sequence.Reference) && interpreter.Numbers(sequence) is null
                && !HoldsSymbols(interpreter, sequence)))
            return null;
        var between = separator.Kind == ValueKind.Object
            ? [.. interpreter.Texts.Parts((string?)separator.Reference)]
                : new List<TextPart> { new(((char)separator.Int32).ToString(), null, null) };
        if (interpreter.Symbols.TryGet(sequence.Reference, out var symbol))
            return Made(call,
                [new(symbol.ToString(), symbol,
                    () => string.Join(string.Concat(between.Select(part => part.Shown)),
                        Items(interpreter, interpreter.ByExample(sequence, symbol, typeof(object))!)))]);
        var items = InterpretedEnumerable.IsLazy(sequence.Reference) ? InterpretedEnumerable.ToArray(interpreter, sequence.Reference!)
            : sequence.Reference is SpanModel span
                ? (span.IsSymbolic ? (Array)((SpanModel)interpreter.Walked(sequence, false).Reference!).Array : span.ToArray())
                    : (IEnumerable)interpreter.Walked(sequence, false).Reference!;
        return Made(call, [.. Between(call, items, between)]);
    }

    private static List<TextPart> Between(in Invocation call, IEnumerable items, List<TextPart> between)
    {
        var parts = new List<TextPart>();
        var isFirst = true;
        foreach (var item in items)
        {
            if (!isFirst)
                parts.AddRange(between);
            isFirst = false;
            parts.AddRange(
                PartsOf(call, call.Interpreter.ToValue(item, item?.GetType() ?? typeof(object)), item?.GetType() ?? typeof(object)));
        }
        return parts;
    }

    private static IEnumerable<string?> Items(Interpreter interpreter, object real)
        => ((IEnumerable)real).Cast<object?>()
            .Select(item => interpreter.Texts.IsSymbolic(item) ? (string)interpreter.Texts.Read(item!) : item?.ToString());

    private static bool HoldsSymbols(Interpreter interpreter, Value value)
        => value.Reference is not SpanModel && interpreter.DependsOnInput(value);

    private static Value? Concatenated(in Invocation call)
    {
        if (!Array.Exists(call.Arguments, AnySymbol(call)))
            return null;
        if (call.Arguments is not [{ Reference: IEnumerable and not string } whole])
            return Made(call, [.. Each(call, call.Arguments)]);
        var items = InterpretedEnumerable.IsLazy(whole.Reference)
            ? InterpretedEnumerable.ToArray(call.Interpreter, whole.Reference!)
                : (IEnumerable)call.Interpreter.Walked(whole, false).Reference!;
        return Made(call, Between(call, items, []));
    }

    private static List<TextPart> Each(in Invocation call, Value[] values)
    {
        var parts = new List<TextPart>();
        for (var i = 0; i < values.Length; i++)
            if (values[i] is not { Kind: ValueKind.Object, Reference: null })
                parts.AddRange(PartsOf(call, values[i], call.Traits.Parameters[i].ParameterType));
        return parts;
    }

    private static Predicate<Value> AnySymbol(in Invocation call)
    {
        var interpreter = call.Interpreter;
        return argument => InterpretedEnumerable.IsLazy(argument.Reference) || interpreter.Numbers(argument) is not null
            || HoldsSymbols(interpreter, argument);
    }

    /// <summary><c>string.Format("{0} of {1:N2}", n, m)</c></summary>
    private static Value? Formatted(in Invocation call)
    {
        if (!Array.Exists(call.Arguments, AnySymbol(call))
            || Array.Find(call.Arguments, argument => argument.Reference is string) is not { Reference: string format }
            || call.Interpreter.Texts.IsSymbolic(format))
            return null;
        var first = Array.FindIndex(call.Arguments, argument => ReferenceEquals(argument.Reference, format)) + 1;
        var provider = first > 1 ? call.Arguments[0].Reference as IFormatProvider : null;
        object?[] given = call.Arguments.Length == first + 1
            && call.Interpreter.Overlay.Current(call.Arguments[first].Reference) is object?[] array ? array
            : Array.ConvertAll(call.Arguments[first..], argument => argument.Reference);
        var parts = new List<TextPart>();
        foreach (var (literal, index, width, shape) in CompositeFormat(format))
        {
            if (index < 0)
                parts.Add(new(literal, null, null));
            else
                parts.AddRange(
                    PartsOf(call, call.Interpreter.ToValue(given[index], typeof(object)), typeof(object), new(shape, width, provider)));
        }
        return Made(call, parts);
    }

    /// <summary>The pieces of a composite format: text, or an argument with its width and format.</summary>
    private static IEnumerable<(string Literal, int Index, int Width, string? Format)> CompositeFormat(string format)
    {
        var literal = new StringBuilder();
        for (var at = 0; at < format.Length; at++)
        {
            var isEscaped = at + 1 < format.Length && format[at] is '{' or '}' && format[at + 1] == format[at];
            if (isEscaped || format[at] is not '{')
            {
                literal.Append(format[isEscaped ? at++ : at]);
                continue;
            }
            yield return (literal.ToString(), -1, 0, null);
            literal.Clear();
            var end = format.IndexOf('}', at);
            var hole = (end < 0
                ? throw ProgramFault.Raise(new FormatException("Input string was not in a correct format.")) : format[(at + 1)..end]).Split(
                    ':', 2);
            var place = hole[0].Split(',');
            yield return ("", int.Parse(place[0], null), place.Length > 1 ? int.Parse(place[1], null) : 0,
                hole.Length > 1 ? hole[1] : null);
            at = end;
        }
        yield return (literal.ToString(), -1, 0, null);
    }

    /// <summary>A trace prints nothing: what a model prints belongs to its runs, and a symbol has no value to print.</summary>
    private static Value? Dropped(in Invocation call) => call.Traits.ReturnType == typeof(void) ? default(Value) : null;

    /// <summary><c>Console.Error.WriteLine</c>, and a writer that writes nowhere; any other may be read again.</summary>
    private static Value? ToConsole(in Invocation call)
        => call.Arguments[0].Reference is { } writer
            && (ReferenceEquals(writer, Console.Out) || ReferenceEquals(writer, Console.Error) || ReferenceEquals(writer, TextWriter.Null))
                ? default(Value) : null;

    /// <summary>The text of an assertion or a message that is not shown: it asks its caller not to make it.</summary>
    private static Value? NotShown(in Invocation call)
    {
        call.Arguments[^1].Address.Store(Value.Of(false));
        return Value.OfStruct(new Text(null));
    }

    /// <summary><c>builder.Append($"…")</c>: the text is in the builder already; a symbol that is appended is shown as its name.</summary>
    private static Value? Appended(in Invocation call)
    {
        if (call.Arguments[0].Reference is not StringBuilder builder)
            return null;
        var isInterpolated = call.Arguments is [_, .., { Kind: ValueKind.Address } handler] && handler.Address.Load().Reference is Text;
        var shown = isInterpolated || call.Arguments.Length != 2
            ? [] : PartsOf(call, call.Arguments[1], call.Traits.Parameters[0].ParameterType);
        var isSymbolic = call.Interpreter.Texts.IsSymbolic(builder) || shown.Exists(part => part.Symbol is not null);
        if (!isInterpolated && (!isSymbolic || call.Arguments.Length > 2))
            return null;
        if (call.Method.Name == nameof(StringBuilder.AppendLine))
            shown.Add(new(Environment.NewLine, null, null));
        call.Interpreter.Texts.Append(builder, shown);
        return call.Arguments[0];
    }

    /// <summary>A text that is being put together, or a builder that it is appended to at once.</summary>
    private sealed class Text(StringBuilder? builder)
    {
        internal List<TextPart> Parts { get; private set; } = [];

        internal IFormatProvider? Provider { get; init; }

        internal void Append(Interpreter interpreter, List<TextPart> parts)
        {
            if (builder is null)
                Parts.AddRange(parts);
            else
                interpreter.Texts.Append(builder, parts);
        }

        internal List<TextPart> Taken()
        {
            var taken = Parts;
            Parts = [];
            return taken;
        }
    }
}
