using System.Reflection;
using System.Reflection.Emit;
using Xunit;

namespace TorchSharp.Fx.Tests.Cil;

/// <summary>Bodies written instruction by instruction, as no compiler would promise to emit them.</summary>
internal static class Emitted
{
    public static MethodIL Body(Action<ILGenerator> emit, params Type[] parameters) => MethodIL.Of(Method(emit, parameters))!;

    public static MethodInfo Method(Action<ILGenerator> emit, params Type[] parameters)
    {
        var assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Emitted"), AssemblyBuilderAccess.RunAndCollect);
        var type = assembly.DefineDynamicModule("Emitted").DefineType("T");
        var method = type.DefineMethod("M", MethodAttributes.Public | MethodAttributes.Static, typeof(void), parameters);
        emit(method.GetILGenerator());
        return type.CreateType().GetMethod("M")!;
    }

    /// <summary>The only instruction besides the closing ret.</summary>
    public static Instruction Single(Action<ILGenerator> emit, params Type[] parameters)
    {
        var il = Body(g => { emit(g); g.Emit(OpCodes.Ret); }, parameters);
        Assert.Equal(2, il.Instructions.Length);
        return il.Instructions[0];
    }
}
