using System.Reflection.Emit;

namespace TorchSharp.Fx.Fuzz;

/// <summary>The numeric types of CIL's stack (ECMA-335 III.1.1).</summary>
internal enum ILKind
{
    Int32,
    Int64,
    NativeInt,
    Single,
    Double,
}

/// <summary>Random values on the stack.</summary>
internal sealed class ILExpressions(ILWriter il, Random random, int arrayLocal)
{
    private static readonly OpCode[] Integral = [OpCodes.Add, OpCodes.Sub, OpCodes.Mul, OpCodes.And, OpCodes.Or, OpCodes.Xor, OpCodes.Add_Ovf, OpCodes.Add_Ovf_Un, OpCodes.Sub_Ovf, OpCodes.Sub_Ovf_Un, OpCodes.Mul_Ovf, OpCodes.Mul_Ovf_Un, OpCodes.Div, OpCodes.Div_Un, OpCodes.Rem, OpCodes.Rem_Un];
    private static readonly OpCode[] Floating = [OpCodes.Add, OpCodes.Sub, OpCodes.Mul, OpCodes.Div, OpCodes.Rem];
    private static readonly OpCode[] Shifts = [OpCodes.Shl, OpCodes.Shr, OpCodes.Shr_Un];
    private static readonly OpCode[] Comparisons = [OpCodes.Ceq, OpCodes.Cgt, OpCodes.Cgt_Un, OpCodes.Clt, OpCodes.Clt_Un];
    private static readonly OpCode[] Jumps = [OpCodes.Beq, OpCodes.Bne_Un, OpCodes.Bge, OpCodes.Bge_Un, OpCodes.Bgt, OpCodes.Bgt_Un, OpCodes.Ble, OpCodes.Ble_Un, OpCodes.Blt, OpCodes.Blt_Un];

    private static readonly Dictionary<ILKind, OpCode[]> Conversions = new()
    {
        [ILKind.Int32] = [OpCodes.Conv_I1, OpCodes.Conv_U1, OpCodes.Conv_I2, OpCodes.Conv_U2, OpCodes.Conv_I4, OpCodes.Conv_U4],
        [ILKind.Int64] = [OpCodes.Conv_I8, OpCodes.Conv_U8], [ILKind.NativeInt] = [OpCodes.Conv_I, OpCodes.Conv_U], [ILKind.Single] = [OpCodes.Conv_R4], [ILKind.Double] = [OpCodes.Conv_R8],
    };

    private static readonly Dictionary<ILKind, OpCode[]> CheckedConversions = new()
    {
        [ILKind.Int32] = [OpCodes.Conv_Ovf_I1, OpCodes.Conv_Ovf_U1, OpCodes.Conv_Ovf_I2, OpCodes.Conv_Ovf_U2, OpCodes.Conv_Ovf_I4, OpCodes.Conv_Ovf_U4],
        [ILKind.Int64] = [OpCodes.Conv_Ovf_I8, OpCodes.Conv_Ovf_U8], [ILKind.NativeInt] = [OpCodes.Conv_Ovf_I, OpCodes.Conv_Ovf_U],
    };

    private static readonly Dictionary<ILKind, OpCode[]> UnsignedConversions = new()
    {
        [ILKind.Int32] = [OpCodes.Conv_Ovf_I1_Un, OpCodes.Conv_Ovf_U1_Un, OpCodes.Conv_Ovf_I2_Un, OpCodes.Conv_Ovf_U2_Un, OpCodes.Conv_Ovf_I4_Un, OpCodes.Conv_Ovf_U4_Un],
        [ILKind.Int64] = [OpCodes.Conv_Ovf_I8_Un, OpCodes.Conv_Ovf_U8_Un], [ILKind.NativeInt] = [OpCodes.Conv_Ovf_I_Un, OpCodes.Conv_Ovf_U_Un],
    };

    internal static ILKind KindOf(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Int64 or TypeCode.UInt64 => ILKind.Int64,
        TypeCode.Single => ILKind.Single,
        TypeCode.Double => ILKind.Double,
        _ => type == typeof(nint) || type == typeof(nuint) ? ILKind.NativeInt : ILKind.Int32,
    };

    /// <summary>A value of a kind.</summary>
    internal void Push(ILKind kind, int depth)
    {
        if (depth == 0 || random.Next(6) == 0)
            Leaf(kind);
        else if (kind is ILKind.Single or ILKind.Double)
            PushFloating(kind, depth - 1);
        else
            PushInteger(kind, depth - 1);
    }

    /// <summary>A valid index of the array.</summary>
    internal void Index()
    {
        Push(ILKind.Int32, 1);
        il.Emit(OpCodes.Ldc_I4_3);
        il.Emit(OpCodes.And);
    }

    /// <summary>Goes to a target under some condition.</summary>
    internal void JumpIf(ILWriter.Target target, int depth)
    {
        var kind = Any();
        Push(kind, depth);
        if (kind is not (ILKind.Single or ILKind.Double) && random.Next(4) == 0)
        {
            il.Emit(random.Next(2) == 0 ? OpCodes.Brtrue : OpCodes.Brfalse, target);
            return;
        }
        Push(kind, depth);
        il.Emit(Of(Jumps), target);
    }

