using System.Globalization;
using System.Xml.Linq;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>Pictures with captions in rows, as an SVG file that holds them all.</summary>
/// <param name="title">What stands above.</param>
internal sealed class Figure(string title)
{
    private const int Height = 224, Gap = 12, Line = 18;

    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";
    private readonly List<XElement> content = [];
    private int width;
    private int bottom = Line + Gap;

    /// <summary>Adds a row of pictures of one height.</summary>
    /// <param name="caption">What stands above the row.</param>
    /// <param name="pictures">uint8 [3, H, W] each, with what stands below it.</param>
    internal void Row(string caption, params IReadOnlyList<(string Caption, Tensor Picture)> pictures)
    {
        content.Add(Text(Gap, bottom + Line - 4, caption, "bold"));
        bottom += Line;
        var left = Gap;
        foreach (var (below, picture) in pictures)
        {
            var wide = (int)Math.Round(Height * (double)picture.shape[2] / picture.shape[1]);
            content.Add(Element("image", ("x", left), ("y", bottom), ("width", wide), ("height", Height),
                ("style", "image-rendering: pixelated"),
                ("href", $"data:image/png;base64,{Convert.ToBase64String(io.encode_png(picture))}")));
            content.Add(Text(left, bottom + Height + Line - 4, below, "normal"));
            left += wide + Gap;
        }
        (width, bottom) = (Math.Max(width, left), bottom + Height + Line + Gap);
    }

    internal void Write(string path)
    {
        var box = string.Create(CultureInfo.InvariantCulture, $"0 0 {width} {bottom}");
        var svg = Element("svg", ("viewBox", box), ("width", width), ("height", bottom));
        svg.Add(new XElement(Svg + "title", title), Element("rect", ("width", "100%"), ("height", "100%"), ("fill", "white")));
        svg.Add(Text(Gap, Line, title, "bold"), content);
        AtomicFile.Write(path, stream => svg.Save(stream));
    }

    private static XElement Text(int x, int y, string text, string weight)
    {
        var element = Element("text", ("x", x), ("y", y), ("font-family", "sans-serif"), ("font-size", 13), ("font-weight", weight));
        element.Value = text;
        return element;
    }

    private static XElement Element(string name, params IEnumerable<(string Name, object Value)> attributes)
        => new(Svg + name, attributes.Select(attribute => new XAttribute(attribute.Name, attribute.Value)));
}
