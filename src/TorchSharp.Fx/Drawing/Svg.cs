using System.Globalization;
using System.Xml.Linq;
using static TorchSharp.Fx.Drawing.SvgElements;

namespace TorchSharp.Fx.Drawing;

/// <summary>
/// A graph as a picture that needs no other file: modules are frames, nodes are boxes, values are lines from top to bottom.
/// </summary>
internal static class Svg
{
    internal static string Of(ModulePart module, string name, Captions captions, Func<ModulePart, bool> isOpen)
    {
        var level = Level.Of(module, captions, isOpen);
        var kinds = module.Nodes.Select(node => node.op).Distinct().Order().ToArray();
        var (width, height) =
            (Math.Max(level.Width, LegendWidth(kinds)) + 2 * DrawingStyle.Margin,
                level.Rows.Height + DrawingStyle.LegendHeight + 2 * DrawingStyle.Margin);
        var svg = Element("svg",
            ("width", width), ("height", height), ("viewBox", $"0 0 {Number(width)} {Number(height)}"), ("font-family", DrawingStyle.Font),
            ("font-size", DrawingStyle.DetailSize));
        svg.Add(
            Text("title", name), Arrow(),
            Element("rect", ("width", "100%"), ("height", "100%"), ("fill", Palette.Background)),
            Moved((width - LegendWidth(kinds)) / 2, DrawingStyle.Margin, Legend(kinds)),
            Moved((width - level.Width) / 2, DrawingStyle.Margin + DrawingStyle.LegendHeight, Content(level)));
        return new XDocument(svg).ToString() + "\n";
    }

    private static IEnumerable<XElement> Content(Level level) =>
    [
        .. level.Links.Select(link => Line(level, link)),
        .. level.Layers.SelectMany(layer => layer).SelectMany<LayoutBox, XElement>(box => box switch
        {
            TextBox text => Draw(text),
            FrameBox frame => [Draw(frame)],
            _ => [],
        }),
    ];

    /// <summary>Straight within a layer, so that it touches nothing there, and bent between two.</summary>
    private static XElement Line(Level level, Link link)
    {
        var (start, end) = (link.Start, link.End);
        var (leave, arrive) = (level.Rows.Bottom(link.From.Layer), level.Rows.Top(link.To.Layer));
        var middle = (leave + arrive) / 2;
        var bend = Math.Abs(start - end) < 0.1
            ? "" : string.Create(CultureInfo.InvariantCulture,
                $"V{leave:0.#}C{start:0.#} {middle:0.#} {end:0.#} {middle:0.#} {end:0.#} {arrive:0.#}");
        var first = link.From is Port ? link.From.Y : link.From.Y + link.From.Height;
        var last = link.To is Port or Bend ? link.To.Y + link.To.Height : link.To.Y;
        var path = string.Create(CultureInfo.InvariantCulture, $"M{start:0.#} {first:0.#}{bend}V{last:0.#}");
        var line = Element("path", ("d", path), ("fill", "none"), ("stroke", Palette.Edge), ("data-value", link.Value.name));
        if (link.To is TextBox)
            line.Add(new XAttribute("marker-end", "url(#arrow)"));
        return line;
    }

    private static IEnumerable<XElement> Draw(TextBox box)
    {
        var (name, tooltip, op) = box.Part switch
        {
            NodePart { Node: var node } =>
                (node.name, node.origin is { } origin ? $"{node.format_node()}\n{origin}" : node.format_node(), node.op),
            ModulePart module => (module.Name, string.Join('\n', module.Nodes.Select(node => node.format_node())), Opcode.call_module),
            _ => throw new InvalidOperationException($"Unknown part {box.Part.GetType().Name}."),
        };
        var group = Element("g", ("id", name));
        group.Add(
            Text("title", tooltip),
            Element("rect", ("x", box.X - box.Left), ("y", box.Y), ("width", 2 * box.Left), ("height", box.Height),
                ("rx", DrawingStyle.Corner), ("fill", Palette.Fill(op)), ("stroke", Palette.Line(op))),
            Caption(box));
        yield return group;
        if (box.Label is { } label)
            yield return Text("text", label, ("x", box.X + DrawingStyle.TextGap), ("y", box.Y + box.Height + DrawingStyle.LabelSize + 1),
                ("font-size", DrawingStyle.LabelSize), ("fill", Palette.Muted));
    }

    private static XElement Caption(TextBox box)
    {
        var text = Element("text", ("x", box.X), ("y", box.Y + box.Height / 2 + DrawingStyle.TitleSize * 0.35), ("text-anchor", "middle"),
            ("fill", Palette.Text));
        text.Add(Text("tspan", box.Title, ("font-size", DrawingStyle.TitleSize)));
        if (box.Detail.Length > 0)
            text.Add(Text("tspan", box.Detail, ("dx", DrawingStyle.TextGap), ("fill", Palette.Muted)));
        return text;
    }

    /// <summary>The title hides the line that may pass behind it.</summary>
    private static XElement Draw(FrameBox box)
    {
        var fill = Palette.FrameFill(box.Module.Depth);
        var frame = Moved(box.X - box.Left, box.Y);
        frame.Add(
            new XAttribute("data-module", box.Module.Path),
            Element("rect", ("width", box.Left + box.Right), ("height", box.Height), ("rx", DrawingStyle.Corner), ("fill", fill),
                ("stroke", Palette.FrameLine)),
            Content(box.Level),
            Element("rect", ("x", 4), ("y", 3),
                ("width", TextWidth.Of(box.Module.Path, DrawingStyle.DetailSize) + TextWidth.OfDetail(box.Detail) + 8),
                ("height", DrawingStyle.FrameTitle - 4), ("fill", fill)));
        var caption = Text("text", box.Module.Path, ("x", 8), ("y", DrawingStyle.DetailSize + 4), ("fill", Palette.Text));
        caption.Add(Text("tspan", box.Detail, ("dx", DrawingStyle.TextGap), ("fill", Palette.Muted)));
        frame.Add(caption);
        return frame;
    }

    private static double LegendWidth(Opcode[] kinds) => kinds.Sum(LegendWidth);

    private static double LegendWidth(Opcode kind) => TextWidth.Of(kind.ToString(), DrawingStyle.DetailSize) + 32;

    private static IEnumerable<XElement> Legend(Opcode[] kinds)
    {
        var x = 0.0;
        foreach (var kind in kinds)
        {
            yield return Element("rect", ("x", x), ("width", 12), ("height", 12), ("rx", 3), ("fill", Palette.Fill(kind)),
                ("stroke", Palette.Line(kind)));
            yield return Text("text", kind.ToString(), ("x", x + 18), ("y", 10), ("fill", Palette.Muted));
            x += LegendWidth(kind);
        }
    }

    private static XElement Arrow()
    {
        var marker =
            Element("marker", ("id", "arrow"), ("viewBox", "0 0 8 8"), ("refX", 7.5), ("refY", 4), ("markerWidth", 6), ("markerHeight", 6),
                ("orient", "auto"));
        marker.Add(Element("path", ("d", "M0 0.8L8 4L0 7.2z"), ("fill", Palette.Edge)));
        var definitions = Element("defs");
        definitions.Add(marker);
        return definitions;
    }
}
