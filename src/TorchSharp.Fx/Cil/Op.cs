namespace TorchSharp.Fx.Cil;

/// <summary>
/// The canonical instruction set: ECMA-335 partition III with short forms, macro forms and typed variants folded into one
/// instruction each. Each line names the operand; "Index" is <see cref="Instruction.Index"/>, everything else
/// <see cref="Instruction.Operand"/>.
/// </summary>
internal enum Op : byte
{
    /// <summary>An encoding that means nothing; never in a decoded body.</summary>
    Unused,
    /// <summary>No operand.</summary>
    Nop,
    /// <summary>No operand.</summary>
    Break,

    /// <summary>Index: argument number, <c>this</c> included.</summary>
    Ldarg,
    /// <summary>Index: argument number, <c>this</c> included.</summary>
    Ldarga,
    /// <summary>Index: argument number, <c>this</c> included.</summary>
    Starg,
    /// <summary>Index: local number.</summary>
    Ldloc,
    /// <summary>Index: local number.</summary>
    Ldloca,
    /// <summary>Index: local number.</summary>
    Stloc,

    /// <summary>No operand.</summary>
    Ldnull,
    /// <summary>Index: the value.</summary>
    LdcI4,
    /// <summary>The value, a boxed <see cref="long"/>.</summary>
    LdcI8,
    /// <summary>The value, a boxed <see cref="float"/>.</summary>
    LdcR4,
    /// <summary>The value, a boxed <see cref="double"/>.</summary>
    LdcR8,
    /// <summary>The <see cref="string"/>.</summary>
    Ldstr,

    /// <summary>No operand.</summary>
    Dup,
    /// <summary>No operand.</summary>
    Pop,
    /// <summary><see cref="System.Reflection.MethodBase"/>.</summary>
    Jmp,
    /// <summary><see cref="CallSite"/>; call and callvirt both, see <see cref="CallSite.IsVirtual"/>.</summary>
    Call,
    /// <summary>The signature, a <c>byte[]</c>.</summary>
    Calli,
    /// <summary><see cref="CallSite"/>.</summary>
    Newobj,
    /// <summary>No operand.</summary>
    Ret,

    /// <summary>Index: target.</summary>
    Br,
    /// <summary>Index: target.</summary>
    BrFalse,
    /// <summary>Index: target.</summary>
    BrTrue,
    /// <summary>Index: target.</summary>
    Beq,
    /// <summary>Index: target.</summary>
    BneUn,
    /// <summary>Index: target.</summary>
    Bge,
    /// <summary>Index: target.</summary>
    BgeUn,
    /// <summary>Index: target.</summary>
    Bgt,
    /// <summary>Index: target.</summary>
    BgtUn,
    /// <summary>Index: target.</summary>
    Ble,
    /// <summary>Index: target.</summary>
    BleUn,
    /// <summary>Index: target.</summary>
    Blt,
    /// <summary>Index: target.</summary>
    BltUn,
    /// <summary>The targets, an <c>int[]</c> of instruction indices.</summary>
    Switch,

    /// <summary>No operand.</summary>
    Add,
    /// <summary>No operand.</summary>
    AddOvf,
    /// <summary>No operand.</summary>
    AddOvfUn,
    /// <summary>No operand.</summary>
    Sub,
    /// <summary>No operand.</summary>
    SubOvf,
    /// <summary>No operand.</summary>
    SubOvfUn,
    /// <summary>No operand.</summary>
    Mul,
    /// <summary>No operand.</summary>
    MulOvf,
    /// <summary>No operand.</summary>
    MulOvfUn,
    /// <summary>No operand.</summary>
    Div,
    /// <summary>No operand.</summary>
    DivUn,
    /// <summary>No operand.</summary>
    Rem,
    /// <summary>No operand.</summary>
    RemUn,
    /// <summary>No operand.</summary>
    And,
    /// <summary>No operand.</summary>
    Or,
    /// <summary>No operand.</summary>
    Xor,
    /// <summary>No operand.</summary>
    Shl,
    /// <summary>No operand.</summary>
    Shr,
    /// <summary>No operand.</summary>
    ShrUn,
    /// <summary>No operand.</summary>
    Neg,
    /// <summary>No operand.</summary>
    Not,
    /// <summary>No operand.</summary>
    Ceq,
    /// <summary>No operand.</summary>
    Cgt,
    /// <summary>No operand.</summary>
    CgtUn,
    /// <summary>No operand.</summary>
    Clt,
    /// <summary>No operand.</summary>
    CltUn,
    /// <summary>A boxed <see cref="Conversion"/>.</summary>
    Conv,
    /// <summary>No operand.</summary>
    Ckfinite,

