using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The facts that the model's own parameters and buffers decide: their shapes, types and devices, and what is computed of those alone. It
/// is the same for all inputs, so the program may branch on it.
/// </summary>
internal sealed class ModelFacts(Interpreter interpreter) : IDisposable
{
    /// <summary>
    /// The limits of an operation on parameters: nothing that another run does otherwise, and no shape that content decides.
    /// </summary>
    private const Effects Allowed = Effects.ReadsMetadata | Effects.Pointwise | Effects.MakesAlike;

    /// <summary>Stands for what depends on an input or on content.</summary>
    private static readonly object Other = new();

    private readonly Dictionary<Node, object?> known = [];
    private readonly List<torch.Tensor> made = [];

    /// <summary>Whether the model decides a value.</summary>
    internal bool Has(Argument argument) => !IsOther(Of(argument));

    /// <summary>The value that the model decides for an argument.</summary>
    internal bool TryGet(Argument argument, out object? value) => !IsOther(value = Of(argument));

    public void Dispose()
    {
        foreach (var tensor in made)
            tensor.Dispose();
    }

    private static bool IsOther(object? value) => ReferenceEquals(value, Other);

    private object? Of(Argument argument) => argument switch
    {
        NodeArgument { Node: var node } => Of(node),
        Literal { Value: var value } => value,
        ListArgument list => List(list),
        ConvertArgument convert => Of(convert.Value) is var value && IsNumber(value)
            ? interpreter.Cast(value!, convert.Type, convert.Checked) : Other,
        SliceArgument { Step: null } slice => Slice(slice),
        _ => Other,
    };

    /// <summary>Operands come first, from a list of what is open: a program may be longer than the stack is deep.</summary>
    private object? Of(Node node)
    {
        if (known.TryGetValue(node, out var value))
            return value;
        var open = new Stack<Node>([node]);
        while (open.TryPeek(out var next))
        {
            Node[] unknown = MayBeKnown(next) ? [.. next.all_input_nodes.Where(input => !known.ContainsKey(input))] : [];
            foreach (var input in unknown)
                open.Push(input);
            if (unknown.Length == 0)
                known.TryAdd(open.Pop(), Find(next));
        }
        return known[node];
    }

    private static bool MayBeKnown(Node node) => node.target switch
    {
        BuiltinTarget or FunctionTarget { Method.Name: nameof(Enumerable.SequenceEqual) } => true,
        MemberTarget or MethodTarget or FunctionTarget => IsAllowed(node),
        _ => false,
    };

    private object? Find(Node node) => node.target switch
    {
        AttributeTarget => interpreter.Tracer.Attributes.Held(node) ?? Other,
        _ when !MayBeKnown(node) => Other,
        BuiltinTarget target => Builtin(target, node),
        // Its parameters may be spans, which no object holds.
        FunctionTarget { Method.Name: nameof(Enumerable.SequenceEqual) }
            => Of(node.args[0]) is Array left && Of(node.args[1]) is Array right ? AreEqual(left, right) : Other,
        _ => Call(node),
    };

    private object Builtin(BuiltinTarget target, Node node)
    {
        var operands = node.args.Select(Of).ToArray();
        if (operands.Any(IsOther))
            return Other;
        return (target.Operation, operands) switch
        {
            (Fx.Builtin.getitem, [Array { Rank: 1 } array, Range range]) => Part(array, range),
            (Fx.Builtin.getitem, [IList list, int index]) => Item(list.Count, index, at => list[at]),
            (Fx.Builtin.getitem, [ITuple tuple, int index]) => Item(tuple.Length, index, at => tuple[at]),
            (Fx.Builtin.len, [ICollection items]) => items.Count,
            (Fx.Builtin.getitem or Fx.Builtin.len or Fx.Builtin._assert, _) => Other,
            _ when operands.All(IsNumber) => interpreter.Computed(target, node.type, operands),
            (Fx.Builtin.eq, [var left, var right]) => AreEqual(left, right),
            (Fx.Builtin.ne, [var left, var right]) => !AreEqual(left, right),
            _ => Other,
        };
    }

    private static bool AreEqual(object? left, object? right)
        => left is Array first && right is Array second ? first.Cast<object?>().SequenceEqual(second.Cast<object?>()) : Equals(left, right);

    private static object Item(int count, int index, Func<int, object?> at)
        => (index < 0 ? index + count : index) is var place && place >= 0 && place < count ? at(place) ?? Other : Other;

