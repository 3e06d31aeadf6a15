using System.Collections;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Numbers that no input decides: those of the model's own parameters and buffers, and how many tensors an operation gives.
/// </summary>
internal sealed partial class Interpreter
{
    private ModelFacts Facts => field ??= new(this);

    /// <summary>A number that is the same for all inputs, asserted where it is the model's; null for any other.</summary>
    private Value? Fixed(Value value) => !value.IsSymbol ? value : IsFixed(value) ? Fixed(value, isAsserted: true) : null;

    private Value Fixed(Value value, bool isAsserted)
    {
        if (!value.IsSymbol)
            return value;
        if (value.Symbol is not Deferred symbol)
            return isAsserted ? OfModel(value.Symbol)
                : Facts.TryGet(value.Symbol.Argument, out var number) ? ToValue(number, Underlying(value.Symbol.type)) : value;
        if (symbol.Operation == Builtin.len)
            return Value.Of(isAsserted ? KnownLength(symbol.Left.Reference!)!.Value : CountOf(symbol.Left.Reference!));
        var (left, right) = (Fixed(symbol.Left, isAsserted), symbol.Operation == Builtin.not_ ? default : Fixed(symbol.Right, isAsserted));
        return symbol.IsComparison ? Value.Of(Holds(symbol, left, right))
            : Concrete(symbol.Operation == Builtin.add ? Op.Add : symbol.Operation == Builtin.sub ? Op.Sub : Op.Mul, left, right);
    }

    /// <summary>Whether a number is the same for all inputs. The question asserts nothing.</summary>
    private bool IsFixed(Value value) => !value.IsSymbol || (value.Symbol switch
    {
        Deferred { Operation: Builtin.len } length => IsFixed(length.Left.Reference!),
        Deferred { Operation: Builtin.not_ } negation => IsFixed(negation.Left),
        Deferred deferred => IsFixed(deferred.Left) && IsFixed(deferred.Right),
        var symbol => Facts.Has(symbol.Argument),
    });

    /// <summary>
    /// Whether a collection without content has as many elements for all inputs. An example tells better what an operation gives.
    /// </summary>
    private bool IsFixed(object placeholder)
        => Symbols.TryGet(placeholder, out var symbol)
            && ((Facts.TryGet(symbol.Argument, out var real) && real is ICollection)
                || (Examples is null && FixedLength(symbol) is not null));

    /// <summary>
    /// Whether a condition that is the same for all inputs holds; true where it depends on one. The question asserts nothing.
    /// </summary>
    private bool MayHold(Deferred condition) => !IsFixed(Value.Of(condition)) || Fixed(Value.Of(condition), isAsserted: false).Int64 != 0;

    /// <summary>
    /// The number that the model decides; asserted once, for a model may be converted to another type, moved or changed.
    /// </summary>
    private Value OfModel(Proxy symbol)
    {
        var node = symbol.node;
        if (!known.ContainsKey(Identity(node)) && Facts.TryGet(new NodeArgument(node), out var number))
        {
            var literal = new Literal(number);
            var same = tracer.create_proxy(Opcode.call_function, new BuiltinTarget(Builtin.eq, Compared(number, node.type)),
                [node, literal], typeof(bool));
            Assert(same, OfThisModel($"{node.name} == {literal}"));
            known[Identity(node)] = ToValue(number, Underlying(node.type));
        }
        return Known(Value.Of(symbol));
    }

    private string OfThisModel(string condition)
        => $"{AssumedByExample}{condition}{(current is null ? "" : $" at {Location()}")}, as the model's parameters and buffers had it; "
            + "trace the model again after a change of them";

    /// <summary>
    /// How many elements a collection without content has, where the model or an operation's arguments decide it; asserted once.
    /// </summary>
    private int? FixedLength(object placeholder, Proxy symbol)
    {
        if (!Facts.TryGet(symbol.Argument, out var real))
            return Examples is null ? Asserted(placeholder, symbol, FixedLength(symbol)) : null;
        if (real is not ICollection { Count: var count })
            return null;
        if (measured.Add(placeholder))
            Assert(HasLength(placeholder, count), OfThisModel($"len({symbol.node.name}) == {count}"));
        return count;
    }

    private int CountOf(object placeholder)
    {
        Symbols.TryGet(placeholder, out var symbol);
        return Facts.TryGet(symbol.Argument, out var real) && real is ICollection items ? items.Count : FixedLength(symbol)!.Value;
    }

