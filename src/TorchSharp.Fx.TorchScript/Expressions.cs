using System.Collections;
using System.Globalization;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript;

/// <summary>Arguments and constants as TorchScript's expressions.</summary>
/// <param name="valueOf">The name of a node's value.</param>
internal sealed class Expressions(Func<Node, string> valueOf)
{
    /// <summary>An argument as it is: a tuple stays one.</summary>
    internal string Of(Argument argument) => argument switch
    {
        NodeArgument { Node: var node } => valueOf(node),
        Literal { Value: var value } => OfValue(value),
        ListArgument list => OfList(list),
        TupleArgument { Items: [var only] } => $"({Of(only)},)",
        TupleArgument tuple => $"({string.Join(", ", tuple.Items.Select(Of))})",
        DictArgument dict => $"{{{string.Join(", ", dict.Entries.Select(entry => $"{Of(entry.Key)}: {Of(entry.Value)}"))}}}",
        ConvertArgument convert => OfConversion(convert),
        _ => throw new NotSupportedException($"its argument {argument} is not supported"),
    };

    /// <summary>The same for an operation, which takes lists where C# has tuples.</summary>
    internal string OfOperand(Argument argument)
        => argument is TupleArgument tuple ? $"[{string.Join(", ", tuple.Items.Select(Of))}]" : Of(argument);

    /// <summary>A call of an operation by its name in ATen, which is its name here, too.</summary>
    internal string Of(AtenCall call) => $"torch.{call.Schema.Name}({string.Join(", ",
        call.Arguments.Zip(call.Schema.Parameters, (argument, parameter)
            => (parameter.IsKeyword ? parameter.Name + "=" : "") + OfTyped(argument, parameter.Type)))})";

    private string OfTyped(Argument argument, AtenType type) => (argument, type) switch
    {
        (Literal { Value: long or int } number, { Name: "float", IsList: false })
            => torchscript.Number(Convert.ToDouble(number.Value, CultureInfo.InvariantCulture)),
        (ListArgument list, _) when list.Items.IsEmpty || list.Items.Any(item => item is Literal { Value: null })
            => $"annotate(List[{(type.ItemsAreOptional ? $"Optional[{type.Name}]" : type.Name)}], "
                + $"[{string.Join(", ", list.Items.Select(item => OfTyped(item, type.Item)))}])",
        (ListArgument list, _) => $"[{string.Join(", ", list.Items.Select(item => OfTyped(item, type.Item)))}]",
        _ => Of(argument),
    };

    /// <summary>A constant.</summary>
    internal static string OfValue(object? value) => value switch
    {
        null or RoundingMode.None => "None",
        bool flag => flag ? "True" : "False",
        string text => torchscript.Quoted(text),
        double number => torchscript.Number(number),
        float number => torchscript.Number(number),
        Half number => torchscript.Number((double)number),
        sbyte or byte or short or ushort or int or uint
            or long => Convert.ToInt64(value, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture),
        Scalar scalar => OfScalar(scalar),
        GridSampleMode mode => $"{Array.IndexOf(["Bilinear", "Nearest", "Bicubic"], mode.ToString())}",
        GridSamplePaddingMode mode => $"{Array.IndexOf(["Zeros", "Border", "Reflection"], mode.ToString())}",
        ScalarType or nn.Reduction => Convert.ToInt64(value, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture),
        RoundingMode or PaddingModes or TorchSharp.Modules.GELU.Approximate => torchscript.Quoted(value.ToString()!.ToLowerInvariant()),
        Device device => $"torch.device({torchscript.Quoted(device.ToString())})",
        IEnumerable items => $"[{string.Join(", ", items.Cast<object?>().Select(OfValue))}]",
        ITuple tuple => $"[{string.Join(", ", Enumerable.Range(0, tuple.Length).Select(i => OfValue(tuple[i])))}]",
        _ => throw new NotSupportedException($"its argument {value} is a {value.GetType().Name}, which has no form there"),
    };

    /// <summary>TorchScript's name of a C# type.</summary>
    internal static string TypeName(Type type) => type switch
    {
        _ when typeof(Tensor).IsAssignableFrom(type) => "Tensor",
        _ when type == typeof(bool) => "bool",
        _ when type == typeof(string) => "str",
        _ when type == typeof(double) || type == typeof(float) => "float",
        _ when type == typeof(Device) => "Device",
        _ when type.IsPrimitive || type == typeof(ScalarType) => "int",
        _ when type == typeof(Size) => "List[int]",
        _ when Nullable.GetUnderlyingType(type) is { } inner => $"Optional[{TypeName(inner)}]",
        { IsGenericType: true }
            when typeof(ITuple).IsAssignableFrom(type) => $"Tuple[{string.Join(", ", type.GetGenericArguments().Select(TypeName))}]",
        _ when ValueConversion.ElementOf(type) is { } element
            && !typeof(IDictionary).IsAssignableFrom(type) => $"List[{TypeName(element)}]",
        _ => throw new NotSupportedException($"TorchScript has no type for {CSharpNames.OfType(type)}"),
    };

    private static string OfScalar(Scalar scalar) => scalar.Type switch
    {
        ScalarType.Bool => OfValue(scalar.ToBoolean()),
        ScalarType.Int64 or ScalarType.Int32 => OfValue(scalar.ToInt64()),
        _ => OfValue(scalar.ToDouble()),
    };

    /// <summary>An empty list says of what type it is, and one with a null among its items, too.</summary>
    private string OfList(ListArgument list)
    {
        if (list.Items.Any(item => item is SpreadArgument))
            return list.Items.Select(item => item is SpreadArgument spread ? Of(spread.Sequence) : $"[{Of(item)}]")
                .Aggregate((left, right) => $"torch.add({left}, {right})");
        var items = $"[{string.Join(", ", list.Items.Select(Of))}]";
        if (list.Items.Any(item => item is Literal { Value: null }))
            return $"annotate(List[Optional[{TypeName(list.ElementType)}]], {items})";
        return list.Items.IsEmpty ? $"annotate(List[{TypeName(list.ElementType)}], {items})" : items;
    }

    /// <summary>Integers have 64 bits there, and both languages cut off a fraction.</summary>
    private string OfConversion(ConvertArgument convert) => TypeName(convert.Type) switch
    {
        "float" => $"float({Of(convert.Value)})",
        "int" when convert.Value is NodeArgument { Node.type: var from } && TypeName(from) == "int" => Of(convert.Value),
        var to => $"{to}({Of(convert.Value)})",
    };
}
