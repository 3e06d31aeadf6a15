using System.Buffers.Binary;
using System.Reflection;

namespace TorchSharp.Fx.Cil;

/// <summary>Turns the bytes of one method body into canonical instructions.</summary>
internal sealed class Decoder(MethodIL il, MethodBody body)
{
    private const int NoInstruction = -1;

    private readonly byte[] code = body.GetILAsByteArray() ?? [];
    private readonly TokenScope scope = new(il.Method);
    private int position;
    private int start;
    private int constrainedToken;

    public (Instruction[], ExceptionRegion[]) Decode()
    {
        var instructions = new List<Instruction>(code.Length / 2 + 1);
        var indices = new int[code.Length + 1];
        Array.Fill(indices, NoInstruction);
        while (position < code.Length)
        {
            indices[position] = instructions.Count;
            instructions.Add(Next());
        }

        indices[code.Length] = instructions.Count;
        var decoded = instructions.ToArray();
        LinkBranches(decoded, indices);
        return (decoded, Regions(indices));
    }

    private Instruction Next()
    {
        start = position;
        constrainedToken = 0;
        while (SkipPrefix()) { }

        var first = ReadByte();
        var last = first == InstructionEncoding.TwoByteLead ? ReadByte() : first;
        var table = first == InstructionEncoding.TwoByteLead ? InstructionEncoding.TwoByte : InstructionEncoding.OneByte;
        var op = last < table.Length ? table[last] : Op.Unused;
        // The codes that fold are all of one byte; 0 stands for none of them.
        var macro = first == InstructionEncoding.TwoByteLead ? (byte)0 : first;
        return new Instruction(op, start, Index(op, macro), Operand(op, macro));
    }

    /// <summary>
    /// Only constrained. changes a result; the others are promises to a JIT about speed, tail calls, alignment and threads.
    /// </summary>
    private bool SkipPrefix()
    {
        if (position + 1 >= code.Length || code[position] != InstructionEncoding.TwoByteLead) return false;
        var prefix = code[position + 1];
        if (prefix is not (0x12 or 0x13 or 0x14 or 0x16 or 0x19 or 0x1E)) return false;

        position += 2;
        if (prefix is 0x12 or 0x19) ReadByte(); // unaligned., no.
        if (prefix is 0x16) constrainedToken = ReadInt32();
        return true;
    }

    private int Index(Op op, byte macro) => op switch
    {
        Op.Ldarg or Op.Ldarga or Op.Starg => Number(macro, il.ArgumentCount, "argument"),
        Op.Ldloc or Op.Ldloca or Op.Stloc => Number(macro, il.Locals.Length, "local"),
        Op.LdcI4 => macro switch { 0x1F => (sbyte)ReadByte(), 0x20 => ReadInt32(), _ => macro - 0x16 },
        >= Op.Br and <= Op.BltUn => macro <= 0x37 ? ShortTarget() : LongTarget(),
        Op.Leave => macro == 0xDE ? ShortTarget() : LongTarget(),
        _ => 0,
    };

    private object? Operand(Op op, byte macro) => op switch
    {
        Op.Unused => throw Malformed("is not an instruction"),
        Op.LdcI8 => ReadInt64(),
        Op.LdcR4 => BitConverter.Int32BitsToSingle(ReadInt32()),
        Op.LdcR8 => BitConverter.Int64BitsToDouble(ReadInt64()),
        Op.Conv => InstructionEncoding.ConversionOf(macro),
        Op.Call => new CallSite(scope, ReadInt32(), macro == 0x6F, false, constrainedToken),
        Op.Newobj => new CallSite(scope, ReadInt32(), false, true, 0),
        Op.Ldobj or Op.Stobj or Op.Ldelem or Op.Stelem => InstructionEncoding.ElementType(macro) ?? ReadType(),
        Op.Cpobj or Op.Initobj or Op.Sizeof or Op.Castclass or Op.Isinst or Op.Unbox or Op.UnboxAny or Op.Box
            or Op.Newarr or Op.Ldelema or Op.Mkrefany or Op.Refanyval => ReadType(),
        >= Op.Ldfld and <= Op.Stsfld => Resolve(static (s, t) => s.Field(t)),
        Op.Ldtoken => Resolve(static (s, t) => s.Member(t)),
        Op.Jmp or Op.Ldvirtftn => Resolve(static (s, t) => s.Method(t)),
        Op.Ldftn => FunctionPointer(),
        Op.Ldstr => Resolve(static (s, t) => s.String(t)),
        Op.Calli => Resolve(static (s, t) => s.Signature(t)),
        Op.Switch => SwitchTargets(),
        _ => null,
    };

