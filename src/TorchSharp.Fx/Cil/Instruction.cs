namespace TorchSharp.Fx.Cil;

/// <summary>One canonical CIL instruction; <see cref="Cil.Op"/> says which operand each has.</summary>
internal readonly struct Instruction(Op op, int offset, int index, object? operand)
{
    public readonly Op Op = op;

    /// <summary>The IL offset of the instruction, its prefixes included.</summary>
    public readonly int Offset = offset;

    /// <summary>
    /// An argument or local number, a branch target as an index into <see cref="MethodIL.Instructions"/>, or an int32 constant.
    /// </summary>
    public readonly int Index = index;

    /// <summary>The member or type that the instruction refers to; <see cref="Unresolved"/> if that could not be loaded.</summary>
    public readonly object? Operand = operand;

    /// <summary>The operand as a <typeparamref name="T"/>.</summary>
    /// <exception cref="TypeLoadException">The member or type that the instruction refers to could not be loaded.</exception>
    public T Get<T>() => Operand is Unresolved missing ? throw missing.ToException() : (T)Operand!;

    public override string ToString() => $"IL_{Offset:x4} {Op} {Operand ?? Index}";
}

/// <summary>
/// The conversion of a conv instruction: to which type, whether it checks for overflow, and whether it takes its operand for unsigned.
/// </summary>
internal readonly record struct Conversion(Type Target, bool Overflow, bool Unsigned);

/// <summary>An operand that could not be loaded: an error only once the instruction is executed.</summary>
internal sealed record Unresolved(string Message, Exception? Cause = null)
{
    public TypeLoadException ToException() => new(Message, Cause);
}
