using System.Reflection;
using System.Reflection.Emit;
using Xunit;

namespace TorchSharp.Fx.Tests.Cil;

public class CallSiteTests
{
    [Fact]
    public void An_instance_call_takes_this_and_its_arguments()
    {
        var substring = typeof(string).GetMethod(nameof(string.Substring), [typeof(int), typeof(int)])!;

        var site = Emitted.Single(g => g.Emit(OpCodes.Callvirt, substring)).Get<CallSite>();

        Assert.Same(substring, site.Method);
        Assert.True(site.IsVirtual);
        Assert.True(site.HasThis);
        Assert.Equal(3, site.ArgumentCount);
        Assert.Equal([typeof(int), typeof(int)], site.ParameterTypes);
        Assert.Equal(["startIndex", "length"], site.Parameters.Select(p => p.Name));
        Assert.Equal(typeof(string), site.ReturnType);
        Assert.Null(site.Constrained);
    }

    [Fact]
    public void Newobj_takes_only_the_constructors_arguments_and_pushes_the_object()
    {
        var constructor = typeof(List<int>).GetConstructor([typeof(int)])!;

        var instruction = Emitted.Single(g => g.Emit(OpCodes.Newobj, constructor));

        var site = instruction.Get<CallSite>();
        Assert.Equal(Op.Newobj, instruction.Op);
        Assert.False(site.HasThis);
        Assert.Equal(1, site.ArgumentCount);
        Assert.Equal(typeof(List<int>), site.ReturnType);
    }

    [Fact]
    public void A_call_of_a_base_constructor_takes_this_and_pushes_nothing()
    {
        var site = Emitted.Single(g => g.Emit(OpCodes.Call, typeof(object).GetConstructor([])!)).Get<CallSite>();

        Assert.True(site.HasThis);
        Assert.Equal(1, site.ArgumentCount);
        Assert.Equal(typeof(void), site.ReturnType);
    }

    [Fact]
    public void A_constrained_prefix_folds_into_its_call()
    {
        var instruction = Emitted.Single(g =>
        {
            g.Emit(OpCodes.Constrained, typeof(DateTime));
            g.Emit(OpCodes.Callvirt, typeof(object).GetMethod(nameof(ToString))!);
        });

        Assert.Equal((Op.Call, 0), (instruction.Op, instruction.Offset));
        Assert.Equal(typeof(DateTime), instruction.Get<CallSite>().Constrained);
    }

    [Fact]
    public void A_multidimensional_array_has_methods_that_only_its_type_names()
    {
        static int Corner(int[,] grid) => grid[0, 0];

        var get = SiteNamed(((Func<int[,], int>)Corner).Method, "Get");

        Assert.Equal(typeof(int[,]), get.Method.DeclaringType);
        Assert.Equal(3, get.ArgumentCount);
    }

    [Fact]
    public void A_generic_method_in_a_generic_type_resolves_what_it_names_for_its_own_arguments()
    {
        var method = typeof(Outer<string>).GetMethod(nameof(Outer<string>.Pair))!.MakeGenericMethod(typeof(int));

        var il = MethodIL.Of(method)!;

        Assert.Equal(typeof(KeyValuePair<string, int>), SiteNamed(method, ".ctor").Method.DeclaringType);
        Assert.Equal(typeof(string), il.Parameters[0].ParameterType);
        Assert.Contains(il.Instructions, i => i.Op == Op.Ldtoken && i.Get<Type>() == typeof(Dictionary<int, string[]>));
    }

    [Fact]
    public void Type_arguments_tell_bodies_apart_that_share_their_machine_code()
    {
        var ofString = SiteNamed(typeof(Outer<string>).GetMethod(nameof(Outer<string>.New))!, ".ctor");
        var ofObject = SiteNamed(typeof(Outer<object>).GetMethod(nameof(Outer<object>.New))!, ".ctor");
        var echo = typeof(CallSiteTests).GetMethod(nameof(Empty), BindingFlags.NonPublic | BindingFlags.Static)!;

        Assert.Equal(typeof(List<string>), ofString.ReturnType);
        Assert.Equal(typeof(List<object>), ofObject.ReturnType);
        Assert.Equal(typeof(List<Version>), SiteNamed(echo.MakeGenericMethod(typeof(Version)), ".ctor").ReturnType);
        Assert.Equal(typeof(List<Type>), SiteNamed(echo.MakeGenericMethod(typeof(Type)), ".ctor").ReturnType);
    }

    [Fact]
    public void A_vararg_call_and_a_function_pointer_decode()
    {
        var il = Emitted.Body(g =>
        {
            g.Emit(OpCodes.Ldftn, typeof(Math).GetMethod(nameof(Math.Abs), [typeof(int)])!);
            g.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof(int), [typeof(int)], null);
            g.Emit(OpCodes.Arglist);
        });

        Assert.Equal("Abs", il.Instructions[0].Get<MethodBase>().Name);
        Assert.Equal((Op.Calli, typeof(byte[])), (il.Instructions[1].Op, il.Instructions[1].Operand!.GetType()));
    }

    private static CallSite SiteNamed(MethodBase caller, string callee) => MethodIL.Of(caller)!.Instructions
        .Select(i => i.Operand).OfType<CallSite>().Single(s => s.Method.Name == callee);

    private static List<T> Empty<T>() => new();

    private sealed class Outer<T>
    {
        public List<T> New() => new();

        public static object Pair<TValue>(T key, TValue value) where TValue : notnull
        {
            GC.KeepAlive(typeof(Dictionary<TValue, T[]>));
            return new KeyValuePair<T, TValue>(key, value);
        }
    }
}