    private int Number(byte macro, int count, string what)
    {
        var number = macro switch
        {
            0 => ReadUInt16(),
            <= 0x0D => (macro - 2) & 3, // ldarg.0 to stloc.3 are three runs of four
            _ => ReadByte(),
        };
        return number < count ? number : throw Malformed($"names {what} {number} of {count}");
    }

    private object ReadType() => Resolve(static (s, t) => s.Type(t));

    private object FunctionPointer()
    {
        var target = Resolve(static (s, t) => s.Method(t));
        return constrainedToken == 0
            ? target
            : new Unresolved($"{il} takes a delegate of a static interface member of a type parameter ({target}), which is not supported.");
    }

    private object Resolve(Func<TokenScope, int, object> resolve)
    {
        var token = ReadInt32();
        try
        {
            return resolve(scope, token);
        }
        catch (TypeLoadException e)
        {
            return new Unresolved(e.Message, e.InnerException);
        }
    }

    // Until all instructions are known, a target is an IL offset.
    private int ShortTarget() => (sbyte)ReadByte() + position;

    private int LongTarget() => ReadInt32() + position;

    private int[] SwitchTargets()
    {
        var count = ReadInt32();
        if (count < 0 || count > (code.Length - position) / 4) throw Malformed($"has {count} targets");
        var targets = new int[count];
        for (var i = 0; i < count; i++) targets[i] = ReadInt32();
        for (var i = 0; i < count; i++) targets[i] += position;
        return targets;
    }

    private void LinkBranches(Instruction[] instructions, int[] indices)
    {
        for (var i = 0; i < instructions.Length; i++)
        {
            ref var instruction = ref instructions[i];
            start = instruction.Offset;
            if (instruction.Op is (>= Op.Br and <= Op.BltUn) or Op.Leave)
                instruction = new Instruction(instruction.Op, start, Target(instruction.Index, indices), null);
            else if (instruction is { Op: Op.Switch, Operand: int[] targets })
                for (var t = 0; t < targets.Length; t++) targets[t] = Target(targets[t], indices);
        }
    }

    private int Target(int offset, int[] indices) =>
        (uint)offset < (uint)code.Length && indices[offset] is not NoInstruction and var index
            ? index
            : throw Malformed($"branches to 0x{offset:x}, where no instruction starts");

    private ExceptionRegion[] Regions(int[] indices)
    {
        var clauses = body.ExceptionHandlingClauses;
        var regions = new ExceptionRegion[clauses.Count];
        for (var i = 0; i < regions.Length; i++) regions[i] = Region(clauses[i], indices);
        return regions;
    }

    private ExceptionRegion Region(ExceptionHandlingClause clause, int[] indices)
    {
        var kind = clause.Flags switch
        {
            ExceptionHandlingClauseOptions.Filter => RegionKind.Filter,
            ExceptionHandlingClauseOptions.Finally => RegionKind.Finally,
            ExceptionHandlingClauseOptions.Fault => RegionKind.Fault,
            _ => RegionKind.Catch,
        };
        return new ExceptionRegion(
            kind,
            Boundary(clause.TryOffset, indices),
            Boundary(clause.TryOffset + clause.TryLength, indices),
            Boundary(clause.HandlerOffset, indices),
            Boundary(clause.HandlerOffset + clause.HandlerLength, indices),
            kind == RegionKind.Filter ? Boundary(clause.FilterOffset, indices) : -1,
            kind == RegionKind.Catch ? clause.CatchType : null);
    }

    private int Boundary(int offset, int[] indices)
    {
        start = offset;
        return (uint)offset < (uint)indices.Length && indices[offset] is not NoInstruction and var index
            ? index
            : throw Malformed("bounds a protected region but starts no instruction");
    }

    private byte ReadByte() => Take(1)[0];

    private ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    private int ReadInt32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    private long ReadInt64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > code.Length - position) throw Malformed("is cut short by the end of the body");
        position += count;
        return code.AsSpan(position - count, count);
    }

    private InvalidProgramException Malformed(string problem) =>
        new($"The CIL of {il} is malformed: the instruction at IL_{start:x4} {problem}.");
}