    /// <summary><see cref="Type"/>; ldind.* too, where ldind.ref has <c>typeof(object)</c>.</summary>
    Ldobj,
    /// <summary><see cref="Type"/>; stind.* too, where stind.ref has <c>typeof(object)</c>.</summary>
    Stobj,
    /// <summary><see cref="Type"/>.</summary>
    Cpobj,
    /// <summary><see cref="Type"/>.</summary>
    Initobj,
    /// <summary><see cref="Type"/>.</summary>
    Sizeof,
    /// <summary>No operand.</summary>
    Cpblk,
    /// <summary>No operand.</summary>
    Initblk,
    /// <summary>No operand.</summary>
    Localloc,

    /// <summary><see cref="Type"/>.</summary>
    Castclass,
    /// <summary><see cref="Type"/>.</summary>
    Isinst,
    /// <summary><see cref="Type"/>.</summary>
    Unbox,
    /// <summary><see cref="Type"/>.</summary>
    UnboxAny,
    /// <summary><see cref="Type"/>.</summary>
    Box,

    /// <summary><see cref="System.Reflection.FieldInfo"/>.</summary>
    Ldfld,
    /// <summary><see cref="System.Reflection.FieldInfo"/>.</summary>
    Ldflda,
    /// <summary><see cref="System.Reflection.FieldInfo"/>.</summary>
    Stfld,
    /// <summary><see cref="System.Reflection.FieldInfo"/>.</summary>
    Ldsfld,
    /// <summary><see cref="System.Reflection.FieldInfo"/>.</summary>
    Ldsflda,
    /// <summary><see cref="System.Reflection.FieldInfo"/>.</summary>
    Stsfld,

    /// <summary><see cref="Type"/> of the elements.</summary>
    Newarr,
    /// <summary>No operand.</summary>
    Ldlen,
    /// <summary><see cref="Type"/> of the element.</summary>
    Ldelema,
    /// <summary><see cref="Type"/> of the element; ldelem.ref has <c>typeof(object)</c>.</summary>
    Ldelem,
    /// <summary><see cref="Type"/> of the element; stelem.ref has <c>typeof(object)</c>.</summary>
    Stelem,

    /// <summary><see cref="Type"/>, <see cref="System.Reflection.MethodBase"/> or <see cref="System.Reflection.FieldInfo"/>.</summary>
    Ldtoken,
    /// <summary><see cref="System.Reflection.MethodBase"/>.</summary>
    Ldftn,
    /// <summary><see cref="System.Reflection.MethodBase"/>.</summary>
    Ldvirtftn,

    /// <summary>No operand.</summary>
    Throw,
    /// <summary>No operand.</summary>
    Rethrow,
    /// <summary>Index: target.</summary>
    Leave,
    /// <summary>No operand; endfault has the same encoding.</summary>
    EndFinally,
    /// <summary>No operand.</summary>
    EndFilter,

    /// <summary>No operand.</summary>
    Arglist,
    /// <summary><see cref="Type"/>.</summary>
    Mkrefany,
    /// <summary><see cref="Type"/>.</summary>
    Refanyval,
    /// <summary>No operand.</summary>
    Refanytype,
}
