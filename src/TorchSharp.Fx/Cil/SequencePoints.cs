using System.Reflection;

namespace TorchSharp.Fx.Cil;

/// <summary>Which IL offsets of one method come from which line.</summary>
internal sealed class SequencePoints(int[] offsets, SourceLine[] lines)
{
    private static readonly SequencePoints None = new([], []);

    public static SequencePoints Of(MethodBase method) => Pdb.Of(method.Module)?.SequencePointsOf(method) ?? None;

    /// <summary>The line of the nearest visible sequence point at or before an IL offset.</summary>
    public SourceLine? At(int offset)
    {
        var i = Array.BinarySearch(offsets, offset);
        if (i < 0) i = ~i - 1;
        return i < 0 ? null : lines[i];
    }
}
