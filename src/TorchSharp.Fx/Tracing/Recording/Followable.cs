using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Which methods a recording can follow. A trace refuses the others where it comes to the instruction that it can't follow; a recording
/// must know before, as what ran already has had its effects.
/// </summary>
internal static class Followable
{
    private static readonly Memo<MethodBase, bool> Known = new(Find);

    internal static bool Is(MethodBase method) => Known.Of(method);

    private static bool Find(MethodBase method)
    {
        if (Traits.Of(method).IsAsync || Code(method) is not { } code)
            return false;
        return !Array.Exists(code.Locals, IsAddress) && !Array.Exists(code.Parameters, parameter => IsAddress(parameter.ParameterType))
            && Array.TrueForAll(code.Instructions, instruction => instruction.Op switch
            {
                Op.Unused or Op.Arglist or Op.Mkrefany or Op.Refanyval or Op.Refanytype or Op.Initblk => false,
                Op.Call => instruction.Operand is not Cil.CallSite { Method: var callee } || IsCallable(callee),
                _ => true,
            });
    }

    private static MethodIL? Code(MethodBase method)
    {
        try
        {
            return Traits.Of(method).Code;
        }
        catch (BadImageFormatException)
        {
            return null;
        }
    }

    private static bool IsAddress(Type type) => type.IsPointer || type.IsFunctionPointer;

    /// <summary>
    /// Real code that gives or takes a reference, or a span over memory that no array holds, can only be called by compiled code.
    /// </summary>
    private static bool IsCallable(MethodBase callee)
    {
        if (Homes.Of(callee.DeclaringType ?? typeof(object)) == Home.User || Intrinsics.Knows(callee))
            return true;
        var gives = callee is MethodInfo { ReturnType: var type } ? type : typeof(void);
        return !(gives.IsByRef && !callee.DeclaringType!.IsArray) && !IsAddress(gives)
            && !(gives.IsByRefLike && gives.Name == "Span`1" && callee.DeclaringType == typeof(torch.Tensor))
            && !((callee.DeclaringType == typeof(Unsafe) || callee.DeclaringType == typeof(MemoryMarshal)
                || callee.Name.EndsWith("Unsafe", StringComparison.Ordinal))
                && Array.Exists(callee.GetParameters(), parameter => parameter.ParameterType.IsByRef));
    }
}
