using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.Emit;

namespace TorchSharp.Fx.Tests.Cil;

/// <summary>Where instructions start, from the runtime's own table of codes.</summary>
internal static class ReferenceDecoder
{
    private static readonly Dictionary<ushort, OpCode> Codes = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!)
        .ToDictionary(c => (ushort)c.Value);

    public static int OperandSize(OpCode code) => code.OperandType switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        _ => 4,
    };

    /// <summary>The offsets of all instructions, a prefix counted as part of the one that follows.</summary>
    public static IEnumerable<int> Offsets(byte[] il)
    {
        var afterPrefix = false;
        for (var at = 0; at < il.Length;)
        {
            if (!afterPrefix) yield return at;
            var code = il[at] == 0xFE ? Codes[(ushort)(0xFE00 | il[at + 1])] : Codes[il[at]];
            at += code.Size;
            var targets = code.OperandType == OperandType.InlineSwitch ? BinaryPrimitives.ReadInt32LittleEndian(il.AsSpan(at)) : 0;
            at += OperandSize(code) + 4 * targets;
            afterPrefix = code.OpCodeType == OpCodeType.Prefix;
        }
    }
}
