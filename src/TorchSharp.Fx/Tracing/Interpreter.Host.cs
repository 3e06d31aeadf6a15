using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>Calls of real code.</summary>
internal sealed partial class Interpreter
{
    private const BindingFlags Unwrapped = BindingFlags.DoNotWrapExceptions;

    /// <summary>Calls a method for real, with tags and objects without content for symbols.</summary>
    internal Value RunOnHost(MethodBase method, Value[] arguments)
    {
        var target = method.IsStatic ? null : Receiver(arguments[0], method.DeclaringType!);
        var operands = method.IsStatic ? arguments : arguments[1..];
        var result = HostCall(method, target, operands);
        // A struct's method may have changed it: what it was called on sees that.
        if (!method.IsStatic && method.DeclaringType!.IsValueType && arguments[0].Kind == ValueKind.Address && arguments[0].Address is not Address.Slot)
            arguments[0].Address.Store(Value.OfStruct(target));
        if (method is not MethodInfo { ReturnType: var type } || type == typeof(void))
            return default;
        if (type.IsByRef)
            throw Untraceable.NoBody(this, method);
        if (Traits.Of(method).Home == Home.TorchSharp)
            Note(result, new(this, method, arguments));
        if (result is torch.nn.Module made && method.IsStatic && tracer.Attributes.PathOf(made) is null)
            Overlay.Own(made);
        return ToValue(result, type);
    }

    /// <summary>What TorchSharp made for the trace: a tensor is a constant, a scope or mode is open until the program closes it.</summary>
    private void Note(object? result, in Invocation call)
    {
        var several = result as torch.Tensor[];
        for (var i = 0; i < (several?.Length ?? 1); i++)
            if ((several is null ? result : several[i]) is torch.Tensor tensor && IsNew(tensor, call))
                Constants.Add(new(tensor, call, several is null ? null : i), isTemporary: callBacks == 0);
        if (result is IDisposable and not torch.Tensor and not torch.nn.Module && call.Method.IsStatic)
            opened.Push((IDisposable)result);
    }

    /// <summary>Not one that the model holds and a member of it gave out.</summary>
    private bool IsNew(torch.Tensor tensor, in Invocation call)
        => (call.Method.IsStatic || call.Method.DeclaringType == typeof(torch.Tensor)) && tensor is not Modules.Parameter && !tracer.Attributes.Owns(tensor)
            && !Array.Exists(call.Arguments, argument => ReferenceEquals(argument.Reference, tensor));

    private readonly Stack<IDisposable> opened = new();
    private int callBacks;

    /// <summary>Ends what the trace leaves behind: its tensors, and the scopes and modes of a program that was not followed to its end.</summary>
    internal void Close(bool finished)
    {
        Constants.Dispose();
        Examples?.Dispose();
        while (!finished && opened.TryPop(out var scope))
            scope.Dispose();
    }

    private object? HostCall(MethodBase method, object? target, Value[] operands)
    {
        var parameters = Traits.Of(method).Parameters;
        var real = new object?[operands.Length];
        for (var i = 0; i < real.Length; i++)
            real[i] = ForHost(operands[i], parameters[i].ParameterType);
        object? result;
        try
        {
            result = Array.Exists(parameters, parameter => parameter.ParameterType.IsByRefLike) || (method is MethodInfo { ReturnType.IsByRefLike: true })
                ? SpanCalls.Invoke(method, target, real)
                : BaseCalls.IsOne(method, target) ? BaseCalls.Invoke((MethodInfo)method, target!, real)
                : method is ConstructorInfo constructor && target is null ? constructor.Invoke(Unwrapped, null, real, null) : method.Invoke(target, Unwrapped, null, real, null);
        }
        catch (InvalidOperationException exception) when (exception.Message.Contains("empty handle", StringComparison.Ordinal) && Array.Find(operands, DependsOnInput) is { Reference: { } held } && Symbols.TryGet(held, out var symbol))
        {
            throw Untraceable.ReadsTensor(this, method, symbol);
        }
        for (var i = 0; i < real.Length; i++)
            if (parameters[i].ParameterType.IsByRef && operands[i].Kind == ValueKind.Address)
                operands[i].Address.Store(ToValue(real[i], parameters[i].ParameterType));
        return result;
    }

    private object? Receiver(Value value, Type type)
    {
        if (value.Kind == ValueKind.Address)
        {
            var held = value.Address.Load();
            return held.Kind == ValueKind.Struct && held.Reference is not null and not Proxy ? held.Reference : ToObject(held, type);
        }
        return Overlay.Current(ToObject(value, type)) ?? throw new NullReferenceException();
    }

    private object? ForHost(Value value, Type type)
    {
        var real = Overlay.Current(ToObject(value, type));
        return real switch
        {
            Delegate callee => Delegates.ForHost(this, callee),
            IEnumerable source when real is not Array and not torch.nn.Module && Traits.HomeOf(real.GetType()) == Home.User => InterpretedEnumerable.Over(this, source, type) ?? real,
            _ => real,
        };
    }

    /// <summary>A symbol among the numbers that a value is or holds, or the symbol of a collection without content; tensors don't count.</summary>
    internal Proxy? Numbers(Value value)
    {
        if (value.IsSymbol)
            return value.Symbol;
        if (value.Kind is not (ValueKind.Object or ValueKind.Struct))
            return null;
        return NumbersIn(value.Reference, 4);
    }

    private Proxy? NumbersIn(object? real, int depth)
    {
        real = Overlay.Current(real);
        if (real is null or string or torch.Tensor or torch.nn.Module || depth == 0)
            return null;
        if (real is Proxy boxed)
            return boxed;
        if (Symbols.TryGet(real, out var symbol))
            return real is ICollection ? symbol : null;
        if (Sequences.TryGet(real, out var sequence))
            return sequence.Length.Symbol;
        if (real is SpanModel span)
            return NumbersIn(span.Array, depth);
        if (!Symbols.HasTags)
            return null;
        return real switch
        {
            int or long or float or double => ToValue(real, real.GetType()) is { IsSymbol: true } value ? value.Symbol : null,
            Enum tagged => Symbols.TryRead(tagged, out var named) ? named : null,
            ITuple tuple => Enumerable.Range(0, tuple.Length).Select(i => NumbersIn(tuple[i], depth - 1)).FirstOrDefault(found => found is not null),
            ICollection collection => collection.Cast<object?>().Select(item => NumbersIn(item, depth - 1)).FirstOrDefault(found => found is not null),
            ValueType when Traits.HomeOf(real.GetType()) == Home.User => StructLayout.FieldsOf(real.GetType()).Select(field => NumbersIn(field.GetValue(real), depth - 1)).FirstOrDefault(found => found is not null),
            _ => null,
        };
    }
}
