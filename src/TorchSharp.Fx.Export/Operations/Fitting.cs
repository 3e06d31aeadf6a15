using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Arguments of ATen's operations as what the parameters of TorchSharp's members take.</summary>
internal static class Fitting
{
    /// <summary>The argument for a parameter, and a cost that tells better overloads from worse; null where the parameter doesn't take
    /// it.</summary>
    /// <param name="argument">The argument.</param>
    /// <param name="schema">The schema's type for it; null for a constant of the table.</param>
    /// <param name="type">The parameter's type.</param>
    /// <param name="parameter">The parameter; null for what a method is called on.</param>
    internal static (Argument Argument, int Cost)? Fit(Argument argument, AtenType? schema, Type type, ParameterInfo? parameter)
    {
        var plain = Nullable.GetUnderlyingType(type) ?? type;
        if (argument is Literal { Value: null })
            return parameter is null || (type.IsValueType && plain == type) || (plain == typeof(Scalar) && !parameter.HasDefaultValue)
                ? null : (argument, 0);
        if (plain.IsEnum && plain != typeof(ScalarType))
            return argument is Literal { Value: string name } && Enum.TryParse(plain, name, ignoreCase: true, out var value)
                ? (new Literal(value), 0) : null;
        return argument switch
        {
            NodeArgument { Node: var node } => FitNode(argument, node.type, type, plain),
            ListArgument list => FitList(list, schema, type, parameter),
            Literal { Value: { } constant } => FitConstant(argument, constant, plain),
            _ => null,
        };
    }

    private static (Argument, int)? FitNode(Argument argument, Type value, Type type, Type plain)
    {
        if (TensorTypes.IsTensor(value))
            return type == typeof(Tensor) ? (argument, 0) : null;
        if (value.IsArray)
            return type.IsAssignableFrom(value) ? (argument, type == value ? 0 : 1) : null;
        return Number(argument, value, plain);
    }

    private static (Argument, int)? FitConstant(Argument argument, object constant, Type plain) => constant switch
    {
        string => plain == typeof(string) ? (argument, 0) : null,
        ScalarType => plain == typeof(ScalarType) ? (argument, 0) : null,
        Device => plain == typeof(Device) ? (argument, 0) : null,
        _ => Number(argument, constant.GetType(), plain),
    };

    private static (Argument, int)? Number(Argument argument, Type value, Type plain)
    {
        if (plain == value)
            return (argument, 0);
        if (plain == typeof(Scalar))
            return (argument, 1);
        return value == typeof(long) ? plain == typeof(int) ? (argument, 1) : plain == typeof(double) || plain == typeof(float)
            ? (argument, 2) : null
            : value == typeof(double) && plain == typeof(float) ? (argument, 2)
            : null;
    }

    private static (Argument, int)? FitList(ListArgument list, AtenType? schema, Type type, ParameterInfo? parameter)
    {
        if (list.Items.IsEmpty && parameter is { HasDefaultValue: true, DefaultValue: null })
            return (new Literal(null), 0);
        if (type == typeof(TensorIndex[]))
            return (new ListArgument([.. list.Items.Select(item => item is Literal { Value: null } ? new SliceArgument(null, null, null)
                : item)], typeof(TensorIndex)), 2);
        if (schema is { ItemsAreOptional: true } && list.Items.Any(item => item is Literal { Value: null }))
            return null;
        if (type.IsArray && type.GetElementType() == list.ElementType)
            return (list, 0);
        if (list.ElementType == typeof(Tensor) && type.IsAssignableFrom(typeof(Tensor[])))
            return (list, 1);
        // One number where the member has one dimension.
        return list.Items is [var only] && !type.IsArray && Fit(only, schema?.Item, type, parameter) is var (fitted, cost)
            ? (fitted, cost + 1) : null;
    }
}
