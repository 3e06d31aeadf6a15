using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace TorchSharp.Fx.Testing;

/// <summary>An SVG picture of a graph, read back: rectangles and lines in the picture's own coordinates.</summary>
internal sealed partial class SvgPicture
{
    private const double Rounding = 0.35;

    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    public SvgPicture(string svg)
    {
        var root = XDocument.Parse(svg).Root!;
        (Width, Height) = (Number(root, "width"), Number(root, "height"));
        Read(root, 0, 0);
    }

    public double Width { get; }

    public double Height { get; }

    /// <summary>The box of each node, by its name; of a module that is not opened, by its path.</summary>
    public Dictionary<string, Rectangle> Boxes { get; } = [];

    /// <summary>The frames of modules, outer ones before those inside.</summary>
    public List<(string Path, Rectangle Area)> Frames { get; } = [];

    /// <summary>The lines, each a list of points.</summary>
    public List<(string Value, Point[] Points, bool HasArrow)> Lines { get; } = [];

    public string TextOf(string name) => Texts[name];

    private Dictionary<string, string> Texts { get; } = [];

    /// <summary>Fails unless the picture shows just this graph in a way that can be read.</summary>
    public void AssertShows(Graph graph)
    {
        Assert.Equal(graph.nodes.Select(node => node.name).Order(), Boxes.Keys.Order());
        var page = new Rectangle(0, 0, Width, Height);
        Assert.All(Frames.Select(frame => frame.Area).Concat(Boxes.Values), area => Assert.True(page.Contains(area), $"{area} is off the page."));
        AssertApart();
        var lines = Lines.ToLookup(line => line.Value);
        foreach (var node in graph.nodes)
            foreach (var input in node.all_input_nodes)
                Assert.True(IsConnected([.. lines[input.name]], Boxes[input.name], Boxes[node.name]), $"No line leads '{input.name}' to '{node.name}'.");
        Assert.Equal(graph.nodes.Sum(node => node.all_input_nodes.Count), Lines.Count(line => line.HasArrow));
        AssertLinesPassBoxes();
    }

    /// <summary>Boxes don't touch; a frame holds a box or another frame whole or not at all.</summary>
    private void AssertApart()
    {
        foreach (var (index, (name, box)) in Boxes.Index())
        {
            foreach (var (other, _) in Boxes.Skip(index + 1).Where(other => box.Touches(other.Value)))
                Assert.Fail($"'{name}' and '{other}' overlap.");
            foreach (var (path, _) in Frames.Where(frame => frame.Area.Touches(box) && !frame.Area.Contains(box)))
                Assert.Fail($"'{name}' sticks out of '{path}'.");
        }
        foreach (var (index, (path, area)) in Frames.Index())
            foreach (var (other, _) in Frames.Skip(index + 1).Where(other => area.Touches(other.Area) && !area.Contains(other.Area)))
                Assert.Fail($"'{path}' and '{other}' overlap.");
    }

    /// <summary>Whether the pieces of a value's line lead from the bottom of one box to the top of another.</summary>
    private static bool IsConnected(List<(string Value, Point[] Points, bool HasArrow)> pieces, Rectangle from, Rectangle to)
    {
        Point[] reached = [new(from.Centre, from.Bottom)];
        while (pieces.Where(piece => reached.Any(point => point.IsNear(piece.Points[0]))).ToArray() is { Length: > 0 } next)
        {
            if (next.Any(piece => piece.HasArrow && piece.Points[^1].IsNear(new(to.Centre, to.Top))))
                return true;
            reached = [.. next.Select(piece => piece.Points[^1])];
            pieces.RemoveAll(next.Contains);
        }
        return false;
    }

    private void AssertLinesPassBoxes()
    {
        foreach (var (value, points, _) in Lines)
        {
            var (left, top) = (points.Min(point => point.X), points.Min(point => point.Y));
            var around = new Rectangle(left - 1, top - 1, points.Max(point => point.X) - left + 2, points.Max(point => point.Y) - top + 2);
            foreach (var (name, _) in Boxes.Where(box => box.Value.Touches(around) && points[1..^1].Any(box.Value.Holds)))
                Assert.Fail($"The line of '{value}' runs over '{name}'.");
        }
    }

