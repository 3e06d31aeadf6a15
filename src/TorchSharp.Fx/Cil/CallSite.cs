using System.Reflection;

namespace TorchSharp.Fx.Cil;

/// <summary>
/// The method that a call, callvirt or newobj instruction names, in the generic context of the method that contains it. There is one
/// object per instruction. Nothing is loaded before it is asked for, so a branch never taken costs nothing and cannot fail.
/// </summary>
internal sealed class CallSite(TokenScope scope, int token, bool isVirtual, bool isNewobj, int constrainedToken)
{
    private MethodBase? method;
    private Type? constrained;
    private ParameterInfo[]? parameters;
    private Type[]? parameterTypes;

    /// <exception cref="TypeLoadException">The method could not be loaded.</exception>
    public MethodBase Method => method ??= scope.Method(token);

    /// <summary>Whether the instruction is callvirt.</summary>
    public bool IsVirtual => isVirtual;

    /// <summary>The type of a <c>constrained.</c> prefix.</summary>
    public Type? Constrained => constrainedToken == 0 ? null : constrained ??= scope.Type(constrainedToken);

    public ParameterInfo[] Parameters => parameters ??= Method.GetParameters();

    public Type[] ParameterTypes => parameterTypes ??= Array.ConvertAll(Parameters, p => p.ParameterType);

    /// <summary>The type that the instruction pushes: the new object's type for newobj, <c>typeof(void)</c> for nothing.</summary>
    public Type ReturnType => isNewobj ? Method.DeclaringType! : Method is MethodInfo m ? m.ReturnType : typeof(void);

    /// <summary>Whether the instruction takes <c>this</c> from the stack; newobj doesn't.</summary>
    public bool HasThis => !isNewobj && !Method.IsStatic;

    /// <summary>How many values the instruction takes from the stack.</summary>
    public int ArgumentCount => Parameters.Length + (HasThis ? 1 : 0);

    public override string ToString() => $"{Method.DeclaringType}::{Method}";
}
