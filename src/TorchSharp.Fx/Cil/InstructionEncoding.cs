using static TorchSharp.Fx.Cil.Op;

namespace TorchSharp.Fx.Cil;

/// <summary>
/// The encoding of CIL (ECMA-335 III.1.2.1), laid out as the standard numbers it: sixteen codes a row. What a folded code
/// says beyond its <see cref="Op"/> (the 2 of ldarg.2, the int16 of ldelem.i2) follows from its place in a run of codes.
/// </summary>
internal static class InstructionEncoding
{
    /// <summary>The first byte of every two-byte code.</summary>
    public const byte TwoByteLead = 0xFE;

    // Spans over constant data: nothing is built at start-up.
    public static ReadOnlySpan<Op> OneByte =>
    [
        /* 0x */ Nop, Break, Ldarg, Ldarg, Ldarg, Ldarg, Ldloc, Ldloc, Ldloc, Ldloc, Stloc, Stloc, Stloc, Stloc, Ldarg, Ldarga,
        /* 1x */ Starg, Ldloc, Ldloca, Stloc, Ldnull, LdcI4, LdcI4, LdcI4, LdcI4, LdcI4, LdcI4, LdcI4, LdcI4, LdcI4, LdcI4, LdcI4,
        /* 2x */ LdcI4, LdcI8, LdcR4, LdcR8, Unused, Dup, Pop, Jmp, Call, Calli, Ret, Br, BrFalse, BrTrue, Beq, Bge,
        /* 3x */ Bgt, Ble, Blt, BneUn, BgeUn, BgtUn, BleUn, BltUn, Br, BrFalse, BrTrue, Beq, Bge, Bgt, Ble, Blt,
        /* 4x */ BneUn, BgeUn, BgtUn, BleUn, BltUn, Switch, Ldobj, Ldobj, Ldobj, Ldobj, Ldobj, Ldobj, Ldobj, Ldobj, Ldobj, Ldobj,
        /* 5x */ Ldobj, Stobj, Stobj, Stobj, Stobj, Stobj, Stobj, Stobj, Add, Sub, Mul, Div, DivUn, Rem, RemUn, And,
        /* 6x */ Or, Xor, Shl, Shr, ShrUn, Neg, Not, Conv, Conv, Conv, Conv, Conv, Conv, Conv, Conv, Call,
        /* 7x */ Cpobj, Ldobj, Ldstr, Newobj, Castclass, Isinst, Conv, Unused, Unused, Unbox, Throw, Ldfld, Ldflda, Stfld, Ldsfld, Ldsflda,
        /* 8x */ Stsfld, Stobj, Conv, Conv, Conv, Conv, Conv, Conv, Conv, Conv, Conv, Conv, Box, Newarr, Ldlen, Ldelema,
        /* 9x */ Ldelem, Ldelem, Ldelem, Ldelem, Ldelem, Ldelem, Ldelem, Ldelem, Ldelem, Ldelem, Ldelem, Stelem, Stelem, Stelem, Stelem, Stelem,
        /* Ax */ Stelem, Stelem, Stelem, Ldelem, Stelem, UnboxAny, Unused, Unused, Unused, Unused, Unused, Unused, Unused, Unused, Unused, Unused,
        /* Bx */ Unused, Unused, Unused, Conv, Conv, Conv, Conv, Conv, Conv, Conv, Conv, Unused, Unused, Unused, Unused, Unused,
        /* Cx */ Unused, Unused, Refanyval, Ckfinite, Unused, Unused, Mkrefany, Unused, Unused, Unused, Unused, Unused, Unused, Unused, Unused, Unused,
        /* Dx */ Ldtoken, Conv, Conv, Conv, Conv, Conv, AddOvf, AddOvfUn, MulOvf, MulOvfUn, SubOvf, SubOvfUn, EndFinally, Leave, Leave, Stobj,
        /* Ex */ Conv,
    ];

    /// <summary>The codes after <see cref="TwoByteLead"/>; prefixes are not among them, the decoder folds those first.</summary>
    public static ReadOnlySpan<Op> TwoByte =>
    [
        /* 0x */ Arglist, Ceq, Cgt, CgtUn, Clt, CltUn, Ldftn, Ldvirtftn, Unused, Ldarg, Ldarga, Starg, Ldloc, Ldloca, Stloc, Localloc,
        /* 1x */ Unused, EndFilter, Unused, Unused, Unused, Initobj, Unused, Cpblk, Initblk, Unused, Rethrow, Unused, Sizeof, Refanytype,
    ];

    /// <summary>The element type of ldind.*, stind.*, ldelem.* and stelem.*, or null for the codes that name it by a token.</summary>
    public static Type? ElementType(byte code) => code switch
    {
        >= 0x46 and <= 0x50 => LoadTypes[code - 0x46],
        0x51 => typeof(object),
        >= 0x52 and <= 0x57 => StoreTypes[code - 0x52],
        >= 0x90 and <= 0x9A => LoadTypes[code - 0x90],
        0x9B or 0xDF => typeof(nint),
        >= 0x9C and <= 0xA1 => StoreTypes[code - 0x9C],
        0xA2 => typeof(object),
        _ => null,
    };

    /// <summary>The meaning of a conv.* code, boxed once.</summary>
    public static object ConversionOf(byte code) => Conversions[code] ??= code switch
    {
        >= 0x67 and <= 0x6E => Convert(ConvTypes[code - 0x67]),
        0x76 => Convert(typeof(double), unsigned: true),
        >= 0x82 and <= 0x8B => Convert(OverflowUnTypes[code - 0x82], overflow: true, unsigned: true),
        >= 0xB3 and <= 0xBA => Convert(OverflowTypes[code - 0xB3], overflow: true),
        0xD1 => Convert(typeof(ushort)),
        0xD2 => Convert(typeof(byte)),
        0xD3 => Convert(typeof(nint)),
        0xD4 => Convert(typeof(nint), overflow: true),
        0xD5 => Convert(typeof(nuint), overflow: true),
        _ => Convert(typeof(nuint)),
    };

    private static readonly object?[] Conversions = new object?[256];

    private static readonly Type[] LoadTypes =
    [
        typeof(sbyte), typeof(byte), typeof(short), typeof(ushort), typeof(int), typeof(uint), typeof(long), typeof(nint),
        typeof(float), typeof(double), typeof(object),
    ];

    private static readonly Type[] StoreTypes =
        [typeof(sbyte), typeof(short), typeof(int), typeof(long), typeof(float), typeof(double)];

    private static readonly Type[] ConvTypes =
    [
        typeof(sbyte), typeof(short), typeof(int), typeof(long), typeof(float), typeof(double), typeof(uint), typeof(ulong),
    ];

    private static readonly Type[] OverflowUnTypes =
    [
        typeof(sbyte), typeof(short), typeof(int), typeof(long), typeof(byte), typeof(ushort), typeof(uint), typeof(ulong),
        typeof(nint), typeof(nuint),
    ];

    private static readonly Type[] OverflowTypes =
    [
        typeof(sbyte), typeof(byte), typeof(short), typeof(ushort), typeof(int), typeof(uint), typeof(long), typeof(ulong),
    ];

    private static object Convert(Type target, bool overflow = false, bool unsigned = false) =>
        new Conversion(target, overflow, unsigned);
}
