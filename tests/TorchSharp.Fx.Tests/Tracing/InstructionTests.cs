using System.Reflection;
using System.Reflection.Emit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>
/// Every arithmetic instruction on every stack type, written one by one: the interpreter, and a graph that it recorded, give what the CLR gives, or
/// throw what the CLR throws.
/// </summary>
public sealed class InstructionTests
{
    private static readonly OpCode[] Binary = [OpCodes.Add, OpCodes.Sub, OpCodes.Mul, OpCodes.Div, OpCodes.Rem, OpCodes.Ceq, OpCodes.Cgt, OpCodes.Clt, OpCodes.Cgt_Un, OpCodes.Clt_Un];

    private static readonly OpCode[] BinaryOfIntegers =
    [
        OpCodes.Add_Ovf, OpCodes.Add_Ovf_Un, OpCodes.Sub_Ovf, OpCodes.Sub_Ovf_Un, OpCodes.Mul_Ovf, OpCodes.Mul_Ovf_Un, OpCodes.Div_Un, OpCodes.Rem_Un,
        OpCodes.And, OpCodes.Or, OpCodes.Xor,
    ];

    private static readonly OpCode[] Branches =
    [
        OpCodes.Beq, OpCodes.Bge, OpCodes.Bge_Un, OpCodes.Bgt, OpCodes.Bgt_Un, OpCodes.Ble, OpCodes.Ble_Un, OpCodes.Blt, OpCodes.Blt_Un, OpCodes.Bne_Un,
    ];

    private static readonly Dictionary<OpCode, Type> Conversions = new()
    {
        [OpCodes.Conv_I1] = typeof(int), [OpCodes.Conv_U1] = typeof(int), [OpCodes.Conv_I2] = typeof(int), [OpCodes.Conv_U2] = typeof(int),
        [OpCodes.Conv_I4] = typeof(int), [OpCodes.Conv_U4] = typeof(int), [OpCodes.Conv_I8] = typeof(long), [OpCodes.Conv_U8] = typeof(long),
        [OpCodes.Conv_I] = typeof(nint), [OpCodes.Conv_U] = typeof(nint), [OpCodes.Conv_R4] = typeof(float), [OpCodes.Conv_R8] = typeof(double),
        [OpCodes.Conv_Ovf_I1] = typeof(int), [OpCodes.Conv_Ovf_U1] = typeof(int), [OpCodes.Conv_Ovf_I2] = typeof(int), [OpCodes.Conv_Ovf_U2] = typeof(int),
        [OpCodes.Conv_Ovf_I4] = typeof(int), [OpCodes.Conv_Ovf_U4] = typeof(int), [OpCodes.Conv_Ovf_I8] = typeof(long), [OpCodes.Conv_Ovf_U8] = typeof(long),
        [OpCodes.Conv_Ovf_I] = typeof(nint), [OpCodes.Conv_Ovf_U] = typeof(nint),
        [OpCodes.Conv_Ovf_I1_Un] = typeof(int), [OpCodes.Conv_Ovf_U1_Un] = typeof(int), [OpCodes.Conv_Ovf_I2_Un] = typeof(int), [OpCodes.Conv_Ovf_U2_Un] = typeof(int),
        [OpCodes.Conv_Ovf_I4_Un] = typeof(int), [OpCodes.Conv_Ovf_U4_Un] = typeof(int), [OpCodes.Conv_Ovf_I8_Un] = typeof(long), [OpCodes.Conv_Ovf_U8_Un] = typeof(long),
        [OpCodes.Conv_Ovf_I_Un] = typeof(nint), [OpCodes.Conv_Ovf_U_Un] = typeof(nint),
    };

    [Theory]
    [InlineData(typeof(int))]
    [InlineData(typeof(long))]
    [InlineData(typeof(nint))]
    [InlineData(typeof(float))]
    [InlineData(typeof(double))]
    public void Binary_operations_and_comparisons(Type type)
    {
        var floating = type == typeof(float) || type == typeof(double);
        foreach (var op in floating ? Binary : [.. Binary, .. BinaryOfIntegers])
            Compare(type, op.Name!.StartsWith('c') ? typeof(int) : type, il => il.Emit(op), pair: true, op.Name);
        foreach (var op in Branches)
            Compare(type, typeof(int), il => Branch(il, op), pair: true, op.Name!, symbols: false);
    }

