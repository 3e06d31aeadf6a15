using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Reflection;
using TorchSharp.Fx.Cil;

namespace TorchSharp.Fx.Tracing;

/// <summary>TorchSharp's operations: with an argument that depends on an input they become nodes, and so do random draws; all others run.</summary>
internal static class TensorOperations
{
    private static readonly FrozenSet<string> Random = Names("""
        rand randn randint randperm rand_like randn_like randint_like rand_out randn_out bernoulli bernoulli_ multinomial normal normal_ poisson uniform_ random_ exponential_ geometric_ cauchy_ log_normal_
        dropout dropout_ dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout rrelu rrelu_ gumbel_softmax sample rsample
        """);

    private static readonly FrozenSet<string> Readers = Names("""
        get_Handle get_handle data bytes get_bytes tolist GetHashCode Equals IntShape Save save Load load WriteBytes ReadBytes DecoupleFromNativeHandle
        MoveToOuterDisposeScope_ get_IsInvalid item_
        """);

    /// <summary>What has to do with memory, files or the whole process rather than with tensors.</summary>
    private static readonly FrozenSet<string> Outside = Names("""
        Dispose DetachFromDisposeScope DetatchFromDisposeScope MoveToOuterDisposeScope MoveToOtherDisposeScope from_file frombuffer UnsafeCreateTensor WriteBytesToStream ReadBytesFromStream
        print set_rng_state set_state set_printoptions get_storage storage
        """);

    private static readonly FrozenSet<string> Texts = Names("ToString str jlstr npstr cstr metastr");

    internal static Value? Handle(in Invocation call)
    {
        if (call.Traits.Home != Home.TorchSharp)
            return null;
        var interpreter = call.Interpreter;
        foreach (ref var argument in call.Arguments.AsSpan(call.Method.IsStatic ? 0 : 1))
            if (InterpretedEnumerable.IsLazy(argument.Reference))
                argument = Value.OfObject(InterpretedEnumerable.ToArray(interpreter, argument.Reference!));
        var written = IsInPlace(call) && call.This is torch.Tensor receiver && interpreter.Overlay.Owns(receiver) ? receiver : null;
        var depends = Array.Exists(call.Arguments, interpreter.DependsOnInput) || (written is not null && interpreter.Constants.IsRead(written));
        if (!depends && !Random.Contains(call.Method.Name) && !ChangesModel(call))
            return null;
        // A module is made, not computed: it needs its sizes.
        if (call.Method.IsStatic && typeof(torch.nn.Module).IsAssignableFrom(call.Traits.ReturnType))
            return null;
        if (Transparent(call) is { } value)
            return value;
        if (written is not null)
            interpreter.Constants.BeforeWrite(written);
        if (depends && IsPartOfForward(call))
            return interpreter.Run(call.Method, call.Arguments);
        if (call.This is torch.nn.Module)
            return depends || call.Method.Name.StartsWith("set_", StringComparison.Ordinal) ? throw Untraceable.ChangesModel(interpreter, call.Method) : null;
        if (interpreter.Symbols.TryGet(Subject(call), out var subject))
        {
            if (Texts.Contains(call.Method.Name))
                return Value.OfObject(subject.ToString());
            if (Readers.Contains(call.Method.Name))
                throw Untraceable.ReadsTensor(interpreter, call.Method, subject);
        }
        return Record(call);
    }

    /// <summary>Whether a method is a helper of the forward that is followed: one that a module of TorchSharp's own, which is no leaf here, has beside it.</summary>
    private static bool IsPartOfForward(in Invocation call)
        => call.This is torch.nn.Module module && ReferenceEquals(module, call.Interpreter.Tracer.CurrentModule) && call.Method is { IsSpecialName: false, IsPublic: false } method
            && method.DeclaringType != typeof(torch.nn.Module) && MethodIL.Of(method) is not null;

    /// <summary>
    /// Whether a node may call a method: a public operation of TorchSharp on tensors, or one that makes them of numbers. None that disposes, reads or writes files, or hands out memory.
    /// </summary>
    internal static bool IsOperation(MethodBase method)
    {
        var (type, traits) = (method.DeclaringType!, Traits.Of(method));
        if (traits.Home != Home.TorchSharp || !method.IsPublic || !type.IsVisible || method.ContainsGenericParameters || Readers.Contains(method.Name) || Texts.Contains(method.Name) || Outside.Contains(method.Name))
            return false;
        var isOwner = type == typeof(torch.Tensor) || (type.IsAbstract && type.IsSealed) || typeof(torch.distributions.Distribution).IsAssignableFrom(type);
        return isOwner && Array.TrueForAll(traits.Parameters, parameter => IsData(parameter.ParameterType)) && IsData(traits.ReturnType)
            && (!method.IsStatic || Holds(traits.ReturnType) || Array.Exists(traits.Parameters, parameter => Holds(parameter.ParameterType)));
    }