    /// <summary>A <c>chunk</c> gives fewer parts of a dimension that is too small: the graph asserts that it gives all.</summary>
    private int? Asserted(object placeholder, Proxy symbol, int? count)
    {
        if (count is not null && symbol.node.target.name.EndsWith("chunk", StringComparison.Ordinal) && measured.Add(placeholder))
            Assert(HasLength(placeholder, count.Value), $"{symbol.node.name} has {count} parts, as many as it was asked for");
        return count;
    }

    /// <summary>How many tensors an operation gives, where its arguments tell.</summary>
    private static int? FixedLength(Proxy symbol)
    {
        if (symbol.Argument is not NodeArgument { Node: { args: [_, var parts, ..] } node } || !IsTorchSharps(node.target))
            return null;
        switch (node.target.name, parts)
        {
            case ("split" or "split_with_sizes" or "unsafe_split_with_sizes", ListArgument { Items: var sizes })
                when !sizes.Any(size => size is SpreadArgument): return sizes.Length;
            case ("tensor_split" or "hsplit" or "vsplit" or "dsplit", ListArgument { Items: var cuts })
                when !cuts.Any(cut => cut is SpreadArgument): return cuts.Length + 1;
            // A dimension that was just made can't be cut.
            case ("chunk" or "unsafe_chunk", Literal { Value: int or long })
                when node.args is [NodeArgument { Node: { target.name: "unsqueeze", args: [_, Literal made] } }, _, Literal cut, ..]
                    && made.Equals(cut): return 1;
            case ("chunk" or "unsafe_chunk" or "tensor_split" or "hsplit" or "vsplit" or "dsplit",
                Literal { Value: int or long } count): return System.Convert.ToInt32(count.Value, null);
            default: return null;
        }
    }

    /// <summary>A number or enum as a value of another type.</summary>
    internal object Cast(object number, Type type, bool isChecked)
    {
        var value = ToValue(number, number.GetType());
        return ToObject(type.IsEnum
            || type == typeof(bool) ? value : Convert(value, new Conversion(type, isChecked, IsUnsigned(number.GetType()))), type)!;
    }

    /// <summary>The result of an operation on numbers.</summary>
    internal object Computed(BuiltinTarget operation, Type result, object?[] operands)
    {
        var type = operation.Type.IsPrimitive ? operation.Type : operands[0]!.GetType();
        var left = ToValue(Cast(operands[0]!, type, false), type);
        var right = operands.Length == 1 ? default
            : operation.Operation is Builtin.lshift or Builtin.rshift ? ToValue(operands[1], operands[1]!.GetType())
            : ToValue(Cast(operands[1]!, type, false), type);
        return ToObject(operation.Operation switch
        {
            Builtin.not_ => Value.Of(left.Int64 == 0),
            Builtin.neg or Builtin.invert => Unary(operation.Operation == Builtin.neg ? Op.Neg : Op.Not, left),
            >= Builtin.eq and <= Builtin.ge => Value.Of(Holds(Comparison(operation.Operation, type, left, right), left, right)),
            _ => Concrete(Instruction(operation, type), left, right),
        }, result)!;
    }

    private static Op Instruction(BuiltinTarget operation, Type type) => (operation.Operation, operation.Checked, IsUnsigned(type)) switch
    {
        (Builtin.add, false, _) => Op.Add,
        (Builtin.add, true, var unsigned) => unsigned ? Op.AddOvfUn : Op.AddOvf,
        (Builtin.sub, false, _) => Op.Sub,
        (Builtin.sub, true, var unsigned) => unsigned ? Op.SubOvfUn : Op.SubOvf,
        (Builtin.mul, false, _) => Op.Mul,
        (Builtin.mul, true, var unsigned) => unsigned ? Op.MulOvfUn : Op.MulOvf,
        (Builtin.truediv or Builtin.floordiv, _, var unsigned) => unsigned ? Op.DivUn : Op.Div,
        (Builtin.mod, _, var unsigned) => unsigned ? Op.RemUn : Op.Rem,
        (Builtin.and_, _, _) => Op.And,
        (Builtin.or_, _, _) => Op.Or,
        (Builtin.xor, _, _) => Op.Xor,
        (Builtin.lshift, _, _) => Op.Shl,
        (Builtin.rshift, _, var unsigned) => unsigned ? Op.ShrUn : Op.Shr,
        _ => throw new InvalidOperationException($"{operation.Operation} is no arithmetic."),
    };

    private static bool IsUnsigned(Type type) => type == typeof(uint) || type == typeof(ulong) || type == typeof(nuint);
}