    private static object Part(Array array, Range range)
    {
        var (start, end) =
            (Math.Min(range.Start.GetOffset(array.Length), array.Length), Math.Min(range.End.GetOffset(array.Length), array.Length));
        if (start < 0 || end < start)
            return Other;
        var part = Array.CreateInstance(array.GetType().GetElementType()!, end - start);
        Array.Copy(array, start, part, 0, part.Length);
        return part;
    }

    private object Slice(SliceArgument slice)
        => Place(slice.Start is null ? 0 : Of(slice.Start)) is { } from && Place(slice.Stop is null ? Index.End : Of(slice.Stop)) is { } to
            ? from..to : Other;

    private static Index? Place(object? bound) => bound switch
    {
        Index index => index,
        int number => number < 0 ? ^-number : number,
        long number and >= int.MinValue and <= int.MaxValue => number < 0 ? ^(int)-number : (int)number,
        _ => null,
    };

    private object List(ListArgument list)
    {
        var items = list.Items.SelectMany(Items).ToArray();
        if (items.Any(IsOther))
            return Other;
        var array = Array.CreateInstance(list.ElementType, items.Length);
        for (var i = 0; i < items.Length; i++)
        {
            var item = Fitting(items[i], list.ElementType);
            if (IsOther(item))
                return Other;
            array.SetValue(item, i);
        }
        return array;
    }

    private IEnumerable<object?> Items(Argument item)
        => item is not SpreadArgument spread ? [Of(item)] : Of(spread.Sequence) is ICollection part ? part.Cast<object?>() : [Other];

    /// <summary>Whether a call of TorchSharp's or .NET's on what the model decides gives what the model decides too.</summary>
    private static bool IsAllowed(Node node)
    {
        var does = Operations.Of(node, null);
        if (does.IsOpaque || does.Writes != Operands.None || (does.Does & ~Allowed) != 0)
            return false;
        var ofTensor = node.args is [NodeArgument { Node: var subject }, ..] && TensorTypes.IsTensor(subject.type) ? subject : null;
        // Whether a tensor requires a gradient depends on the mode, if it is computed.
        if (ofTensor is not { op: Opcode.get_attr } && does.Has(Effects.ReadsLayout))
            return false;
        // A tensor that was given another shape or state in place has it from then on.
        if (ofTensor is not null && does.Has(Effects.ReadsMetadata))
            return !ofTensor.users.Select(user => Operations.Of(user, null))
                .Any(change => change.Has(Effects.Reshapes) || (does.Has(Effects.ReadsLayout) && change.Writes != Operands.None));
        return TensorTypes.MayHold(node.type)
            || !node.args.SelectMany(argument => argument.nodes()).Any(input => TensorTypes.MayHold(input.type));
    }

    private object? Call(Node node)
    {
        if (node.target is MemberTarget { Member: FieldInfo field })
            return Of(node.args[0]) is var owner && owner is not null && !IsOther(owner) ? field.GetValue(owner) : Other;
        if (node.target.Callee is not { } callee)
            return Other;
        var parameters = callee.Method.GetParameters();
        var receivers = callee.Method.IsStatic || callee.Method.IsConstructor ? 0 : 1;
        if (node.args.Length != parameters.Length + receivers)
            return Other;
        var arguments = node.args
            .Select((argument, i) =>
                Fitting(Of(argument), i < receivers ? callee.Method.DeclaringType! : parameters[i - receivers].ParameterType)).ToArray();
        if (arguments.Any(IsOther) || (receivers == 1 && arguments[0] is null))
            return Other;
        using var mode = torch.no_grad();
        try
        {
            return Kept(callee.Method is ConstructorInfo constructor ? constructor.Invoke(arguments)
                : callee.Method.Invoke(receivers == 1 ? arguments[0] : null, arguments[receivers..]));
        }
        catch (TargetInvocationException)
        {
            return Other;
        }
    }

    private object? Kept(object? result)
    {
        foreach (var tensor in Structure.Tensors(result))
            if (!known.Values.Any(held => ReferenceEquals(held, tensor)))
                made.Add(tensor.DetachFromDisposeScope());
        return result;
    }

    /// <summary>A value as an argument of a type.</summary>
    private static object? Fitting(object? value, Type type)
    {
        if (IsOther(value))
            return Other;
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (value is null)
            return null;
        if (type.IsInstanceOfType(value))
            return value;
        if (type == typeof(Scalar))
            return typeof(Scalar).GetMethod("op_Implicit", [value.GetType()])?.Invoke(null, [value]) ?? Other;
        return type.IsPrimitive && IsNumber(value) && value is not Enum ? Convert.ChangeType(value, type, null) : Other;
    }

    private static bool IsNumber(object? value) => value is Enum || value?.GetType().IsPrimitive == true;
}
