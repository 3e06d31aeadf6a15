namespace TorchSharp.Fx.Drawing;

/// <summary>The colours of a picture: one pair for each kind of node.</summary>
internal static class Palette
{
    internal const string Text = "#1f2933", Muted = "#61707f", Edge = "#7b8794", Background = "#ffffff";

    private static readonly string[] FrameFills = ["#f6f7f9", "#eceff3"];

    internal static string Fill(Opcode op) => op switch
    {
        Opcode.placeholder => "#d3f0dd",
        Opcode.get_attr => "#fbe9b7",
        Opcode.call_function => "#d6e6fb",
        Opcode.call_method => "#cdeeee",
        Opcode.call_module => "#e3dcf7",
        _ => "#fbd9d3",
    };

    internal static string Line(Opcode op) => op switch
    {
        Opcode.placeholder => "#4c9a6a",
        Opcode.get_attr => "#b58b1b",
        Opcode.call_function => "#4f7fbf",
        Opcode.call_method => "#3a9191",
        Opcode.call_module => "#7f68bd",
        _ => "#c0604d",
    };

    /// <summary>Frames alternate, so that one inside another stands out.</summary>
    internal static string FrameFill(int depth) => FrameFills[(depth + 1) % FrameFills.Length];

    internal const string FrameLine = "#c5ccd4";
}
