namespace TorchSharp.Fx.Explorers;

/// <summary>Where everything of a graph is on the page, in pixels of the unmagnified picture: the layout of <c>to_svg</c>, flat.</summary>
internal sealed class GraphLayout
{
    private readonly GraphView view;

    /// <param name="view">The graph.</param>
    /// <param name="open">The names of the modules that are opened.</param>
    internal GraphLayout(GraphView view, IReadOnlySet<string> open)
    {
        this.view = view;
        var level = Level.Of(view.Parts, new Captions(view.Module), module => open.Contains(module.Name));
        (Width, Height) = (level.Width, level.Rows.Height);
        Add(level, 0, 0);
    }

    public double Width { get; }

    public double Height { get; }

    /// <summary>Nodes, and modules that are not opened.</summary>
    public List<object> Boxes { get; } = [];

    /// <summary>Opened modules, those outside first.</summary>
    public List<object> Frames { get; } = [];

    /// <summary>
    /// Where a line starts, leaves its layer, arrives at the next and ends: x, y, y, x, y, y; then 1 where it has an arrow.
    /// </summary>
    public List<double[]> Lines { get; } = [];

    private void Add(Level level, double left, double top)
    {
        foreach (var link in level.Links)
            Lines.Add(Line(level, link, left, top));
        foreach (var box in level.Layers.SelectMany(layer => layer))
        {
            var (x, y) = (left + box.X - box.Left, top + box.Y);
            if (box is TextBox text)
                Boxes.Add(BoxOf(text, x, y));
            else if (box is FrameBox frame)
            {
                Frames.Add(new
                {
                    name = frame.Module.Name, title = frame.Module.Path, detail = frame.Detail, depth = frame.Module.Depth, x = Round(x),
                    y = Round(y),
                    w = Round(box.Left + box.Right), h = Round(box.Height),
                });
                Add(frame.Level, x, y);
            }
        }
    }

    private object BoxOf(TextBox text, double x, double y)
    {
        var (kind, name) = text.Part is NodePart { Node: var node } ? (node.op.ToString(), view.NameOf(node))
            : ("module", ((ModulePart)text.Part).Name);
        return new
        {
            name, kind, title = text.Title, detail = text.Detail, label = text.Label, x = Round(x), y = Round(y), w = Round(2 * text.Left),
            h = Round(text.Height),
        };
    }

    private static double[] Line(Level level, Link link, double left, double top)
    {
        var first = link.From is Port ? link.From.Y : link.From.Y + link.From.Height;
        var last = link.To is Port or Bend ? link.To.Y + link.To.Height : link.To.Y;
        return [Round(left + link.Start), Round(top + first), Round(top + level.Rows.Bottom(link.From.Layer)), Round(left + link.End),
            Round(top + level.Rows.Top(link.To.Layer)), Round(top + last), link.To is TextBox ? 1 : 0];
    }

    private static double Round(double number) => Math.Round(number, 1);
}
