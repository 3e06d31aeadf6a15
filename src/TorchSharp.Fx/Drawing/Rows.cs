namespace TorchSharp.Fx.Drawing;

/// <summary>Gives each layer its height and each box its place from top to bottom, in the middle of its layer. Ports and bends are as high as their layer.</summary>
internal sealed class Rows
{
    private readonly double[] tops;
    private readonly double[] bottoms;

    internal Rows(IReadOnlyList<List<Box>> layers, IReadOnlyList<Link> links, double titleHeight)
    {
        (tops, bottoms) = (new double[layers.Count], new double[layers.Count]);
        var gaps = links.ToLookup(link => link.From.Layer);
        bottoms[0] = titleHeight;
        for (var i = 0; i < layers.Count; i++)
        {
            tops[i] = i == 0 ? 0 : bottoms[i - 1] + Gap(gaps[i - 1]);
            bottoms[i] = i == 0 ? titleHeight : tops[i] + layers[i].Select(box => box.Height).DefaultIfEmpty(0).Max();
            foreach (var box in layers[i])
                Place(box, tops[i], bottoms[i]);
        }
    }

    internal double Height => bottoms[^1];

    internal double Top(int layer) => tops[layer];

    internal double Bottom(int layer) => bottoms[layer];

    private static void Place(Box box, double top, double bottom)
    {
        if (box is Port or Bend)
            box.Height = bottom - top;
        box.Y = (top + bottom - box.Height) / 2;
    }

    /// <summary>Room for the labels of values, and more where a line goes far sideways.</summary>
    private static double Gap(IEnumerable<Link> links)
    {
        var gap = links.Any(link => link.From is TextBox { Label: not null }) ? Style.LabelledLayerGap : Style.LayerGap;
        var sideways = links.Select(link => Math.Abs(link.End - link.Start)).DefaultIfEmpty(0).Max();
        return Math.Min(gap + Style.Slope * sideways, Style.WidestLayerGap);
    }
}
