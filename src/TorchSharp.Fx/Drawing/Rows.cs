namespace TorchSharp.Fx.Drawing;

/// <summary>
/// Gives each layer its height and each box its place from top to bottom, in the middle of its layer. Ports and bends are as high as their
/// layer.
/// </summary>
internal sealed class Rows
{
    private readonly double[] tops;
    private readonly double[] bottoms;

    internal Rows(IReadOnlyList<List<LayoutBox>> layers, IReadOnlyList<Link> links, double titleHeight)
    {
        (tops, bottoms) = (new double[layers.Count], new double[layers.Count]);
        var gaps = links.ToLookup(link => link.From.Layer);
        bottoms[0] = titleHeight;
        for (var i = 0; i < layers.Count; i++)
        {
            tops[i] = i == 0 ? 0 : bottoms[i - 1] + Gap(gaps[i - 1]);
            var label = layers[i].Any(box => box is TextBox { Label: not null }) ? DrawingStyle.LabelHeight : 0;
            bottoms[i] = i == 0 ? titleHeight : tops[i] + layers[i].Select(box => box.Height).DefaultIfEmpty(0).Max() + label;
            foreach (var box in layers[i])
                Place(box, tops[i], bottoms[i], label);
        }
    }

    internal double Height => bottoms[^1];

    internal double Top(int layer) => tops[layer];

    internal double Bottom(int layer) => bottoms[layer];

    /// <summary>A box leaves room below it for its label, which a line passes straight.</summary>
    private static void Place(LayoutBox box, double top, double bottom, double label)
    {
        if (box is Port or Bend)
            (box.Y, box.Height) = (top, bottom - top);
        else
            box.Y = (top + bottom - label - box.Height) / 2;
    }

    /// <summary>The further sideways a line goes, the more room it needs.</summary>
    private static double Gap(IEnumerable<Link> links)
    {
        var sideways = links.Select(link => Math.Abs(link.End - link.Start)).DefaultIfEmpty(0).Max();
        return Math.Min(DrawingStyle.LayerGap + DrawingStyle.Slope * sideways, DrawingStyle.WidestLayerGap);
    }
}