    private void Leaf(ILKind kind)
    {
        if (random.Next(3) == 0)
        {
            Constant(kind);
            return;
        }
        var fitting = Enumerable.Range(0, ILProgram.Types.Length).Where(i => KindOf(ILProgram.Types[i]) == kind).ToArray();
        var variable = Of(fitting);
        switch (random.Next(3))
        {
            case 0: il.Emit(OpCodes.Ldarg, variable); break;
            case 1: il.Emit(OpCodes.Ldloc, variable); break;
            default:
                il.Emit(OpCodes.Ldloca, variable);
                if (random.Next(3) == 0)
                    il.Emit(OpCodes.Volatile);
                il.Emit(OpCodes.Ldobj, ILProgram.Types[variable]);
                break;
        }
    }

    private void Constant(ILKind kind)
    {
        switch (kind)
        {
            case ILKind.Int32: il.Emit(OpCodes.Ldc_I4, Of<int>([0, 1, -1, 2, 7, 31, 255, -128, 65536, int.MaxValue, int.MinValue])); break;
            case ILKind.Int64: il.Emit(OpCodes.Ldc_I8, Of<long>([0, 1, -1, 3, 63, uint.MaxValue, long.MaxValue, long.MinValue])); break;
            case ILKind.NativeInt: il.Emit(OpCodes.Ldc_I4, Of<int>([1, -1, 5, int.MinValue])); il.Emit(random.Next(2) == 0 ? OpCodes.Conv_I : OpCodes.Conv_U); break;
            case ILKind.Single: il.Emit(OpCodes.Ldc_R4, Of<double>([0, 1, -2.5, 1e30, float.NaN, float.NegativeInfinity])); break;
            default: il.Emit(OpCodes.Ldc_R8, Of<double>([-0.0, 1, 0.1, -3e9, 1e300, double.NaN, double.PositiveInfinity])); break;
        }
    }

    private void PushInteger(ILKind kind, int depth)
    {
        switch (random.Next(kind == ILKind.Int32 ? 11 : 8))
        {
            case 0 or 1: Push(kind, depth); Operand(kind, depth); il.Emit(Of(Integral)); break;
            case 2: Push(kind, depth); Count(kind); il.Emit(Of(Shifts)); break;
            case 3: Push(kind, depth); il.Emit(random.Next(2) == 0 ? OpCodes.Neg : OpCodes.Not); break;
            case 4: Push(Any(), depth); il.Emit(Of(Conversions[kind])); break;
            case 5: Push(Any(), depth); il.Emit(Of(CheckedConversions[kind])); break;
            case 6: Push(Of<ILKind>([ILKind.Int32, ILKind.Int64, ILKind.NativeInt]), depth); il.Emit(Of(UnsignedConversions[kind])); break;
            case 7: Chosen(kind, depth); break;
            case 8: Compared(depth); break;
            case 9: il.Emit(OpCodes.Ldloc, arrayLocal); Index(); il.Emit(Of<OpCode>([OpCodes.Ldelem_I4, OpCodes.Ldelem_U4])); break;
            default: il.Emit(OpCodes.Sizeof, Of(ILProgram.Types)); break;
        }
    }

    private void PushFloating(ILKind kind, int depth)
    {
        switch (random.Next(6))
        {
            case 0 or 1: Push(kind, depth); Push(kind == ILKind.Double && random.Next(4) == 0 ? ILKind.Single : kind, depth); il.Emit(Of(Floating)); break;
            case 2: Push(kind, depth); il.Emit(OpCodes.Neg); break;
            case 3: Push(Any(), depth); il.Emit(Of(Conversions[kind])); break;
            case 4: Push(Of<ILKind>([ILKind.Int32, ILKind.Int64, ILKind.NativeInt]), depth); il.Emit(OpCodes.Conv_R_Un); il.Emit(Of(Conversions[kind])); break;
            default: Chosen(kind, depth); if (random.Next(3) == 0) il.Emit(OpCodes.Ckfinite); break;
        }
    }

    /// <summary>The right operand: a native integer also combines with an int32.</summary>
    private void Operand(ILKind kind, int depth) => Push(kind == ILKind.NativeInt && random.Next(3) == 0 ? ILKind.Int32 : kind, depth);

    /// <summary>A shift's count; one that is too large has no defined result (ECMA-335 III.3.58).</summary>
    private void Count(ILKind kind)
    {
        Push(ILKind.Int32, 1);
        il.Emit(OpCodes.Ldc_I4, kind == ILKind.Int32 ? 31 : 63);
        il.Emit(OpCodes.And);
        if (random.Next(4) == 0)
            il.Emit(OpCodes.Conv_I);
    }

    private void Compared(int depth)
    {
        var kind = Any();
        Push(kind, depth);
        Operand(kind, depth);
        il.Emit(Of(Comparisons));
    }

    /// <summary>One of two values, with others below them on the stack while it is chosen.</summary>
    private void Chosen(ILKind kind, int depth)
    {
        var (otherwise, end) = (il.NewTarget(), il.NewTarget());
        JumpIf(otherwise, 1);
        Push(kind, depth);
        il.Emit(OpCodes.Br, end);
        il.Mark(otherwise);
        Push(kind, depth);
        if (random.Next(3) == 0)
        {
            il.Emit(OpCodes.Dup);
            il.Emit(OpCodes.Pop);
        }
        il.Mark(end);
    }

    private ILKind Any() => (ILKind)random.Next(5);

    private T Of<T>(T[] choices) => choices[random.Next(choices.Length)];
}
