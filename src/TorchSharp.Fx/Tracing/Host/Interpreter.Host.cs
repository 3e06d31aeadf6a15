using System.Collections;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>Calls of real code.</summary>
internal sealed partial class Interpreter
{
    private const BindingFlags Unwrapped = BindingFlags.DoNotWrapExceptions;

    /// <summary>The innermost call of real code, and whether that only carries what it is given (<see cref="Carrying"/>).</summary>
    private (MethodBase Method, bool Carries)? hosted;

    /// <summary>Calls a method for real, with tags and objects without content for symbols.</summary>
    /// <param name="method">The method.</param>
    /// <param name="arguments">The receiver, if any, and the arguments; those that the method looks at are free of symbols by now.</param>
    /// <param name="uses">What it does with each parameter; null for a method that may look at everything.</param>
    internal Value RunOnHost(MethodBase method, Value[] arguments, Use[]? uses)
    {
        var target = method.IsStatic ? null : Receiver(arguments[0], method.DeclaringType!);
        var operands = method.IsStatic ? arguments : arguments[1..];
        var result = HostCall(method, target, operands, uses);
        // A struct's method may have changed it: what it was called on sees that.
        if (!method.IsStatic && method.DeclaringType!.IsValueType && arguments[0].Kind == ValueKind.Address
            && arguments[0].Address is not Address.Slot)
            arguments[0].Address.Store(Value.OfStruct(target));
        if (method is not MethodInfo { ReturnType: var type } || type == typeof(void))
            return default;
        if (type.IsByRef)
            throw Untraceable.NoBody(this, method);
        if (Recording is null && Traits.Of(method).Home == Home.TorchSharp)
            Note(result, new(this, method, arguments));
        if (Recording is null && result is torch.nn.Module made && method.IsStatic && tracer.Attributes.PathOf(made) is null)
            Overlay.Own(made);
        return ToValue(result, type);
    }

    /// <summary>
    /// An object that TorchSharp made for the trace: a tensor is a constant, a scope or mode is open until the program closes it.
    /// </summary>
    private void Note(object? result, in Invocation call)
    {
        var several = result as torch.Tensor[];
        for (var i = 0; i < (several?.Length ?? 1); i++)
            if ((several is null ? result : several[i]) is torch.Tensor tensor && IsNew(tensor, call))
            {
                Constants.Add(new(tensor, call, several is null ? null : i), isTemporary: callBacks == 0);
                NoteDefaultType(tensor, call);
            }
        if (result is IDisposable and not torch.Tensor and not torch.nn.Module && call.Method.IsStatic)
            opened.Push((IDisposable)result);
    }

    /// <summary>Not one that the model holds and a member of it gave out.</summary>
    private bool IsNew(torch.Tensor tensor, in Invocation call)
        => (call.Method.IsStatic || call.Method.DeclaringType == typeof(torch.Tensor)) && tensor is not TorchSharp.Modules.Parameter
            && !tracer.Attributes.Owns(tensor)
            && !Array.Exists(call.Arguments, argument => ReferenceEquals(argument.Reference, tensor));

    /// <summary>Whether real code is given the program's delegates as they are: it may call them on other threads.</summary>
    internal bool IsAside { get; set; }

    private readonly Stack<IDisposable> opened = new();
    private int callBacks;

    /// <summary>
    /// Ends what the trace leaves behind: its tensors, and the scopes and modes of a program that was not followed to its end.
    /// </summary>
    internal void Close(bool finished)
    {
        Overlay.Settle();
        Constants.Dispose();
        Facts.Dispose();
        Examples?.Dispose();
        while (!finished && opened.TryPop(out var scope))
            scope.Dispose();
    }

    private object? HostCall(MethodBase method, object? target, Value[] operands, Use[]? uses)
    {
        var parameters = Traits.Of(method).Parameters;
        var open = Traits.Of(method).OpenParameters;
        var real = new object?[operands.Length];
        for (var i = 0; i < real.Length; i++)
            real[i] = ForHost(operands[i], parameters[i].ParameterType, open[i].ParameterType, uses is null);
        object? result;
        var caller = hosted;
        hosted = (method, uses is not null);
        try
        {
            result = Array.Exists(parameters, parameter => parameter.ParameterType.IsByRefLike)
                || (method is MethodInfo { ReturnType.IsByRefLike: true })
                ? SpanCalls.Invoke(method, target, real)
                : BaseCalls.IsOne(method, target) ? BaseCalls.Invoke((MethodInfo)method, target!, real)
                : method is ConstructorInfo constructor && target is null
                    ? constructor.Invoke(Unwrapped, null, real, null) : method.Invoke(target, Unwrapped, null, real, null);
        }
        catch (Exception exception)
            when (Recording is null && escaped is null
                && (exception is TargetInvocationException { InnerException: { } inner }
                    ? inner : exception) is InvalidOperationException { Message: var message }
            && message.Contains("empty handle", StringComparison.Ordinal))
        {
            throw Array.Find(operands, DependsOnInput) is { Reference: { } held } && Symbols.TryGet(held, out var symbol)
                ? Untraceable.ReadsTensor(this, method, symbol) : Untraceable.ReadsTensors(this, method);
        }
        catch (Exception exception) when (escaped is null && ProgramFault.Note(exception))
        {
            throw;
        }
        catch (Exception exception) when (escaped is not null && !ProgramFault.IsOurs(exception))
        {
            throw escaped;
        }
        finally
        {
            hosted = caller;
        }
        if (escaped is not null)
            throw escaped;
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
        return Overlay.Current(ToObject(value, type)) ?? throw ProgramFault.Raise(new NullReferenceException());
    }

    private object? ForHost(Value value, Type type, Type open, bool looks)
    {
        var real = Overlay.Current(ToObject(value, type));
        return real switch
        {
            Delegate when IsAside => real,
            Delegate callee => Delegates.IsCallable(open)
                ? Delegates.ForHost(this, callee, looks ? Use.Look : Carrying.OfResult(open)) : Delegates.Plain(callee),
            IEnumerable source when real is not Array and not torch.nn.Module
                && Homes.Of(real.GetType()) == Home.User => InterpretedEnumerable.Over(this, source, type) ?? real,
            not null when InterpretedComparer.IsOne(type)
                && Homes.Of(real.GetType()) == Home.User => InterpretedComparer.Over(this, real, type),
            _ => real,
        };
    }
}
