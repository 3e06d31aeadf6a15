namespace TorchSharp.Fx.Drawing;

/// <summary>
/// Gives each box its place from left to right, as near to its neighbours in the layers above and below as the distances within its layer
/// allow. Each layer is solved exactly (isotonic regression by pooling adjacent violators); sweeps over the layers settle the whole.
/// </summary>
internal static class Columns
{
    private const int Sweeps = 24;

    internal static void Assign(IReadOnlyList<List<LayoutBox>> layers, IReadOnlyList<Link> links)
    {
        var (above, below) = (links.ToLookup(link => link.To), links.ToLookup(link => link.From));
        foreach (var layer in layers)
            Place(layer, _ => []);
        for (var sweep = 0; sweep < Sweeps; sweep++)
            foreach (var layer in sweep % 2 == 0 ? layers : layers.Reverse())
                Place(layer, box => sweep >= Sweeps - 2 ? Above(box).Concat(Below(box)) : sweep % 2 == 0 ? Above(box) : Below(box));

        IEnumerable<(double X, double Weight)> Above(LayoutBox box)
            => above[box].Select(link => (link.Start - box.EntryOf(link.Value), Weight(link)));

        IEnumerable<(double X, double Weight)> Below(LayoutBox box)
            => below[box].Select(link => (link.End - box.ExitOf(link.Value), Weight(link)));
    }

    /// <summary>Long lines should be straight before short ones are.</summary>
    private static double Weight(Link link) => (link.From, link.To) switch
    {
        (Port, Port) => 20,
        (Bend, Bend) => 8,
        (Bend, _) or (_, Bend) => 1,
        _ => 3,
    };

    /// <summary>Moves the boxes of a layer as near as they can be to where they want to be, keeping their order and distances.</summary>
    private static void Place(List<LayoutBox> layer, Func<LayoutBox, IEnumerable<(double X, double Weight)>> wishesOf)
    {
        var offsets = Offsets(layer);
        var blocks = new List<Block>();
        for (var i = 0; i < layer.Count; i++)
        {
            var (box, offset) = (layer[i], offsets[i]);
            var wishes = wishesOf(box).Select(wish => (wish.X - offset, wish.Weight)).DefaultIfEmpty((box.X - offset, 0.1));
            blocks.Add(new Block(i, wishes));
            while (blocks is [.., var left, var right] && left.Position > right.Position)
            {
                left.Join(right);
                blocks.RemoveAt(blocks.Count - 1);
            }
        }
        foreach (var (number, block) in blocks.Index())
            for (var i = block.First; i < (number + 1 < blocks.Count ? blocks[number + 1].First : layer.Count); i++)
                layer[i].X = block.Position + offsets[i];
    }

    /// <summary>Where each box would be if all were as close to each other as they may.</summary>
    private static double[] Offsets(List<LayoutBox> layer)
    {
        var offsets = new double[layer.Count];
        for (var i = 1; i < layer.Count; i++)
            offsets[i] = offsets[i - 1] + layer[i - 1].Right + layer[i].Left
                + (layer[i - 1] is Bend && layer[i] is Bend ? DrawingStyle.LineGap : DrawingStyle.BoxGap);
        return offsets;
    }

    /// <summary>Boxes that touch and move as one.</summary>
    private sealed class Block
    {
        private readonly List<(double X, double Weight)> wishes;

        internal Block(int first, IEnumerable<(double X, double Weight)> wishes)
        {
            First = first;
            this.wishes = [.. wishes];
            Position = Median();
        }

        internal int First { get; }

        internal double Position { get; private set; }

        internal void Join(Block right)
        {
            wishes.AddRange(right.wishes);
            Position = Median();
        }

        /// <summary>The weighted median: it makes most lines straight, where a mean would make none so.</summary>
        private double Median()
        {
            wishes.Sort();
            var half = wishes.Sum(wish => wish.Weight) / 2;
            var passed = 0.0;
            return wishes.First(wish => (passed += wish.Weight) >= half).X;
        }
    }
}
