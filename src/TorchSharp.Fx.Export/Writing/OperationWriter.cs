using System.Collections.Frozen;
using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Which operation of ATen a call of TorchSharp's members is: the table, read from right to left.</summary>
internal static class OperationWriter
{
    private static readonly Type[] Alike = [typeof(Tensor), typeof(torch), typeof(nn.functional), typeof(special)];

    // PyTorch takes a number for a tensor in these alone.
    private static readonly FrozenSet<string> TakeNumbers = new[] { "add", "sub", "subtract", "rsub", "mul", "multiply", "div", "divide",
        "true_divide", "floor_divide", "fmod", "remainder" }
        .SelectMany(name => new[] { name, name + "_" }).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The overload and its arguments by name; null where the table has none for these.</summary>
    /// <param name="callee">The member.</param>
    /// <param name="args">The node's arguments.</param>
    internal static (AtenSchema Schema, List<(AtenParameter Parameter, Argument Argument)> Arguments)? Find(Callee callee,
        ImmutableArray<Argument> args)
    {
        if (callee.Method.DeclaringType == typeof(aten))
            return ByName(args);
        (callee, args) = Joined(callee, args);
        (AtenSchema, List<(AtenParameter, Argument)>)? best = null;
        var cost = int.MaxValue;
        foreach (var (overload, form) in OperationTable.OfMember(callee.Method.Name))
            if (AtenSchema.Find(overload) is { } schema
                && (form.Owner == callee.Method.DeclaringType
                || (Alike.Contains(form.Owner) && Alike.Contains(callee.Method.DeclaringType)))
                && Match(schema, form, callee, args) is var (arguments, rank)
                    && Cost(rank, form.Owner == callee.Method.DeclaringType) is var sum && sum < cost)
                (best, cost) = ((schema, arguments), sum);
        return best;

        static int Cost(int rank, bool isOwn) => (2 * rank) + (isOwn ? 0 : 1);
    }

    /// <summary>A call whose sizes are arguments of their own, <c>zeros(2, 3)</c>, as the one that takes a list of them.</summary>
    private static (Callee, ImmutableArray<Argument>) Joined(Callee callee, ImmutableArray<Argument> args)
    {
        if (callee.Method.DeclaringType is not { } owner || (owner != typeof(torch)
            && !(owner == typeof(Tensor) && callee.Method.Name.StartsWith("new_", StringComparison.Ordinal))))
            return (callee, args);
        Type[] takes = [.. callee.Parameters.Select(parameter => parameter.ParameterType)];
        var (first, count) = (callee.Receivers, takes.TakeWhile(type => type == typeof(long) || type == typeof(int)).Count());
        return count > 0 && owner.GetMethod(callee.Method.Name, [typeof(long[]), .. takes[count..]]) is { } joined
            ? (new Callee(joined, first), [.. args[..first], new ListArgument([.. args[first..(first + count)]], typeof(long)),
                .. args[(first + count)..]]) : (callee, args);
    }

    private static (AtenSchema, List<(AtenParameter, Argument)>)? ByName(ImmutableArray<Argument> args)
        => args is [Literal { Value: string overload }, ListArgument { Items: var items }] && AtenSchema.Find(overload) is { } schema
            && items.Length <= schema.Parameters.Length
            ? (schema, [.. schema.Parameters.Zip(items)]) : null;

    private static (List<(AtenParameter, Argument)> Arguments, int Cost)? Match(AtenSchema schema, Form form, Callee callee,
        ImmutableArray<Argument> args)
    {
        var names = form.Arguments;
        if (!args.Skip(names.Length).Index().All(extra => IsDefault(callee, names.Length + extra.Index, extra.Item)))
            return null;
        var (arguments, cost) = (new List<(AtenParameter, Argument)>(), 0);
        for (var i = 0; i < names.Length; i++)
        {
            if (Form.IsConstant(names[i]))
            {
                if (i >= args.Length || !Equals(Plain(args[i]), Plain(Form.Constant(names[i]))))
                    return null;
                continue;
            }
            var parameter = schema.Parameters.First(parameter => parameter.Name == names[i]);
            if (i >= args.Length)
            {
                // An overload that leaves it out has its default.
                if (!parameter.HasDefault || form.Required.Contains(names[i]))
                    return null;
                continue;
            }
            if (Fit(args[i], parameter, form.Required.Contains(names[i])) is not var (fitted, more)
                || (parameter.Type is { Name: "Tensor", IsList: false } && fitted is not Literal { Value: null } && !IsTensor(fitted)
                    && !TakeNumbers.Contains(schema.Name)))
                return null;
            arguments.Add((parameter, fitted));
            cost += more;
        }
        // Where an operation computes is no argument of TorchSharp.
        arguments.AddRange(
            schema.Parameters.Where(parameter => !parameter.HasDefault && parameter.Type is { Name: "bool", IsList: false }
                && OperationTable.MakesNoDifference(parameter.Name))
            .Select(parameter => (parameter, (Argument)new Literal(true))));
        return schema.Parameters.All(parameter => parameter.HasDefault || arguments.Any(given => given.Item1 == parameter))
            ? (arguments, cost) : null;
    }

