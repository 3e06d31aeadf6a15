using System.Collections;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Going on by example: where the program needs a number that depends on an input, and example inputs say what it is, the trace takes that
/// number and the graph asserts it. Only what the program looked at is held to the example; all else stays symbolic.
/// </summary>
internal sealed partial class Interpreter
{

    private readonly Dictionary<string, Value> known = new(StringComparer.Ordinal);
    private readonly HashSet<object> measured = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<(MethodIL, int, string ModulePath, string Symbol)> looked = [];
    private readonly HashSet<string> asserted = new(StringComparer.Ordinal);
    private readonly Dictionary<object, object> materialised = new(ReferenceEqualityComparer.Instance);

    /// <summary>Null when there are no example inputs.</summary>
    internal ExampleValues? Examples { get; set; }

    /// <summary>Computes a node that was just made.</summary>
    internal void ComputeExample(Node node)
    {
        unnoted.Add(node);
        if (node.target is MapTarget && Interlocked.Exchange(ref firstTurn, null) is { } first)
            Examples?.Compute(node, first);
        else
            Examples?.Compute(node);
    }

    /// <summary>
    /// The number that the model or the example gives a symbol, from here on as if it were written in the program; the graph asserts it.
    /// Null where neither does.
    /// </summary>
    internal Value? Specialise(Proxy symbol)
    {
        if (Fixed(Value.Of(symbol)) is { } always)
            return always;
        if (Examples is null)
            return null;
        if (symbol is Deferred { IsComparison: true } condition)
            return Value.Of(Guard(condition));
        if (symbol is Deferred)
        {
            foreach (var placeholder in LengthsOf(symbol))
                KnownLength(placeholder);
            Agreed(values => ByExample(Value.Of(symbol), values).Int64, () => $"'{symbol.node.name}' as a number");
            return ByExample(Value.Of(symbol), Examples);
        }
        var node = symbol.node;
        if (known.ContainsKey(Identity(node)))
            return Known(Value.Of(symbol));
        Permit(symbol);
        var value = Agreed(values => values.Of(node), () => $"'{node.name}' as a number");
        AssertEqual(node, value);
        known[Identity(node)] = ToValue(value, Underlying(node.type));
        return Known(Value.Of(symbol));
    }

    /// <summary>The length of a symbolic collection by the model, its operation or the example, asserted once.</summary>
    internal int? KnownLength(object placeholder)
    {
        if (!Symbols.TryGet(placeholder, out var symbol))
            return null;
        if (FixedLength(placeholder, symbol) is { } always)
            return always;
        if (Examples?.Of(symbol.Argument) is not ICollection)
            return null;
        var count = Agreed(values => ((ICollection)values.Of(symbol.Argument)!).Count,
            () => $"the number of elements of '{symbol.node.name}'");
        if (measured.Add(placeholder))
            Assumed(() => Specialised(HasLength(placeholder, count), TracedWith($"len({symbol.node.name}) == {count}")));
        return count;
    }

    private Deferred HasLength(object placeholder, int count)
        => Comparison(Builtin.eq, typeof(int),
            Value.Of(new Deferred(this, Builtin.len, placeholder.GetType(), typeof(int), Value.OfObject(placeholder))), Value.Of(count));

    /// <summary>
    /// A real collection of symbols for a symbolic collection whose length the example tells; what .NET's code may go through. Null without
    /// examples.
    /// </summary>
    internal object? Materialise(object placeholder)
    {
        if (materialised.TryGetValue(placeholder, out var made))
            return made;
        if (KnownLength(placeholder) is not { } length || !Symbols.TryGet(placeholder, out var symbol))
            return null;
        made = placeholder switch
        {
            Array array => Filled(Array.CreateInstance(array.GetType().GetElementType()!, length), symbol),
            IDictionary dictionary => Filled((IDictionary)Activator.CreateInstance(dictionary.GetType())!, symbol),
            IList list => Filled((IList)Activator.CreateInstance(list.GetType())!, symbol, length),
            _ => null,
        };
        if (made is null)
            return null;
        Overlay.Own(made);
        return materialised[placeholder] = made;
    }

    /// <summary>A symbol whose number the graph asserts already, as that number.</summary>
    private Value Known(Value value)
    {
        if (known.Count == 0 || !value.IsSymbol || value.Symbol is Deferred)
            return value;
        return value.Symbol.Argument switch
        {
            NodeArgument { Node: var node } when known.TryGetValue(Identity(node), out var number) => number,
            ConvertArgument convert when convert.nodes().All(node => known.ContainsKey(Identity(node)))
                => ToValue(Facts.TryGet(convert, out var number) ? number : Examples!.Of(convert), convert.Type),
            _ => value,
        };
    }

