using System.Globalization;
using System.Xml.Linq;
using static TorchSharp.Fx.Drawing.SvgElements;

namespace TorchSharp.Fx.Drawing;

/// <summary>
/// A profile as a picture: a row for each level of modules, the nodes below the modules they run in, as wide as they take time, from left
/// to right in order of execution. The colours follow the reader's light or dark theme.
/// </summary>
internal sealed class FlameGraph
{
    private const double Width = 1200, RowHeight = 20, Gap = 1, Heading = 26;

    private readonly GraphProfile profile;
    private readonly Captions captions;
    private readonly Dictionary<Node, NodeTime> times;

    // The operations that take most have a colour each; the others share one.
    private readonly List<IGrouping<string, NodeTime>> operations;
    private readonly List<XElement> boxes = [];

    private FlameGraph(GraphProfile profile)
    {
        this.profile = profile;
        captions = new(profile.Root);
        times = profile.nodes.ToDictionary(time => time.node);
        operations = [.. profile.nodes.GroupBy(time => time.operation).OrderByDescending(TimeOf).Take(FlamePalette.Hues)];
    }

    internal static string Of(GraphProfile profile, string name) => new FlameGraph(profile).Draw(name);

    private string Draw(string name)
    {
        var root = ModulePart.Of(profile.nodes[0].node.graph, times.ContainsKey);
        Draw(root, name, 0, 0);
        var rows = boxes.Max(box => int.Parse(box.Attribute("data-row")!.Value, CultureInfo.InvariantCulture)) + 1;
        var legend = Legend().ToArray();
        var legendTop = DrawingStyle.Margin + Heading + rows * (RowHeight + Gap) + 14;
        var (width, height) =
            (Width + 2 * DrawingStyle.Margin,
                legendTop + (legend.Length / 2 + LegendColumns - 1) / LegendColumns * RowHeight + DrawingStyle.Margin);
        var svg = Element("svg",
            ("width", width), ("height", height), ("viewBox", string.Create(CultureInfo.InvariantCulture, $"0 0 {width:0.#} {height:0.#}")),
            ("font-family", DrawingStyle.Font), ("font-size", DrawingStyle.DetailSize));
        svg.Add(
            Text("title", name), Text("style", FlamePalette.Css),
            Element("rect", ("width", "100%"), ("height", "100%"), ("class", "page")),
            Text("text", $"{name}: {Milliseconds(profile.total)}, medians of {profile.nodes[0].times.Count} calls",
                ("x", DrawingStyle.Margin), ("y", DrawingStyle.Margin + DrawingStyle.TitleSize), ("font-size", DrawingStyle.TitleSize)),
            Moved(DrawingStyle.Margin, DrawingStyle.Margin + Heading, boxes),
            Moved(DrawingStyle.Margin, legendTop, legend));
        return new XDocument(svg).ToString() + "\n";
    }

    /// <summary>A module and, below it, what runs in it.</summary>
    /// <returns>Where it ends.</returns>
    private double Draw(ModulePart module, string title, int row, double left)
    {
        var right = left;
        foreach (var part in module.Parts)
            right = part is ModulePart inner
                ? Draw(inner, captions.Of(inner).Title, row + 1, right) : Draw(module, (NodePart)part, row + 1, right);
        var time = module.Nodes.Sum(node => times[node].median);
        var path = module.Path.Length == 0 ? title : module.Name;
        Add(title, $"{path} {captions.ClassOf(module)}".TrimEnd(), time, "module", row, left, right);
        return right;
    }

    private double Draw(ModulePart around, NodePart part, int row, double left)
    {
        var time = times[part.Node];
        var right = left + (profile.total > 0 ? Width * time.median / profile.total : 0);
        var kind = operations.FindIndex(group => group.Key == time.operation);
        var place = part.Node.origin is { } origin ? $"\n{origin}" : "";
        Add(captions.Of(part.Node, around).Title, $"{part.Node.name} {time.operation}", time.median, kind < 0 ? "other" : $"hue{kind}", row,
            left, right, place);
        return right;
    }

    private void Add(string title, string about, double time, string kind, int row, double left, double right, string place = "")
    {
        var share = profile.total > 0 ? time / profile.total : 0;
        var group = Element("g", ("class", kind), ("data-row", row.ToString(CultureInfo.InvariantCulture)));
        group.Add(
            Text("title", string.Create(CultureInfo.InvariantCulture, $"{about}\n{Milliseconds(time)}, {100 * share:0.0}%{place}")),
            Element("rect", ("x", left), ("y", row * (RowHeight + Gap)), ("width", Math.Max(right - left - Gap, 0.3)),
                ("height", RowHeight), ("rx", 2)));
        if (Fitting(title, right - left - 8) is { Length: > 0 } text)
            group.Add(Text("text", text, ("x", left + 4), ("y", row * (RowHeight + Gap) + RowHeight / 2 + DrawingStyle.DetailSize * 0.35)));
        boxes.Add(group);
    }

    /// <summary>As much of a text as there is room for; nothing where that would be next to nothing.</summary>
    private static string Fitting(string text, double room)
    {
        if (TextWidth.Of(text, DrawingStyle.DetailSize) <= room)
            return text;
        var length = text.Length;
        while (length > 0 && TextWidth.Of(text[..length], DrawingStyle.DetailSize) + DrawingStyle.DetailSize > room)
            length--;
        return length < 3 ? "" : text[..length] + "…";
    }

    private const int LegendColumns = 4;

    private IEnumerable<XElement> Legend()
    {
        var rest = profile.total - operations.Sum(TimeOf);
        var entries = operations.Select((group, kind) => (Kind: $"hue{kind}", Name: group.Key, Time: TimeOf(group)));
        if (profile.nodes.Select(node => node.operation).Distinct().Count() > operations.Count)
            entries = entries.Append((Kind: "other", Name: "others", Time: rest));
        foreach (var (position, (kind, name, time)) in entries.Index())
        {
            var (x, y) = (position % LegendColumns * Width / LegendColumns, position / LegendColumns * RowHeight);
            yield return Element("rect", ("x", x), ("y", y), ("width", 12), ("height", 12), ("rx", 3), ("class", kind));
            yield return Text("text",
                string.Create(CultureInfo.InvariantCulture,
                    $"{name}  {Milliseconds(time)}, {(profile.total > 0 ? 100 * time / profile.total : 0):0.0}%"), ("x", x + 18),
                    ("y", y + 10));
        }
    }

    private static double TimeOf(IEnumerable<NodeTime> group) => group.Sum(time => time.median);

    private static string Milliseconds(double time) => time.ToString("0.###", CultureInfo.InvariantCulture) + " ms";
}
