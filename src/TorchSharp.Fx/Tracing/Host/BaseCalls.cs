using System.Reflection;
using System.Reflection.Emit;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// <c>base.ToString()</c>: calls of a virtual method itself, which reflection can't make, as it goes by the object's type.
/// </summary>
internal static class BaseCalls
{
    private static readonly Memo<MethodInfo, Func<object, object?[], object?>> Thunks = new(Compile);

    /// <summary>Whether the object's own type, which is the user's, would run another method in place of this one.</summary>
    internal static bool IsOne(MethodBase method, object? target)
        => target is not null && method is MethodInfo { IsVirtual: true, DeclaringType: { IsInterface: false, IsValueType: false } }
            && Homes.Of(target.GetType()) == Home.User
            && Overrides.Find(method, target.GetType()) != method;

    internal static object? Invoke(MethodInfo method, object target, object?[] arguments) => Thunks.Of(method)(target, arguments);

    private static Func<object, object?[], object?> Compile(MethodInfo method)
    {
        var thunk = new DynamicMethod(method.Name, typeof(object), [typeof(object), typeof(object[])], typeof(BaseCalls).Module,
            skipVisibility: true);
        var il = thunk.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Castclass, method.DeclaringType!);
        var parameters = method.GetParameters();
        var locals =
            Array.ConvertAll(parameters, parameter => parameter.ParameterType.IsByRef
                ? il.DeclareLocal(parameter.ParameterType.GetElementType()!) : null);
        for (var i = 0; i < parameters.Length; i++)
            Load(il, i, parameters[i].ParameterType, locals[i]);
        il.Emit(OpCodes.Call, method);
        if (method.ReturnType == typeof(void))
            il.Emit(OpCodes.Ldnull);
        else
            il.Emit(OpCodes.Box, method.ReturnType);
        for (var i = 0; i < locals.Length; i++)
            if (locals[i] is { } local)
                WriteBack(il, i, local);
        il.Emit(OpCodes.Ret);
        return thunk.CreateDelegate<Func<object, object?[], object?>>();
    }

    private static void Load(ILGenerator il, int index, Type type, LocalBuilder? local)
    {
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Ldc_I4, index);
        il.Emit(OpCodes.Ldelem_Ref);
        il.Emit(OpCodes.Unbox_Any, local?.LocalType ?? type);
        if (local is null)
            return;
        il.Emit(OpCodes.Stloc, local);
        il.Emit(OpCodes.Ldloca, local);
    }

    private static void WriteBack(ILGenerator il, int index, LocalBuilder local)
    {
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Ldc_I4, index);
        il.Emit(OpCodes.Ldloc, local);
        il.Emit(OpCodes.Box, local.LocalType);
        il.Emit(OpCodes.Stelem_Ref);
    }
}