    /// <summary>
    /// Takes a branch as the example does. The condition is asserted, once. Where the same code asks another thing of the same number, that
    /// is the condition of a loop, and its symbols are asserted as numbers.
    /// </summary>
    private bool Guard(Deferred condition)
    {
        RefuseInLoop();
        var holds = Agreed(values => Holds(condition, values), () => $"to know whether {Untraceable.Describe(condition)}");
        // Of a list that a loop collected, the condition is asserted and not the number.
        var lengths = LengthsOf(condition)
            .Where(list => !Symbols.TryGet(list, out var symbol) || symbol.Argument is not NodeArgument { Node.target: MapTarget })
            .ToArray();
        foreach (var length in lengths)
            KnownLength(length);
        var symbols = SymbolsOf(condition).ToArray();
        foreach (var symbol in symbols)
            Permit(symbol);
        var asked = holds ? condition : condition.Negated();
        if (lengths.Length == 0 && !asserted.Add(Identity(asked)))
            return holds;
        if (current is { } frame && symbols.Length > 0
            && !looked.Add((frame.Code, frame.At, frame.ModulePath, Identity(symbols[0].node))) && !Array.Exists(symbols, IsFree))
        {
            foreach (var symbol in symbols)
                Specialise(symbol);
            NoteUnrolled(symbols);
        }
        else if (symbols.Length > 0 || lengths.Length == 0)
            Assumed(() => Assert(asked, TracedWith(Untraceable.Describe(asked))));
        return holds;
    }

    /// <summary>Makes nodes that hold the graph to the example: they are no part of the program, and have no names there.</summary>
    private void Assumed(Action record)
    {
        tracer.IsAssuming = true;
        try
        {
            record();
        }
        finally
        {
            tracer.IsAssuming = false;
        }
    }

    private bool Holds(Deferred condition, ExampleValues values)
    {
        return Holds(condition, ByExample(condition.Left, values),
            condition.Operation == Builtin.not_ ? default : ByExample(condition.Right, values));
    }

    private bool Holds(Deferred condition, Value left, Value right)
    {
        if (condition.Operation == Builtin.not_)
            return left.Int64 == 0;
        var unsigned = condition.Operands == typeof(uint) || condition.Operands == typeof(ulong);
        return Holds(condition.Operation switch
        {
            Builtin.eq => Op.Ceq,
            Builtin.ne => Op.BneUn,
            Builtin.lt => unsigned ? Op.BltUn : Op.Blt,
            Builtin.le => unsigned ? Op.BleUn : Op.Ble,
            Builtin.gt => unsigned ? Op.BgtUn : Op.Bgt,
            _ => unsigned ? Op.BgeUn : Op.Bge,
        }, left, right);
    }

    private Value ByExample(Value value, ExampleValues values)
    {
        if (!value.IsSymbol)
            return value;
        return value.Symbol switch
        {
            Deferred { IsComparison: true } comparison => Value.Of(Holds(comparison, values)),
            Deferred { Operation: Builtin.len } length => Value.Of(((ICollection)values.Of(ToArgument(length.Left.Reference))!).Count),
            Deferred sum =>
                Concrete(sum.Operation == Builtin.add ? Op.Add : sum.Operation == Builtin.sub
                    ? Op.Sub : Op.Mul, ByExample(sum.Left, values), ByExample(sum.Right, values)),
            var symbol => ToValue(values.Of(symbol.Argument), symbol.type),
        };
    }

    /// <summary>The collections whose lengths a condition looks at.</summary>
    private static IEnumerable<object> LengthsOf(Proxy symbol) => symbol switch
    {
        Deferred { Operation: Builtin.len } length => [length.Left.Reference!],
        Deferred deferred => new[] { deferred.Left, deferred.Right }.Where(operand => operand.IsSymbol)
            .SelectMany(operand => LengthsOf(operand.Symbol)),
        _ => [],
    };

    private static IEnumerable<Proxy> SymbolsOf(Deferred condition)
    {
        foreach (var operand in new[] { condition.Left, condition.Right })
            if (operand is { IsSymbol: true, Symbol: Deferred { IsComparison: true } inner })
                foreach (var symbol in SymbolsOf(inner))
                    yield return symbol;
            else if (operand is { IsSymbol: true, Symbol: not Deferred })
                yield return operand.Symbol;
    }

