using System.Reflection;
using System.Reflection.Emit;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>The catalogue is whole, and its sentences name the right place.</summary>
public sealed partial class CatalogueTests
{
    [GeneratedRegex("^## (FX[0-9]{3})$", RegexOptions.Multiline)]
    private static partial Regex Section { get; }

    [GeneratedRegex("^FX[0-9]{3}$")]
    private static partial Regex Code { get; }

    /// <summary>The codes that the catalogue's methods mention.</summary>
    private static string[] Codes { get; } = [.. typeof(Untraceable).GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
        .SelectMany(method => MethodIL.Of(method)!.Instructions.ToArray())
        .Where(instruction => instruction.Op == Op.Ldstr)
        .Select(instruction => (string)instruction.Operand!)
        .Where(text => Code.IsMatch(text))
        .Order()];

    [Fact]
    public void Every_code_has_a_section_and_every_section_a_code()
    {
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "untraceable.md"));
        Assert.Equal(Codes, Section.Matches(page).Select(match => match.Groups[1].Value.TrimEnd('\r')));
        foreach (var section in page.Split("\n## ").Skip(1))
        {
            Assert.Contains("Fails:", section);
            Assert.Contains("Works:", section);
        }
    }

    [Fact]
    public void Every_code_has_a_test_of_its_sentence()
        => Assert.Equal(Codes, typeof(UntraceableTests).GetMethods().Where(method => method.Name.StartsWith("FX", StringComparison.Ordinal)).Select(method => method.Name[..5]).Order());

    private sealed class Deciding() : nn.Module<Tensor, Tensor>(nameof(Deciding))
    {
        public override Tensor forward(Tensor x) => Larger(x.shape[0], 3) ? x : -x;

        private static bool Larger(long a, long b) => a > b;
    }

    private sealed class Outer() : nn.Module<Tensor, Tensor>(nameof(Outer))
    {
        private readonly nn.Module<Tensor, Tensor>[] blocks = [nn.Sequential(("deep", new Deciding()))];

        public override Tensor forward(Tensor x) => blocks[0].call(x);
    }

    [Fact]
    public void The_module_is_named_by_its_path()
    {
        var refusal = Assert.Throws<TraceException>(() => Traced.Graph(new Outer()));
        Assert.Contains("It happens in module 'blocks.0.deep' at CatalogueTests.cs:", refusal.Message);
        Assert.Equal("blocks.0.deep", refusal.module_path);
        Assert.Contains("It happens in module 'blocks.0.deep' at CatalogueTests.cs:", refusal.Message);
    }

    private sealed class Failing() : nn.Module<Tensor, Tensor>(nameof(Failing))
    {
        public static int Line { get; } = Next();
        public override Tensor forward(Tensor x) => throw new InvalidOperationException("No head was chosen.");

        private static int Next([System.Runtime.CompilerServices.CallerLineNumber] int line = 0) => line + 1;
    }

    [Fact]
    public void An_exception_of_the_model_s_own_is_kept_apart()
    {
        var thrown = Assert.Throws<TracedProgramException>(() => Traced.Graph(nn.Sequential(("head", new Failing()))));
        Assert.Equal($"The model threw InvalidOperationException while it was traced: No head was chosen. It happened in module 'head' at CatalogueTests.cs:{Failing.Line}.", thrown.Message);
        Assert.IsType<InvalidOperationException>(thrown.InnerException);
        Assert.Equal(("head", $"CatalogueTests.cs:{Failing.Line}"), (thrown.module_path, thrown.location));
    }

    private sealed class Applying(Func<long, long> function) : nn.Module<Tensor, Tensor>(nameof(Applying))
    {
        public override Tensor forward(Tensor x) => x * function(x.shape[0]);
    }

    [Fact]
    public void Without_a_PDB_the_place_is_a_method_and_an_offset()
    {
        var assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("NoSymbols"), AssemblyBuilderAccess.RunAndCollect);
        var type = assembly.DefineDynamicModule("NoSymbols").DefineType("Helper");
        var method = type.DefineMethod("Clamp", MethodAttributes.Public | MethodAttributes.Static, typeof(long), [typeof(long)]);
        var il = method.GetILGenerator();
        var small = il.DefineLabel();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldc_I4_8);
        il.Emit(OpCodes.Conv_I8);
        il.Emit(OpCodes.Blt, small);
        il.Emit(OpCodes.Ldc_I4_7);
        il.Emit(OpCodes.Conv_I8);
        il.Emit(OpCodes.Ret);
        il.MarkLabel(small);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ret);
        var clamp = type.CreateType().GetMethod("Clamp")!.CreateDelegate<Func<long, long>>();
        var refusal = Assert.Throws<TraceException>(() => Traced.Graph(new Applying(clamp)));
        Assert.Equal("Helper.Clamp+IL_0003", refusal.location);
        Assert.StartsWith("FX001: The program branches on 'getitem < 8', which depends on an input, so a graph of it would hold for some inputs only. It happens in the root module at Helper.Clamp+IL_0003.", refusal.Message);
    }
}
