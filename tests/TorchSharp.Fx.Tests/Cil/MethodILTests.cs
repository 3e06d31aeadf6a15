using System.Reflection;
using System.Reflection.Emit;
using Xunit;

namespace TorchSharp.Fx.Tests.Cil;

public class MethodILTests
{
    [Fact]
    public void A_body_is_decoded_once_whichever_class_it_is_seen_through()
    {
        var declared = typeof(Base).GetMethod(nameof(Base.Run))!;
        var inherited = typeof(Derived).GetMethod(nameof(Base.Run))!;

        Assert.NotSame(declared, inherited);
        Assert.Same(MethodIL.Of(declared), MethodIL.Of(inherited));
        Assert.Same(
            MethodIL.Of(typeof(Base).GetMethod(nameof(Base.Echo))!.MakeGenericMethod(typeof(string))),
            MethodIL.Of(typeof(Derived).GetMethod(nameof(Base.Echo))!.MakeGenericMethod(typeof(string))));
    }

    [Fact]
    public void Methods_without_CIL_have_no_body()
    {
        var expression = System.Linq.Expressions.Expression.Lambda<Func<int>>(System.Linq.Expressions.Expression.Constant(1));

        Assert.Null(MethodIL.Of(typeof(Base).GetMethod(nameof(Base.Abstract))!));
        Assert.Null(MethodIL.Of(typeof(Func<int>).GetMethod("Invoke")!));
        Assert.Null(MethodIL.Of(typeof(int[,]).GetMethod("Get")!));
        Assert.Null(MethodIL.Of(expression.Compile().Method));
        Assert.Null(MethodIL.Of(new DynamicMethod("D", null, null)));
    }

    [Fact]
    public void Locals_and_arguments_have_their_types()
    {
        var il = Emitted.Body(
            g =>
            {
                g.DeclareLocal(typeof(List<string>));
                g.DeclareLocal(typeof(int).MakeByRefType());
                g.Emit(OpCodes.Ret);
            },
            typeof(long));

        Assert.Equal([typeof(List<string>), typeof(int).MakeByRefType()], il.Locals);
        Assert.True(il.InitLocals);
        Assert.Equal(typeof(long), Assert.Single(il.Parameters).ParameterType);
        Assert.Equal(2, MethodIL.Of(typeof(Base).GetMethod(nameof(Base.Run))!)!.ArgumentCount);
    }

    [Theory]
    [InlineData("the instruction at IL_0000 branches to 0x67, where no instruction starts", 0x2B, 0x65)]
    [InlineData("the instruction at IL_0000 branches to 0x1, where no instruction starts", 0x2B, 0xFF)]
    [InlineData("the instruction at IL_0000 branches to 0xfffffffb, where no instruction starts", 0x2B, 0xF9)]
    [InlineData("the instruction at IL_0001 is not an instruction", 0x00, 0x24)]
    [InlineData("the instruction at IL_0001 is not an instruction", 0x00, 0xFF)]
    [InlineData("the instruction at IL_0000 names argument 0 of 0", 0x02)]
    [InlineData("the instruction at IL_0000 names local 7 of 0", 0x11, 7)]
    [InlineData("the instruction at IL_0001 is cut short by the end of the body", 0x00, 0x20)]
    [InlineData("the instruction at IL_0001 is cut short by the end of the body", 0x00, 0xFE)]
    [InlineData("the instruction at IL_0000 is cut short by the end of the body", 0xFE, 0x13)]
    [InlineData("the instruction at IL_0000 has -1 targets", 0x45, 0xFF, 0xFF, 0xFF, 0xFF)]
    [InlineData("the instruction at IL_0000 has 2147483647 targets", 0x45, 0xFF, 0xFF, 0xFF, 0x7F)]
    public void Malformed_bodies_are_refused_by_name(string problem, params int[] bytes)
    {
        var assembly = new WrittenAssembly("Malformed", [.. bytes.Select(b => (byte)b)]);

        var error = Assert.Throws<InvalidProgramException>(() => MethodIL.Of(assembly.LoadFromBytes()));

        Assert.Equal($"The CIL of `T.M` in Malformed is malformed: {problem}.", error.Message);
    }

    [Fact]
    public void A_token_that_does_not_resolve_fails_only_when_read()
    {
        // ldtoken of a TypeRef that is not there, then a call of a MemberRef that is not there.
        var assembly = new WrittenAssembly("Missing", [0xD0, 0x99, 0, 0, 0x01, 0x28, 0x99, 0, 0, 0x0A, 0x2A]);

        var il = MethodIL.Of(assembly.LoadFromBytes())!;

        var type = Assert.Throws<TypeLoadException>(() => il.Instructions[0].Get<Type>());
        var call = Assert.Throws<TypeLoadException>(() => il.Instructions[1].Get<CallSite>().Method);
        Assert.StartsWith("`T.M` in Missing refers to something that cannot be loaded (token 0x01000099): ", type.Message);
        Assert.StartsWith("`T.M` in Missing refers to something that cannot be loaded (token 0x0A000099): ", call.Message);
        Assert.EndsWith("A dependency of that assembly is missing or of another version.", call.Message);
    }

    [Fact]
    public void A_collectible_assembly_can_still_be_unloaded()
    {
        var references = DecodeAndForget();

        for (var i = 0; i < 20 && references.Any(r => r.IsAlive); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.All(references, r => Assert.False(r.IsAlive));
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static WeakReference[] DecodeAndForget()
    {
        var method = Emitted.Method(g => g.Emit(OpCodes.Ret), typeof(int));
        var add = typeof(List<>).MakeGenericType(method.DeclaringType!).GetMethod("Add")!;
        var empty = typeof(Enumerable).GetMethod(nameof(Enumerable.Empty))!.MakeGenericMethod(method.DeclaringType!);
        MethodBase[] methods = [method, add, empty];
        foreach (var m in methods)
        {
            var il = MethodIL.Of(m)!;
            Assert.Same(il, MethodIL.Of(m));
            Assert.Null(il.LineOf(0));
        }

        return [.. methods.Select(m => new WeakReference(m.Module.Assembly == typeof(object).Assembly || m == empty ? m : m.DeclaringType))];
    }

    private abstract class Base
    {
        public abstract void Abstract();

        public int Run(int x) => x + 1;

        public T Echo<T>(T x) => x;
    }

    private abstract class Derived : Base;
}
