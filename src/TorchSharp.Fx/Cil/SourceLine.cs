namespace TorchSharp.Fx.Cil;

/// <summary>A line of C#, as a debugger would show it.</summary>
internal readonly record struct SourceLine(string File, int Line)
{
    // A PDB holds the path of the machine that compiled it, which may have been of the other kind.
    public override string ToString() => $"{File.AsSpan(File.LastIndexOfAny(['/', '\\']) + 1)}:{Line}";
}
