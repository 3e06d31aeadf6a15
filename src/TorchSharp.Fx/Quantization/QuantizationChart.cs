using System.Globalization;
using System.Xml.Linq;
using static TorchSharp.Fx.Drawing.SvgElements;

namespace TorchSharp.Fx.Quantization;

/// <summary>
/// A report of quantisation as a picture: a row for each layer in order of execution, its bars as long as the ratio of signal to
/// error. The colours follow the reader's light or dark theme.
/// </summary>
/// <param name="report">The report.</param>
internal sealed class QuantizationChart(QuantizationReport report)
{
    private const double Decibel = 8, Row = 18, Bar = 6, Heading = 46, Tick = 10;

    // Eight bits have no more of values that are even over their range.
    private const double Most = 60;

    private readonly double names = DrawingStyle.TextGap
        + report.layers.Select(layer => TextWidth.Of(layer.name, DrawingStyle.DetailSize)).DefaultIfEmpty(0).Max();

    internal string Draw(string name)
    {
        var width = 2 * DrawingStyle.Margin + names + Decibel * Most + 60;
        var height = 2 * DrawingStyle.Margin + Heading + Row * report.layers.Count;
        var svg = Element("svg", ("width", width), ("height", height),
            ("viewBox", string.Create(CultureInfo.InvariantCulture, $"0 0 {width:0.#} {height:0.#}")),
            ("font-family", DrawingStyle.Font), ("font-size", DrawingStyle.DetailSize));
        svg.Add(Text("title", name), Text("style", FlamePalette.Css),
            Element("rect", ("width", "100%"), ("height", "100%"), ("class", "page")),
            Text("text", string.Create(CultureInfo.InvariantCulture, $"{name}: signal to error in dB, cosine {report.cosine:F6}"),
                ("x", DrawingStyle.Margin), ("y", DrawingStyle.Margin + DrawingStyle.TitleSize), ("font-size", DrawingStyle.TitleSize)),
            Moved(DrawingStyle.Margin, DrawingStyle.Margin + DrawingStyle.TitleSize + 8, Legend()),
            Moved(DrawingStyle.Margin, DrawingStyle.Margin + Heading,
                [.. Axis(), .. report.layers.Index().SelectMany(entry => Layer(entry.Index, entry.Item))]));
        return new XDocument(svg).ToString() + "\n";
    }

    private static IEnumerable<XElement> Legend()
    {
        foreach (var (kind, x, text) in new[] { ("hue1", 0.0, "with all errors before it"), ("hue0", 190, "alone") })
        {
            yield return Element("rect", ("x", x), ("y", 0.0), ("width", 12), ("height", 12), ("rx", 3), ("class", kind));
            yield return Text("text", text, ("x", x + 18), ("y", 10));
        }
    }

    private IEnumerable<XElement> Axis()
    {
        for (var decibels = 0.0; decibels <= Most; decibels += Tick)
        {
            var x = names + Decibel * decibels;
            yield return Element("rect", ("x", x), ("y", 0.0), ("width", 1), ("height", Row * report.layers.Count), ("class", "other"));
            yield return Text("text", Number(decibels), ("x", x), ("y", -3.0), ("font-size", DrawingStyle.LabelSize),
                ("text-anchor", "middle"));
        }
    }

    private IEnumerable<XElement> Layer(int row, LayerError layer)
    {
        var top = Row * row + (Row - 2 * Bar) / 2;
        var group = Element("g", ("data-row", row.ToString(CultureInfo.InvariantCulture)));
        group.Add(
            Text("title", string.Create(CultureInfo.InvariantCulture,
                $"{layer.name} {layer.operation}\n{layer.sqnr:F1} dB, alone {layer.own_sqnr:F1} dB")),
            Text("text", layer.name, ("x", names - DrawingStyle.TextGap), ("y", top + Bar + 4), ("text-anchor", "end")),
            Element("rect", ("x", names), ("y", top), ("width", Length(layer.sqnr)), ("height", Bar), ("class", "hue1")),
            Element("rect", ("x", names), ("y", top + Bar), ("width", Length(layer.own_sqnr)), ("height", Bar), ("class", "hue0")));
        yield return group;
    }

    private static double Length(double decibels) => Decibel * Math.Clamp(double.IsNaN(decibels) ? 0 : decibels, 0, Most);
}