    [Theory]
    [InlineData(typeof(int))]
    [InlineData(typeof(long))]
    [InlineData(typeof(nint))]
    public void Shifts_and_complements(Type type)
    {
        var mask = type == typeof(int) ? 31 : 63;
        foreach (var op in new[] { OpCodes.Shl, OpCodes.Shr, OpCodes.Shr_Un })
            Compare(type, type, il =>
            {
                il.Emit(OpCodes.Conv_I4);
                il.Emit(OpCodes.Ldc_I4, mask);
                il.Emit(OpCodes.And);
                il.Emit(op);
            }, pair: true, op.Name!);
        foreach (var op in new[] { OpCodes.Neg, OpCodes.Not })
            Compare(type, type, il => il.Emit(op), pair: false, op.Name!);
    }

    [Theory]
    [InlineData(typeof(int))]
    [InlineData(typeof(long))]
    [InlineData(typeof(nint))]
    [InlineData(typeof(float))]
    [InlineData(typeof(double))]
    public void Conversions_of(Type type)
    {
        foreach (var (op, result) in Conversions)
            Compare(type, result, il => il.Emit(op), pair: false, op.Name!);
        Compare(type, typeof(double), il =>
        {
            il.Emit(OpCodes.Conv_R_Un);
            il.Emit(OpCodes.Conv_R8);
        }, pair: false, "conv.r.un", symbols: type != typeof(float) && type != typeof(double));
        if (type == typeof(float) || type == typeof(double))
            Compare(type, type, il => il.Emit(OpCodes.Ckfinite), pair: false, "ckfinite", symbols: false);
    }

    private static void Branch(ILGenerator il, OpCode op)
    {
        var taken = il.DefineLabel();
        il.Emit(op, taken);
        il.Emit(OpCodes.Ldc_I4_0);
        il.Emit(OpCodes.Ret);
        il.MarkLabel(taken);
        il.Emit(OpCodes.Ldc_I4_1);
    }

    [Fact]
    public void Native_integers_beside_int32()
    {
        foreach (var op in Binary.Concat(BinaryOfIntegers))
            Compare(typeof(nint), op.Name!.StartsWith('c') ? typeof(int) : typeof(nint), il => Narrowed(il, op), pair: true, op.Name, symbols: false);
        foreach (var op in Branches)
            Compare(typeof(nint), typeof(int), il => { il.Emit(OpCodes.Conv_I4); Branch(il, op); }, pair: true, op.Name!, symbols: false);

        static void Narrowed(ILGenerator il, OpCode op)
        {
            il.Emit(OpCodes.Conv_I4);
            il.Emit(op);
        }
    }

    [Theory]
    [InlineData(typeof(int))]
    [InlineData(typeof(long))]
    public void A_shift_s_count_may_be_a_native_integer(Type type)
    {
        foreach (var op in new[] { OpCodes.Shl, OpCodes.Shr, OpCodes.Shr_Un })
            Compare(type, type, il => Shifted(il, op), pair: true, op.Name!, symbols: false);

        static void Shifted(ILGenerator il, OpCode op)
        {
            il.Emit(OpCodes.Conv_I4);
            il.Emit(OpCodes.Ldc_I4_S, (sbyte)31);
            il.Emit(OpCodes.And);
            il.Emit(OpCodes.Conv_I);
            il.Emit(op);
        }
    }

    [Fact]
    public void Small_variables_keep_their_width()
    {
        foreach (var type in new[] { typeof(bool), typeof(byte), typeof(sbyte), typeof(short), typeof(char) })
            Compare(typeof(int), typeof(int), il => Kept(il, type), pair: false, type.Name, symbols: false);

        static void Kept(ILGenerator il, Type type)
        {
            var local = il.DeclareLocal(type);
            il.Emit(OpCodes.Stloc, local);
            il.Emit(OpCodes.Ldloc, local);
        }
    }

    private static void Compare(Type operand, Type result, Action<ILGenerator> emit, bool pair, string op, bool symbols = true)
    {
        var method = Written(operand, result, emit, pair);
        var recorded = symbols ? Recorded(method, operand, result, pair) : [];
        foreach (var values in Values(operand, pair))
        {
            var expected = Outcome(() => method.Invoke(null, BindingFlags.DoNotWrapExceptions, null, values, null));
            var what = $"{op} of {operand.Name} {string.Join(", ", values)}";
            Same(expected, Outcome(() => Interpreted(method, values)), what);
            foreach (var run in recorded)
                Same(expected, Outcome(() => run(values)), what + " in a graph");
        }
    }

