using System.Reflection;
using System.Reflection.Emit;

namespace TorchSharp.Fx.Fuzz;

/// <summary>A generated method in CIL: what ECMA-335 allows and the C# compiler never writes, such as fault blocks, falling through cases, native integers mixed with int32, unsigned branches on NaN.</summary>
internal sealed class ILProgram
{
    /// <summary>The parameters; a local of each type follows in the same order, then an array.</summary>
    internal static readonly Type[] Types = [typeof(int), typeof(long), typeof(float), typeof(double), typeof(nint), typeof(byte), typeof(sbyte), typeof(short), typeof(char), typeof(uint), typeof(ulong), typeof(bool), typeof(nuint)];

    private const int Depth = 4, FuelLocal = 13, ArrayLocal = 14;

    private readonly Random random;
    private readonly ILWriter il;
    private readonly ILExpressions expressions;

    private ILProgram(int seed, MethodBuilder method)
    {
        random = new Random(seed);
        var generator = method.GetILGenerator();
        foreach (var type in Types)
            generator.DeclareLocal(type);
        generator.DeclareLocal(typeof(int));
        generator.DeclareLocal(typeof(int[]));
        generator.DeclareLocal(typeof(object[]));
        // Behind a branch, the generator's own count of the stack's depth forgets what lies below.
        for (var i = 0; i < 64; i++)
            generator.Emit(OpCodes.Ldnull);
        for (var i = 0; i < 64; i++)
            generator.Emit(OpCodes.Pop);
        il = new(generator);
        expressions = new(il, random, ArrayLocal);
    }

    /// <summary>Writes the method and returns its listing.</summary>
    internal static string Write(int seed, MethodBuilder method)
    {
        var program = new ILProgram(seed, method);
        program.Body();
        return program.il.Listing;
    }

    /// <summary>An assembly with a type IL and a method for each seed.</summary>
    internal static Builds Compile(int[] seeds)
    {
        var stream = new MemoryStream();
        var assembly = Define(out var type);
        foreach (var seed in seeds)
            Write(seed, Method(type, seed));
        type.CreateType();
        assembly.Save(stream);
        stream.Position = 0;
        return new(stream);
    }

    internal static string Listing(int seed)
    {
        Define(out var type);
        return Write(seed, Method(type, seed));
    }

    private static PersistedAssemblyBuilder Define(out TypeBuilder type)
    {
        var assembly = new PersistedAssemblyBuilder(new AssemblyName("FuzzIL"), typeof(object).Assembly);
        type = assembly.DefineDynamicModule("FuzzIL").DefineType("IL", TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed);
        return assembly;
    }

    private static MethodBuilder Method(TypeBuilder type, int seed)
    {
        var method = type.DefineMethod($"R{seed}", MethodAttributes.Public | MethodAttributes.Static, typeof(object[]), Types);
        // Where it optimises, .NET 10 loses what a protected block stores before an expression that can only throw, such as conv.ovf.i4 of the constant 1e30.
        method.SetImplementationFlags(MethodImplAttributes.NoOptimization);
        return method;
    }

    private void Body()
    {
        for (var i = 0; i < Types.Length; i++)
        {
            il.Emit(OpCodes.Ldarg, i);
            il.Emit(OpCodes.Stloc, i);
        }
        il.Emit(OpCodes.Ldc_I4_S, 30);
        il.Emit(OpCodes.Stloc, FuelLocal);
        il.Emit(OpCodes.Ldc_I4_4);
        il.Emit(OpCodes.Newarr, typeof(int));
        il.Emit(OpCodes.Stloc, ArrayLocal);
        // What goes wrong is caught, so that what was done before it can be seen.
        il.Try();
        Statements(random.Next(4, 9), 3);
        il.Catch(typeof(ArithmeticException));
        il.Emit(OpCodes.Pop);
        Increment(FuelLocal, 1000);
        il.EndTry();
        Result();
    }

    private void Result()
    {
        il.Emit(OpCodes.Ldc_I4, 2 * Types.Length + 2);
        il.Emit(OpCodes.Newarr, typeof(object));
        il.Emit(OpCodes.Stloc, ArrayLocal + 1);
        for (var i = 0; i < Types.Length; i++)
        {
            Item(2 * i, OpCodes.Ldloc, i, Types[i]);
            Item(2 * i + 1, OpCodes.Ldarg, i, Types[i]);
        }
        Item(2 * Types.Length, OpCodes.Ldloc, FuelLocal, typeof(int));
        Item(2 * Types.Length + 1, OpCodes.Ldloc, ArrayLocal, null);
        il.Emit(OpCodes.Ldloc, ArrayLocal + 1);
        il.Emit(OpCodes.Ret);
    }

    private void Item(int index, OpCode load, int variable, Type? boxed)
    {
        il.Emit(OpCodes.Ldloc, ArrayLocal + 1);
        il.Emit(OpCodes.Ldc_I4, index);
        il.Emit(load, variable);
        if (boxed is not null)
            il.Emit(OpCodes.Box, boxed);
        il.Emit(OpCodes.Stelem_Ref);
    }

