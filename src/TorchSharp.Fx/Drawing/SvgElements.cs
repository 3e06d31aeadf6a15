using System.Globalization;
using System.Xml.Linq;

namespace TorchSharp.Fx.Drawing;

/// <summary>The elements that pictures are made of.</summary>
internal static class SvgElements
{
    private static readonly XNamespace Namespace = "http://www.w3.org/2000/svg";

    internal static XElement Moved(double x, double y, params IEnumerable<XElement> content)
    {
        var group = Element("g", ("transform", $"translate({Number(x)} {Number(y)})"));
        group.Add(content);
        return group;
    }

    internal static XElement Text(string name, string text, params IEnumerable<(string Name, object Value)> attributes)
    {
        var element = Element(name, attributes);
        element.Add(text);
        return element;
    }

    internal static XElement Element(string name, params IEnumerable<(string Name, object Value)> attributes)
        => new(Namespace + name,
            attributes.Select(attribute =>
                new XAttribute(attribute.Name, attribute.Value is double number ? Number(number) : attribute.Value)));

    internal static string Number(double number) => Math.Round(number, 1).ToString(CultureInfo.InvariantCulture);
}