    private static void Same(object? expected, object? actual, string what)
        => Assert.True(Equals(expected, actual), $"{what}: the CLR gives {expected} ({expected?.GetType().Name}), here it is {actual} ({actual?.GetType().Name}).");

    /// <summary>The result, or the type of the exception.</summary>
    private static object? Outcome(Func<object?> run)
    {
        try
        {
            return run() is var result && result is double and 0 or float and 0 ? $"{result} {double.IsNegative(System.Convert.ToDouble(result))}" : result;
        }
        catch (NodeExecutionException exception)
        {
            return exception.InnerException!.GetType();
        }
        catch (Exception exception)
        {
            return exception.GetType();
        }
    }

    private static object? Interpreted(MethodInfo method, object[] values)
    {
        var interpreter = new Interpreter(new Tracer(), new Graph(), nn.Identity());
        var result = interpreter.Run(method, Array.ConvertAll(values, value => interpreter.ToValue(value, value.GetType())));
        return interpreter.ToObject(result, method.ReturnType);
    }

    private sealed class Applied<T, TResult>(Func<T, T, TResult> operation) : nn.Module("Applied")
    {
        public TResult forward(T a, T b) => operation(a, b);
    }

    private sealed class Applied1<T, TResult>(Func<T, TResult> operation) : nn.Module("Applied")
    {
        public TResult forward(T a) => operation(a);
    }

    /// <summary>A graph of the method, as both ways to run it.</summary>
    private static Func<object[], object?>[] Recorded(MethodInfo method, Type operand, Type result, bool pair)
    {
        Type[] arguments = pair ? [operand, operand, result] : [operand, result];
        var function = (pair ? typeof(Func<,,>) : typeof(Func<,>)).MakeGenericType(arguments);
        var module = (nn.Module)Activator.CreateInstance((pair ? typeof(Applied<,>) : typeof(Applied1<,>)).MakeGenericType(operand, result), method.CreateDelegate(function))!;
        var graph = new Tracer().trace(module);
        var interpreter = new GraphInterpreter(module, graph);
        var compiled = new GraphModule(module, graph);
        return [values => interpreter.run(values), values => compiled.call(values)];
    }

    private static MethodInfo Written(Type operand, Type result, Action<ILGenerator> emit, bool pair)
    {
        var assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Written"), AssemblyBuilderAccess.RunAndCollect);
        var type = assembly.DefineDynamicModule("Written").DefineType("T");
        var method = type.DefineMethod("M", MethodAttributes.Public | MethodAttributes.Static, result, pair ? [operand, operand] : [operand]);
        var il = method.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        if (pair)
            il.Emit(OpCodes.Ldarg_1);
        emit(il);
        il.Emit(OpCodes.Ret);
        return type.CreateType().GetMethod("M")!;
    }

    private static IEnumerable<object[]> Values(Type type, bool pair)
    {
        var values = Samples(type).ToArray();
        return pair ? values.SelectMany(a => values.Select(b => new[] { a, b })) : values.Select(a => new[] { a });
    }

    private static IEnumerable<object> Samples(Type type)
    {
        var random = new Random(3);
        double[] floating = [0, -0.0, 1, -1, 0.5, -0.5, 2.9, -2.9, 127.5, 128, 255.9, 256, -129, 65535.5, 2147483647, 2147483648, -2147483649, 4294967296, 9.2233720368547758e18, 1.8446744073709552e19, -1e19, 1e30, 1e300, double.NaN, double.PositiveInfinity, double.NegativeInfinity, random.NextDouble() * 1e9];
        long[] whole = [0, 1, -1, 2, 7, -7, 31, 64, 127, 128, 255, 256, -128, -129, 32767, 32768, 65535, 65536, int.MaxValue, int.MinValue, int.MaxValue + 1L, uint.MaxValue, uint.MaxValue + 1L, long.MaxValue, long.MinValue, random.NextInt64(), -random.NextInt64(), (long)1e15 + 1];
        return type == typeof(float) ? floating.Select(value => (object)(float)value)
            : type == typeof(double) ? floating.Select(value => (object)value)
            : type == typeof(int) ? whole.Select(value => (object)unchecked((int)value))
            : type == typeof(long) ? whole.Select(value => (object)value)
            : whole.Select(value => (object)(nint)value);
    }
}
