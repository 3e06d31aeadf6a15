namespace TorchSharp.Fx.Drawing;

/// <summary>
/// The layout of one module: boxes in layers, each line from one layer to the next. A module inside is laid out first and is one box here.
/// The method is Sugiyama's: layers by the longest path, an order within each that crosses few lines, then coordinates.
/// </summary>
internal sealed class Level
{
    private readonly List<Link> links = [];

    private Level(ModulePart module, string detail, Func<Part, LayoutBox> boxOf)
    {
        Entries = module.Inputs.ToDictionary(value => value, _ => new Port());
        Exits = module.Outputs.ToDictionary(value => value, _ => new Port());
        var boxes = module.Parts.Select(boxOf).ToArray();
        Connect(module, boxes);
        AssignLayers(boxes);
        Layers = Split([.. Entries.Values, .. boxes, .. Exits.Values]);
        Crossings.Reduce(Layers, links);
        Columns.Assign(Layers, [.. links, .. Axis()]);
        Width = Centre(TextWidth.Of(module.Path, DrawingStyle.DetailSize) + TextWidth.OfDetail(detail));
        Rows = new Rows(Layers, links, module.Depth == 0 ? 0 : DrawingStyle.FrameTitle);
    }

    internal IReadOnlyDictionary<Node, Port> Entries { get; }

    internal IReadOnlyDictionary<Node, Port> Exits { get; }

    /// <summary>The boxes from top to bottom and from left to right; first come the entries, last the exits.</summary>
    internal IReadOnlyList<List<LayoutBox>> Layers { get; }

    internal IReadOnlyList<Link> Links => links;

    internal Rows Rows { get; }

    internal double Width { get; }

    /// <summary>Lays out a module.</summary>
    /// <param name="module">The module.</param>
    /// <param name="captions">What is written on boxes.</param>
    /// <param name="isOpen">Whether to look into a module inside.</param>
    internal static Level Of(ModulePart module, Captions captions, Func<ModulePart, bool> isOpen)
        => new(module, captions.ClassOf(module), part => part switch
    {
        NodePart { Node: var node } => new TextBox(part, captions.Of(node, module), part.Outputs.Count > 0 ? captions.ShapeOf(node) : null),
        ModulePart inner when isOpen(inner) => new FrameBox(inner, captions.ClassOf(inner), Of(inner, captions, isOpen)),
        ModulePart closed => new TextBox(part, captions.Of(closed), closed.Outputs is [var result] ? captions.ShapeOf(result) : null),
        _ => throw new InvalidOperationException($"Unknown part {part.GetType().Name}."),
    });

    private void Connect(ModulePart module, LayoutBox[] boxes)
    {
        var makers = Entries.ToDictionary(entry => entry.Key, entry => (LayoutBox)entry.Value);
        foreach (var (part, box) in module.Parts.Zip(boxes))
        {
            foreach (var value in part.Inputs)
                links.Add(new(makers[value], box, value));
            foreach (var value in part.Outputs)
                makers[value] = box;
        }
        foreach (var (value, exit) in Exits)
            links.Add(new(makers[value], exit, value));
    }

    /// <summary>
    /// Where one value goes in and one comes out, both want to be on one axis, so that modules in a row stand below each other.
    /// </summary>
    private IEnumerable<Link> Axis()
        => Entries.Count == 1 && Exits.Count == 1 ? [new(Entries.Values.Single(), Exits.Values.Single(), Entries.Keys.Single())] : [];

    /// <summary>Each box below all that it reads; one that reads nothing, such as a parameter, just above its first reader.</summary>
    private void AssignLayers(LayoutBox[] boxes)
    {
        var (sources, readers) = (links.ToLookup(link => link.To), links.ToLookup(link => link.From));
        foreach (var box in boxes)
            box.Layer = 1 + sources[box].Select(link => link.From.Layer).DefaultIfEmpty(0).Max();
        foreach (var box in boxes.Where(box => !sources.Contains(box) && readers.Contains(box)))
            box.Layer = Math.Max(1, readers[box].Min(link => link.To is Port ? 1 : link.To.Layer) - 1);
        var last = 1 + boxes.Select(box => box.Layer).DefaultIfEmpty(0).Max();
        foreach (var exit in Exits.Values)
            exit.Layer = last;
    }

    /// <summary>
    /// Puts boxes into their layers and a bend into every layer that a line passes. All lines of one value share their bends.
    /// </summary>
    private List<List<LayoutBox>> Split(LayoutBox[] boxes)
    {
        var layers = Enumerable.Range(0, 1 + boxes.Select(box => box.Layer).DefaultIfEmpty(0).Max()).Select(_ => new List<LayoutBox>())
            .ToList();
        foreach (var box in boxes)
            layers[box.Layer].Add(box);
        var whole = links.GroupBy(link => (link.From, link.Value)).ToArray();
        links.Clear();
        foreach (var lines in whole)
        {
            var at = lines.Key.From;
            for (var layer = at.Layer + 1; layer <= lines.Max(line => line.To.Layer); layer++)
            {
                links.AddRange(lines.Where(line => line.To.Layer == layer).Select(line => line with { From = at }));
                if (lines.All(line => line.To.Layer <= layer))
                    break;
                var bend = new Bend { Layer = layer };
                layers[layer].Add(bend);
                links.Add(new(at, bend, lines.Key.Value));
                at = bend;
            }
        }
        return layers;
    }

    /// <summary>Leaves the frame's padding left and right, and makes it wide enough for its title.</summary>
    private double Centre(double titleWidth)
    {
        var boxes = Layers.SelectMany(layer => layer).ToArray();
        var left = boxes.Select(box => box.X - box.Left).DefaultIfEmpty(0).Min();
        var content = boxes.Select(box => box.X + box.Right).DefaultIfEmpty(0).Max() - left;
        var width = Math.Max(content, titleWidth);
        foreach (var box in boxes)
            box.X += DrawingStyle.FramePadding + (width - content) / 2 - left;
        return width + 2 * DrawingStyle.FramePadding;
    }
}