    private void Statements(int count, int depth)
    {
        for (var i = 0; i < count; i++)
            Statement(depth);
    }

    private void Statement(int depth)
    {
        switch (depth == 0 ? random.Next(3) : random.Next(10))
        {
            case 0 or 1: Assign(); break;
            case 2: Element(); break;
            case 3: Branch(depth); break;
            case 4: FallThrough(depth); break;
            case 5: Loop(depth); break;
            case 6: Caught(depth); break;
            case 7: Left(depth); break;
            case 8: Cleaned(depth); break;
            default: Rethrown(depth); break;
        }
    }

    private void Assign()
    {
        var variable = random.Next(Types.Length);
        expressions.Push(ILExpressions.KindOf(Types[variable]), Depth);
        il.Emit(random.Next(3) == 0 ? OpCodes.Starg : OpCodes.Stloc, variable);
    }

    private void Element()
    {
        il.Emit(OpCodes.Ldloc, ArrayLocal);
        expressions.Index();
        expressions.Push(ILKind.Int32, Depth);
        if (random.Next(2) == 0)
            il.Emit(OpCodes.Stelem_I4);
        else
            il.Emit(OpCodes.Stelem, typeof(uint));
    }

    private void Branch(int depth)
    {
        var (otherwise, end) = (il.NewTarget(), il.NewTarget());
        expressions.JumpIf(otherwise, 2);
        Statements(random.Next(1, 3), depth - 1);
        il.Emit(OpCodes.Br, end);
        il.Mark(otherwise);
        Statements(random.Next(1, 3), depth - 1);
        il.Mark(end);
    }

    /// <summary>A switch whose cases run on into the next.</summary>
    private void FallThrough(int depth)
    {
        var cases = Enumerable.Range(0, random.Next(1, 4)).Select(_ => il.NewTarget()).ToArray();
        expressions.Push(ILKind.Int32, 2);
        if (random.Next(2) == 0)
        {
            il.Emit(OpCodes.Ldc_I4_3);
            il.Emit(OpCodes.And);
        }
        il.Emit(OpCodes.Switch, cases);
        Statement(depth - 1);
        foreach (var target in cases)
        {
            il.Mark(target);
            Statement(depth - 1);
        }
    }

    private void Loop(int depth)
    {
        var (again, end) = (il.NewTarget(), il.NewTarget());
        il.Mark(again);
        Increment(FuelLocal, -1);
        il.Emit(OpCodes.Ldloc, FuelLocal);
        il.Emit(OpCodes.Ldc_I4_0);
        il.Emit(OpCodes.Ble, end);
        Statements(random.Next(1, 3), depth - 1);
        expressions.JumpIf(again, 2);
        il.Mark(end);
    }

    private void Caught(int depth)
    {
        il.Try();
        Statements(random.Next(1, 3), depth - 1);
        il.Catch(random.Next(3) switch { 0 => typeof(OverflowException), 1 => typeof(DivideByZeroException), _ => typeof(ArithmeticException) });
        il.Emit(OpCodes.Pop);
        Statement(depth - 1);
        if (random.Next(2) == 0)
        {
            il.Catch(typeof(Exception));
            il.Emit(OpCodes.Pop);
        }
        il.EndTry();
    }

    /// <summary>Leaves two protected blocks at once, through a finally block.</summary>
    private void Left(int depth)
    {
        var (skip, end) = (il.NewTarget(), il.NewTarget());
        il.Try();
        il.Try();
        expressions.JumpIf(skip, 2);
        il.Emit(OpCodes.Leave, end);
        il.Mark(skip);
        Statement(depth - 1);
        if (random.Next(2) == 0)
            il.Finally();
        else
            il.Fault();
        Assign();
        il.EndTry();
        Statement(depth - 1);
        il.Finally();
        Assign();
        il.EndTry();
        Statement(depth - 1);
        il.Mark(end);
    }

    private void Cleaned(int depth)
    {
        il.Try();
        Statements(random.Next(1, 3), depth - 1);
        if (random.Next(2) == 0)
            il.Finally();
        else
            il.Fault();
        Statement(depth - 1);
        il.EndTry();
    }

    private void Rethrown(int depth)
    {
        var enough = il.NewTarget();
        il.Try();
        il.Try();
        Statement(depth - 1);
        expressions.JumpIf(enough, 2);
        il.Emit(OpCodes.Newobj, typeof(InvalidOperationException).GetConstructor([])!);
        il.Emit(OpCodes.Throw);
        il.Mark(enough);
        il.Catch(typeof(Exception));
        il.Emit(OpCodes.Pop);
        Assign();
        il.Emit(OpCodes.Rethrow);
        il.EndTry();
        il.Catch(typeof(InvalidOperationException));
        il.Emit(OpCodes.Pop);
        Statement(depth - 1);
        il.EndTry();
    }

    private void Increment(int local, int by)
    {
        il.Emit(OpCodes.Ldloc, local);
        il.Emit(OpCodes.Ldc_I4, by);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Stloc, local);
    }
}