    private void Read(XElement group, double x, double y)
    {
        if (group.Attribute("transform") is { } transform && Numbers().Matches(transform.Value) is [var dx, var dy])
            (x, y) = (x + Parse(dx.Value), y + Parse(dy.Value));
        foreach (var path in group.Elements(Svg + "path").Where(path => path.Attribute("data-value") is not null))
            Lines.Add((path.Attribute("data-value")!.Value, Points(path.Attribute("d")!.Value, x, y), path.Attribute("marker-end") is not null));
        if (group.Attribute("data-module") is { } module)
            Frames.Add((module.Value, Area(group, x, y)));
        if (group.Name == Svg + "g" && group.Attribute("id") is { } id)
        {
            Boxes.Add(id.Value, Area(group, x, y));
            Texts.Add(id.Value, string.Join(' ', group.Descendants(Svg + "tspan").Select(text => text.Value)));
        }
        foreach (var inner in group.Elements(Svg + "g"))
            Read(inner, x, y);
    }

    private static Rectangle Area(XElement group, double x, double y)
    {
        var area = group.Element(Svg + "rect")!;
        return new(x + Number(area, "x"), y + Number(area, "y"), Number(area, "width"), Number(area, "height"));
    }

    /// <summary>The points of a path of the commands M, V and C, and some along its curve.</summary>
    private static Point[] Points(string path, double x, double y)
    {
        var points = new List<Point>();
        foreach (Match command in Command().Matches(path))
        {
            var numbers = Numbers().Matches(command.Groups[2].Value).Select(number => Parse(number.Value)).ToArray();
            var last = points.LastOrDefault();
            if (command.Groups[1].Value == "M")
                points.Add(new(x + numbers[0], y + numbers[1]));
            else if (command.Groups[1].Value == "V")
                points.AddRange(Enumerable.Range(1, 8).Select(i => new Point(last.X, last.Y + (y + numbers[0] - last.Y) * i / 8)));
            else
                points.AddRange(Enumerable.Range(1, 16).Select(i => Curve(i / 16.0, last, new(x + numbers[0], y + numbers[1]), new(x + numbers[2], y + numbers[3]), new(x + numbers[4], y + numbers[5]))));
        }
        return [.. points];
    }

    private static Point Curve(double t, Point a, Point b, Point c, Point d)
    {
        var (u, v, w, z) = ((1 - t) * (1 - t) * (1 - t), 3 * t * (1 - t) * (1 - t), 3 * t * t * (1 - t), t * t * t);
        return new(u * a.X + v * b.X + w * c.X + z * d.X, u * a.Y + v * b.Y + w * c.Y + z * d.Y);
    }

    private static double Number(XElement element, string attribute) => element.Attribute(attribute) is { } value ? Parse(value.Value) : 0;

    private static double Parse(string number) => double.Parse(number, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"-?\d+(?:\.\d+)?")]
    private static partial Regex Numbers();

    [GeneratedRegex(@"([MVC])([^MVC]*)")]
    private static partial Regex Command();

    public readonly record struct Point(double X, double Y)
    {
        public bool IsNear(Point other) => Math.Abs(X - other.X) < Rounding && Math.Abs(Y - other.Y) < Rounding;
    }

    public readonly record struct Rectangle(double Left, double Top, double Width, double Height)
    {
        public double Right => Left + Width;

        public double Bottom => Top + Height;

        public double Centre => Left + Width / 2;

        public bool Contains(Rectangle other)
            => Left <= other.Left + Rounding && Top <= other.Top + Rounding && Right >= other.Right - Rounding && Bottom >= other.Bottom - Rounding;

        public bool Touches(Rectangle other) => Left < other.Right && other.Left < Right && Top < other.Bottom && other.Top < Bottom;

        public bool Holds(Point point) => point.X > Left + Rounding && point.X < Right - Rounding && point.Y > Top + Rounding && point.Y < Bottom - Rounding;
    }
}
