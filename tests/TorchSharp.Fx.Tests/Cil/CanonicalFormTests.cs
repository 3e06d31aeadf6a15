using System.Reflection;
using System.Reflection.Emit;
using Xunit;

namespace TorchSharp.Fx.Tests.Cil;

public class CanonicalFormTests
{
    private static readonly OpCode[] AllCodes =
        [.. typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (OpCode)f.GetValue(null)!)];

    private static readonly Dictionary<string, Type> TypeOfSuffix = new()
    {
        ["i"] = typeof(nint), ["i1"] = typeof(sbyte), ["i2"] = typeof(short), ["i4"] = typeof(int), ["i8"] = typeof(long),
        ["u"] = typeof(nuint), ["u1"] = typeof(byte), ["u2"] = typeof(ushort), ["u4"] = typeof(uint), ["u8"] = typeof(ulong),
        ["r4"] = typeof(float), ["r8"] = typeof(double), ["r"] = typeof(double), ["ref"] = typeof(object),
    };

    // The runtime's own table lists codes that ECMA-335 reserves for its internal use as "prefixN".
    public static TheoryData<string> Codes =>
        [.. AllCodes.Where(c => c.OpCodeType != OpCodeType.Nternal && c.OpCodeType != OpCodeType.Prefix).Select(c => c.Name!)];

    [Theory]
    [MemberData(nameof(Codes))]
    public void Every_code_folds_into_its_family_and_takes_its_operand(string name)
    {
        var code = AllCodes.Single(c => c.Name == name);

        var instruction = Emitted.Single(g => EmitZero(g, code), typeof(int), typeof(int), typeof(int), typeof(int));

        Assert.Equal(Family(name), instruction.Op.ToString(), ignoreCase: true);
        AssertTyping(name.Split('.'), instruction);
    }

    [Fact]
    public void Argument_and_local_numbers_come_from_macro_short_and_long_forms()
    {
        var il = Emitted.Body(
            g =>
            {
                for (var i = 0; i < 300; i++) g.DeclareLocal(typeof(int));
                g.Emit(OpCodes.Ldarg_3);
                g.Emit(OpCodes.Starg_S, (byte)2);
                g.Emit(OpCodes.Ldarga, (short)1);
                g.Emit(OpCodes.Ldloc_2);
                g.Emit(OpCodes.Stloc_1);
                g.Emit(OpCodes.Ldloc_S, (byte)200);
                g.Emit(OpCodes.Ldloca, (short)299);
            },
            typeof(int), typeof(int), typeof(int), typeof(int));

        Assert.Equal(
            [(Op.Ldarg, 3), (Op.Starg, 2), (Op.Ldarga, 1), (Op.Ldloc, 2), (Op.Stloc, 1), (Op.Ldloc, 200), (Op.Ldloca, 299)],
            il.Instructions.Select(i => (i.Op, i.Index)));
        Assert.Equal(300, il.Locals.Length);
        Assert.Equal(4, il.ArgumentCount);
    }

    [Fact]
    public void Constants_keep_their_value()
    {
        var il = Emitted.Body(g =>
        {
            g.Emit(OpCodes.Ldc_I4_M1);
            g.Emit(OpCodes.Ldc_I4_8);
            g.Emit(OpCodes.Ldc_I4_S, (sbyte)-128);
            g.Emit(OpCodes.Ldc_I4, int.MinValue);
            g.Emit(OpCodes.Ldc_I8, long.MaxValue);
            g.Emit(OpCodes.Ldc_R4, 0.1f);
            g.Emit(OpCodes.Ldc_R8, double.NegativeInfinity);
            g.Emit(OpCodes.Ldstr, "naïve");
        });

        Assert.Equal([-1, 8, -128, int.MinValue], il.Instructions[..4].Select(i => i.Index));
        Assert.Equal([long.MaxValue, 0.1f, double.NegativeInfinity, "naïve"], il.Instructions[4..].Select(i => i.Operand!));
    }

    [Fact]
    public void Branches_name_instructions_forwards_and_backwards()
    {
        var il = Emitted.Body(
            g =>
            {
                var top = g.DefineLabel();
                var end = g.DefineLabel();
                g.MarkLabel(top);
                g.Emit(OpCodes.Ldarg_0);         // 0
                g.Emit(OpCodes.Ldc_I4, 100_000); // 1
                g.Emit(OpCodes.Bge_Un, end);     // 2
                g.Emit(OpCodes.Br_S, top);       // 3
                g.MarkLabel(end);
                g.Emit(OpCodes.Ret);             // 4
            },
            typeof(int));

        Assert.Equal((Op.BgeUn, 4), (il.Instructions[2].Op, il.Instructions[2].Index));
        Assert.Equal((Op.Br, 0), (il.Instructions[3].Op, il.Instructions[3].Index));
        Assert.Equal([0, 1, 6, 11, 13], il.Instructions.Select(i => i.Offset));
    }

    [Fact]
    public void Switch_names_instructions()
    {
        var il = Emitted.Body(
            g =>
            {
                Label[] cases = [g.DefineLabel(), g.DefineLabel(), g.DefineLabel()];
                g.MarkLabel(cases[2]);
                g.Emit(OpCodes.Ldarg_0);       // 0
                g.Emit(OpCodes.Switch, cases); // 1
                g.MarkLabel(cases[0]);
                g.Emit(OpCodes.Ldc_I4, 1000);  // 2
                g.MarkLabel(cases[1]);
                g.Emit(OpCodes.Pop);           // 3
            },
            typeof(int));

        Assert.Equal([2, 3, 0], il.Instructions[1].Get<int[]>());
    }

    [Fact]
    public void A_prefix_belongs_to_the_instruction_after_it()
    {
        var il = Emitted.Body(
            g =>
            {
                var load = g.DefineLabel();
                g.Emit(OpCodes.Ldarg_0);          // 0
                g.Emit(OpCodes.Br, load);         // 1
                g.MarkLabel(load);
                g.Emit(OpCodes.Volatile);
                g.Emit(OpCodes.Unaligned, (byte)1);
                g.Emit(OpCodes.Ldind_I2);         // 2
            },
            typeof(short).MakeByRefType());

        Assert.Equal(3, il.Instructions.Length);
        Assert.Equal(2, il.Instructions[1].Index);
        Assert.Equal(6, il.Instructions[2].Offset);
        Assert.Equal(typeof(short), il.Instructions[2].Operand);
    }

    // A nop is a zero byte, so nops after a code make a zero operand of any size.
    private static void EmitZero(ILGenerator g, OpCode code)
    {
        for (var i = 0; i < 4; i++) g.DeclareLocal(typeof(int));
        g.Emit(code);
        for (var i = 0; i < ReferenceDecoder.OperandSize(code); i++) g.Emit(OpCodes.Nop);
    }

    private static string Family(string name)
    {
        var parts = name.Split('.');
        return parts[0] switch
        {
            "ldarg" or "ldarga" or "starg" or "ldloc" or "ldloca" or "stloc" or "leave" or "ldelem" or "stelem" or "conv" => parts[0],
            "ldind" => "ldobj",
            "stind" => "stobj",
            "callvirt" => "call",
            "ldc" => "ldc" + parts[1],
            _ => string.Concat(parts.Where(p => p != "s")),
        };
    }

    private static void AssertTyping(string[] parts, Instruction instruction)
    {
        if (parts is ["conv", ..])
        {
            var overflow = parts.Contains("ovf");
            var target = TypeOfSuffix[parts[overflow ? 2 : 1]];
            Assert.Equal(new TorchSharp.Fx.Cil.Conversion(target, overflow, parts.Contains("un")), instruction.Operand);
        }
        else if (parts is ["ldind" or "stind" or "ldelem" or "stelem", var suffix])
        {
            Assert.Equal(TypeOfSuffix[suffix], instruction.Operand);
        }
        else if (parts is ["ldc", "i4", [>= '0' and <= '8'] digit])
        {
            Assert.Equal(digit[0] - '0', instruction.Index);
        }
        else if (parts is ["ldarg" or "ldloc" or "stloc", [>= '0' and <= '3'] number])
        {
            Assert.Equal(number[0] - '0', instruction.Index);
        }
        else if (parts is ["callvirt"] or ["call"])
        {
            Assert.Equal(parts[0] == "callvirt", instruction.Get<CallSite>().IsVirtual);
        }
    }
}