    /// <summary>A tensor, an array or a structure of tensors, and nothing that merely might be.</summary>
    private static bool Holds(Type type) => typeof(torch.Tensor).IsAssignableFrom(type) || (type.HasElementType && Holds(type.GetElementType()!)) || Array.Exists(type.GetGenericArguments(), Holds);

    private static bool IsData(Type type) => type.HasElementType
        ? !type.IsPointer && IsData(type.GetElementType()!)
        : !typeof(Delegate).IsAssignableFrom(type) && !typeof(torch.nn.Module).IsAssignableFrom(type) && !typeof(torch.optim.Optimizer).IsAssignableFrom(type) && type != typeof(nint)
            && type.Namespace is not ("System.IO" or "System.Reflection" or "System.Threading.Tasks" or "Tensorboard") && Array.TrueForAll(type.GetGenericArguments(), IsData);

    /// <summary>Records a call as a node: all parameters in order, the receiver first.</summary>
    internal static Value Record(in Invocation call)
    {
        var (interpreter, method, arguments) = call;
        var traits = call.Traits;
        if (Array.Find(traits.Parameters, parameter => parameter.ParameterType.IsByRef && !parameter.IsIn) is { } written)
            throw Untraceable.ArgumentType(interpreter, written.ParameterType);
        var args = ImmutableArray.CreateBuilder<Argument>(arguments.Length);
        var receivers = arguments.Length - traits.Parameters.Length;
        for (var i = 0; i < arguments.Length; i++)
            args.Add(interpreter.ToArgument(arguments[i], i < receivers ? method.DeclaringType! : traits.Parameters[i - receivers].ParameterType));
        var (op, target) = method switch
        {
            _ when traits.Property is { } property => (Opcode.call_function, (Target)new MemberTarget(property)),
            MethodInfo { IsStatic: false, IsSpecialName: false } info => (Opcode.call_method, new MethodTarget(info)),
            _ => (Opcode.call_function, new FunctionTarget(method)),
        };
        return interpreter.FromProxy(interpreter.Tracer.create_proxy(op, target, args.MoveToImmutable(), traits.ReturnType));
    }

    /// <summary>
    /// <c>new Normal(loc, scale)</c> on symbols is a node like any other function. Not so of what only carries its arguments (a size, an index, a
    /// Scalar), and of modules, which belong to the model.
    /// </summary>
    internal static Value? Construct(in Invocation call)
        => call.Traits.Home == Home.TorchSharp && Array.Exists(call.Arguments, call.Interpreter.DependsOnInput)
            && !typeof(torch.nn.Module).IsAssignableFrom(call.Method.DeclaringType) && !call.Traits.ReturnType.IsValueType && call.Traits.ReturnType != typeof(Scalar)
            ? Record(call)
            : null;

    /// <summary>What a method is called on, also as an extension method.</summary>
    private static object? Subject(in Invocation call) => call.This ?? (call.Arguments is [var first, ..] ? first.Reference : null);

    /// <summary>Conversions that Python doesn't have, and so no node: to a Scalar, an index, a size.</summary>
    private static Value? Transparent(in Invocation call)
    {
        var (interpreter, method, arguments) = call;
        if (call.Traits.ReturnType == typeof(Scalar) && arguments is [{ IsSymbol: true } number])
        {
            var scalar = interpreter.Symbols.Placeholder(new Proxy(interpreter.ToArgument(number, call.Traits.Parameters[0].ParameterType), typeof(Scalar)));
            return Value.OfObject(scalar);
        }
        return method.DeclaringType == typeof(torch.TensorIndex) || call.Traits.ReturnType.FullName == "TorchSharp.torch+Size"
            ? interpreter.RunOnHost(method, arguments)
            : null;
    }

    /// <summary>An in-place operation on a tensor that was there before the trace is part of what the model does.</summary>
    private static bool ChangesModel(in Invocation call)
        => call.This is torch.Tensor tensor && !call.Interpreter.Overlay.Owns(tensor) && IsInPlace(call);

    /// <summary>Whether a call writes to its receiver: by PyTorch's naming, an indexer's or a property's setter.</summary>
    internal static bool IsInPlace(in Invocation call)
        => !call.Method.IsStatic && (call.Method.IsSpecialName
            ? call.Method.Name.StartsWith("set_", StringComparison.Ordinal)
            : call.Method.Name.EndsWith('_') && !call.Method.Name.EndsWith("__", StringComparison.Ordinal));

    private static FrozenSet<string> Names(string names) => names.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);
}
