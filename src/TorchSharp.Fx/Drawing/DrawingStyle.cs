namespace TorchSharp.Fx.Drawing;

/// <summary>The measures of a picture, in pixels.</summary>
internal static class DrawingStyle
{
    internal const string Font = "Inter, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif";
    internal const double TitleSize = 12, DetailSize = 11, LabelSize = 9.5;
    internal const double BoxHeight = 24, TextPadding = 10, TextGap = 6, Corner = 5;
    internal const double FramePadding = 12, FrameTitle = 18;

    /// <summary>The least distance of two boxes beside each other, and of two lines.</summary>
    internal const double BoxGap = 22, LineGap = 12;

    /// <summary>The distance of two layers: more where lines go far sideways.</summary>
    internal const double LayerGap = 18, WidestLayerGap = 80, Slope = 0.12;

    internal const double LabelHeight = 11;

    internal const double Margin = 20, LegendHeight = 28;
}