    private static bool IsDefault(Callee callee, int position, Argument argument)
    {
        var parameter = position < callee.Receivers ? null : callee.Parameters[position - callee.Receivers];
        return parameter is not null
            && (DroppedArguments.Contains(callee.Method, parameter.Name!)
            || (parameter.HasDefaultValue && Equals(Plain(argument), Plain(new Literal(parameter.DefaultValue)))));
    }

    /// <summary>The argument as the schema has it, and a cost that tells better overloads from worse.</summary>
    private static (Argument Argument, int Cost)? Fit(Argument argument, AtenParameter parameter, bool isRequired)
    {
        var type = parameter.Type;
        if (argument is Literal { Value: null })
            // What TorchSharp has for a list's default.
            return isRequired ? null : type.IsOptional ? (argument, 0) : parameter.HasDefault ? (OperationTable.Preset(parameter), 0)
                : null;
        if (type.IsList)
            return argument switch
            {
                ListArgument list => list.Items.All(item => Single(Whole(item), type.Item) is not null)
                    ? (list with { Items = [.. list.Items.Select(item => Single(Whole(item), type.Item)!)] }, 0) : null,
                NodeArgument { Node.type: var sequence } when !TensorTypes.IsTensor(sequence) && sequence != typeof(long) => (argument, 0),
                TupleArgument tuple => Fit(new ListArgument(tuple.Items, typeof(long)), parameter, isRequired),
                Literal { Value: System.Runtime.CompilerServices.ITuple tuple }
                    => Fit(new ListArgument([.. Enumerable.Range(0, tuple.Length).Select(i => new Literal(tuple[i]))], typeof(long)),
                    parameter, isRequired),
                _ when type.Name != "Tensor" && Single(argument, type.Item) is { } one
                    => (new ListArgument([.. Enumerable.Repeat(one, type.Count)], typeof(long)), 1),
                _ => null,
            };
        // A number stands for another operand, not for the first.
        return Single(argument, type) is { } single && (parameter.Name != "self" || type.Name != "Tensor" || IsTensor(single))
            ? (single, type.Name == "Tensor" && !IsTensor(argument) ? 2 : 0) : null;
    }

    /// <summary>A whole slice of an index is none in ATen.</summary>
    private static Argument Whole(Argument item) => item is SliceArgument { Start: null, Stop: null, Step: null } ? new Literal(null)
        : item;

    private static Argument? Single(Argument argument, AtenType type) => (type.Name, argument) switch
    {
        (_, Literal { Value: null }) => type.IsOptional ? argument : null,
        ("Tensor", NodeArgument { Node.type: var value }) => TensorTypes.IsTensor(value) || value == typeof(long) || value == typeof(int)
            || value == typeof(double) || value == typeof(float) ? argument : null,
        ("Tensor", Literal { Value: long or double }) => argument,
        ("Tensor", ConvertArgument convert) => Single(convert.Value, type),
        ("Tensor" or "Scalar", Literal { Value: int or float } number) => Widened(number),
        ("Scalar", ConvertArgument convert) => Single(convert.Value, type),
        ("Scalar", NodeArgument { Node.type: var value }) => TensorTypes.IsTensor(value) ? null : argument,
        ("Scalar", Literal { Value: long or double or bool }) => argument,
        ("int", NodeArgument { Node.type: var value }) => value == typeof(long) || value == typeof(int) ? argument : null,
        ("int", ConvertArgument convert) => Single(convert.Value, type),
        ("int", Literal { Value: long }) => argument,
        ("int", Literal { Value: int small }) => (long)small,
        ("float", Literal { Value: double or float or long or int })
            => Convert.ToDouble(((Literal)argument).Value, System.Globalization.CultureInfo.InvariantCulture),
        ("bool", Literal { Value: bool }) => argument,
        ("str", Literal { Value: string }) => argument,
        ("str", Literal { Value: Enum named and not ScalarType }) => named.ToString().ToLowerInvariant(),
        ("ScalarType", Literal { Value: ScalarType } or NodeArgument { Node.type.IsEnum: true }) => argument,
        ("Device", Literal { Value: Device }) => argument,
        _ => null,
    };

    private static Literal Widened(Literal number) => number.Value is int integer ? new((long)integer)
        : new(Convert.ToDouble(number.Value, System.Globalization.CultureInfo.InvariantCulture));

    private static bool IsTensor(Argument argument) => argument is NodeArgument { Node.type: var type } && TensorTypes.IsTensor(type);

    /// <summary>A constant as something to compare.</summary>
    private static object? Plain(Argument argument) => argument switch
    {
        Literal { Value: int number } => (long)number,
        Literal { Value: float number } => (double)number,
        Literal { Value: Enum named and not ScalarType } => named.ToString().ToUpperInvariant(),
        Literal { Value: string text } => text.ToUpperInvariant(),
        Literal { Value: var value } => value,
        _ => argument,
    };
}