    /// <summary>
    /// Refuses a number that was read out of a tensor, unless the user allows it: the next input has another one. What parameters and
    /// buffers hold is asserted.
    /// </summary>
    private void Permit(Proxy symbol)
    {
        if (!Examples!.AllowsValues && ContentOf(symbol) is { } read && !IsOfModelAlone(read))
            throw Untraceable.ReadsContent(this, read);
    }

    /// <summary>Whether the content that a condition asks for is that of parameters and buffers alone.</summary>
    internal static bool IsOfModelAlone(Proxy symbol) => ContentOf(symbol) is { } read && IsOfModelAlone(read);

    /// <summary>Whether a value comes of parameters and buffers alone, to which nothing was written.</summary>
    private static bool IsOfModelAlone(Node node)
    {
        var does = Operations.Of(node, null);
        return node.op == Opcode.get_attr || (node.op is Opcode.call_function or Opcode.call_method && node.all_input_nodes.Count > 0
            && !does.IsOpaque && does.Writes == Operands.None && !does.Has(Effects.Draws | Effects.DrawsInTraining | Effects.ReadsState))
            ? node.users.All(user => Operations.Of(user, null).Writes == Operands.None) && node.all_input_nodes.All(IsOfModelAlone)
            : false;
    }

    /// <summary>
    /// The node that read a number out of a tensor; null where it follows from sizes and arguments. A deferred one is not recorded by the
    /// question.
    /// </summary>
    internal static Node? ContentOf(Proxy symbol) => symbol is Deferred deferred
        ? new[] { deferred.Left, deferred.Right }.Where(operand => operand.IsSymbol).Select(operand => ContentOf(operand.Symbol))
            .FirstOrDefault(found => found is not null)
        : symbol.Argument.nodes().FirstOrDefault(ReadsContent);

    private static bool ReadsContent(Node node) => node.target switch
    {
        BuiltinTarget { Operation: not Builtin.len } => node.all_input_nodes.Any(ReadsContent),
        _ when GradientMode.IsAskedBy(node) => false,
        MemberTarget { Member: var member } when member.DeclaringType != typeof(torch.Tensor) => false,
        FunctionTarget { Method: var method } when Traits.Of(method).Home != Home.TorchSharp => IsNumber(node.type)
            && node.all_input_nodes.Any(ReadsContent),
        { Callee: { } callee } => IsNumber(Traits.Of(callee.Method).ReturnType) && !Operations.Of(callee.Method).Has(Effects.ReadsMetadata),
        _ => false,
    };

    private static bool IsNumber(Type type) => type.IsPrimitive;

    private void AssertEqual(Node node, object? value)
    {
        var (literal, target) = (new Literal(value), new BuiltinTarget(Builtin.eq, Compared(value, node.type)));
        Assumed(() => Specialised(tracer.create_proxy(Opcode.call_function, target, [node, literal], typeof(bool)),
            TracedWith($"{node.name} == {literal}")));
    }

    /// <summary>As what a value is compared: one that may be null as an object, for null is no number.</summary>
    internal static Type Compared(object? value, Type declared)
        => value is null || StructLayout.IsNullable(declared) ? typeof(object) : value.GetType();

    /// <summary>A value that is null in the example is null in the graph.</summary>
    private Value Absent(Proxy proxy)
    {
        AssertEqual(proxy.node, null);
        return proxy.type.IsValueType ? Value.OfStruct(null) : Value.Null;
    }

    /// <summary>How the message of an assertion begins that a trace by example made; others are the program's own checks.</summary>
    internal const string AssumedByExample = "traced with ";

    private string TracedWith(string condition)
        => $"{AssumedByExample}{condition.Trim('\'')}{(current is null ? "" : $" at {Location()}")}; trace again with example inputs like "
            + "these";

    private Array Filled(Array array, Proxy symbol)
    {
        Overlay.Own(array);
        for (var i = 0; i < array.Length; i++)
            StoreElement(array, i, RecordItem(symbol, new Literal(i), array.GetType().GetElementType()!));
        return array;
    }

    private IList Filled(IList list, Proxy symbol, int length)
    {
        var element = ElementType(list.GetType());
        for (var i = 0; i < length; i++)
            list.Add(ToObject(RecordItem(symbol, new Literal(i), element), element));
        return list;
    }

    private IDictionary Filled(IDictionary dictionary, Proxy symbol)
    {
        var type = dictionary.GetType().GetGenericArguments() is [_, var value] ? value : typeof(object);
        foreach (var key in ((IDictionary)Examples!.Of(symbol.Argument)!).Keys)
            dictionary.Add(key, ToObject(RecordItem(symbol, ToArgument(key), type), type));
        return dictionary;
    }
}
