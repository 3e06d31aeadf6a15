using System.Reflection.Emit;
using System.Text;

namespace TorchSharp.Fx.Fuzz;

/// <summary>Emits instructions and lists them, so that a failure can show the program.</summary>
internal sealed class ILWriter(ILGenerator il)
{
    private readonly StringBuilder listing = new();
    private int labels;

    internal string Listing => listing.ToString();

    internal void Emit(OpCode code)
    {
        Note($"{code}");
        il.Emit(code);
    }

    internal void Emit(OpCode code, int operand)
    {
        Note($"{code} {operand}");
        if (code.OperandType == OperandType.InlineVar)
            il.Emit(code, (short)operand);
        else if (code.OperandType == OperandType.ShortInlineI)
            il.Emit(code, (sbyte)operand);
        else
            il.Emit(code, operand);
    }

    internal void Emit(OpCode code, long operand)
    {
        Note($"{code} {operand}L");
        il.Emit(code, operand);
    }

    internal void Emit(OpCode code, double operand)
    {
        Note($"{code} {operand:R}");
        if (code == OpCodes.Ldc_R4)
            il.Emit(code, (float)operand);
        else
            il.Emit(code, operand);
    }

    internal void Emit(OpCode code, Type operand)
    {
        Note($"{code} {operand.Name}");
        il.Emit(code, operand);
    }

    internal void Emit(OpCode code, System.Reflection.ConstructorInfo operand)
    {
        Note($"{code} {operand.DeclaringType!.Name}");
        il.Emit(code, operand);
    }

    internal void Emit(OpCode code, params Target[] targets)
    {
        Note($"{code} {string.Join(", ", targets)}");
        if (code == OpCodes.Switch)
            il.Emit(code, Array.ConvertAll(targets, target => target.Label));
        else
            il.Emit(code, targets[0].Label);
    }

    internal Target NewTarget() => new(il.DefineLabel(), $"L{labels++}");

    internal void Mark(Target target)
    {
        listing.AppendLine($"{target}:");
        il.MarkLabel(target.Label);
    }

    internal void Try()
    {
        Note(".try {");
        il.BeginExceptionBlock();
    }

    internal void Catch(Type type)
    {
        Note($"}} catch {type.Name} {{");
        il.BeginCatchBlock(type);
    }

    internal void Finally()
    {
        Note("} finally {");
        il.BeginFinallyBlock();
    }

    internal void Fault()
    {
        Note("} fault {");
        il.BeginFaultBlock();
    }

    internal void EndTry()
    {
        Note("}");
        il.EndExceptionBlock();
    }

    private void Note(string line) => listing.AppendLine("    " + line);

    /// <summary>A place to branch to.</summary>
    internal readonly record struct Target(Label Label, string Name)
    {
        public override string ToString() => Name;
    }
}
