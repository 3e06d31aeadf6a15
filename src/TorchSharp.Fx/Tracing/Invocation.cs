using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>A call that the traced program makes.</summary>
/// <param name="Interpreter">Who runs the program.</param>
/// <param name="Method">The method that runs: overrides are found already.</param>
/// <param name="Arguments">The receiver, if any, then the arguments.</param>
internal readonly record struct Invocation(Interpreter Interpreter, MethodBase Method, Value[] Arguments)
{
    internal Traits Traits { get; } = Traits.Of(Method);

    internal object? This
        => Method.IsStatic ? null : Arguments[0].Kind == ValueKind.Address ? Arguments[0].Address.Load().Reference : Arguments[0].Reference;

    /// <summary>The arguments without the receiver.</summary>
    internal ReadOnlySpan<Value> Operands => Arguments.AsSpan(Method.IsStatic ? 0 : 1);
}

/// <summary>Takes a call, or answers "not mine" with null.</summary>
internal delegate Value? CallHandler(in Invocation call);
