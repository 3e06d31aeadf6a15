namespace TorchSharp.Fx.Drawing;

/// <summary>
/// Something that a level of the layout places. It reaches <see cref="Left"/> and <see cref="Right"/> of a vertical axis, on which lines
/// come and go.
/// </summary>
internal abstract class LayoutBox
{
    internal double Left { get; private protected init; }

    internal double Right { get; private protected init; }

    /// <summary>How high it is; ports and bends are as high as their layer.</summary>
    internal double Height { get; set; }

    /// <summary>The layer it is in, counted from the top.</summary>
    internal int Layer { get; set; }

    /// <summary>Its place in the layer, counted from the left.</summary>
    internal int Order { get; set; }

    /// <summary>Where the axis is, in the level's coordinates.</summary>
    internal double X { get; set; }

    /// <summary>Where the upper edge is, in the level's coordinates.</summary>
    internal double Y { get; set; }

    /// <summary>Where a value enters, from the axis.</summary>
    internal virtual double EntryOf(Node value) => 0;

    /// <summary>Where a value leaves, from the axis.</summary>
    internal virtual double ExitOf(Node value) => 0;
}

/// <summary>A rectangle with a text: a node, or a module that is not opened.</summary>
internal sealed class TextBox : LayoutBox
{
    internal TextBox(Part part, (string Title, string Detail) text, string? label)
    {
        (Part, (Title, Detail), Label) = (part, text, label);
        Left = (TextWidth.Of(Title, DrawingStyle.TitleSize) + TextWidth.OfDetail(Detail)) / 2 + DrawingStyle.TextPadding;
        Right = Math.Max(Left, label is null ? 0 : DrawingStyle.TextGap + TextWidth.Of(label, DrawingStyle.LabelSize));
        Height = DrawingStyle.BoxHeight;
    }

    internal Part Part { get; }

    internal string Title { get; }

    internal string Detail { get; }

    /// <summary>The caption beside the line that leaves it; null for nothing.</summary>
    internal string? Label { get; }
}

/// <summary>A frame around a module's own level.</summary>
internal sealed class FrameBox : LayoutBox
{
    internal FrameBox(ModulePart module, string detail, Level level)
    {
        (Module, Detail, Level) = (module, detail, level);
        Left = Right = level.Width / 2;
        Height = level.Rows.Height;
    }

    internal ModulePart Module { get; }

    /// <summary>The module's class.</summary>
    internal string Detail { get; }

    internal Level Level { get; }

    internal override double EntryOf(Node value) => Level.Entries[value].X - Left;

    internal override double ExitOf(Node value) => Level.Exits[value].X - Left;
}

/// <summary>A point of a frame's border that a line goes through.</summary>
internal sealed class Port : LayoutBox;

/// <summary>A point that a line goes through on its way past a layer.</summary>
internal sealed class Bend : LayoutBox;

/// <summary>A line from one layer to the next: a value on its way from who makes it to who reads it.</summary>
internal sealed record Link(LayoutBox From, LayoutBox To, Node Value)
{
    internal double Start => From.X + From.ExitOf(Value);

    internal double End => To.X + To.EntryOf(Value);
}
