using static TorchSharp.torch;

namespace TorchSharp.Fx.Explain;

/// <summary>Numbers as colours.</summary>
internal static class Colours
{
    // Sixteen of matplotlib's 256 entries, at equal distances; between them it is all but linear. Smith and van der Walt (2015), CC0.
    private static readonly int[] Anchors =
    [
        0x440154, 0x481A6C, 0x472F7D, 0x414487, 0x39568C, 0x31688E, 0x2A788E, 0x23888E, 0x1F988B, 0x22A884, 0x35B779, 0x54C568, 0x7AD151,
        0xA5DB36, 0xD2E21B, 0xFDE725,
    ];

    /// <summary>Viridis: equal steps look equal, also in grey. [h, w] from 0 to 1 becomes [3, h, w] from 0 to 1.</summary>
    internal static Tensor Viridis(Tensor values)
    {
        using var scope = NewDisposeScope();
        var parts = Anchors.SelectMany(colour => new[] { colour >> 16, colour >> 8 & 255, colour & 255 });
        var table = tensor([.. parts.Select(part => part / 255f)]).reshape(-1, 3);
        var position = values.clamp(0, 1) * (Anchors.Length - 1);
        var below = position.floor().clamp(0, Anchors.Length - 2);
        var part = (position - below).unsqueeze(-1);
        var index = below.to(ScalarType.Int64);
        return (table[index] * (1 - part) + table[index + 1] * part).permute(2, 0, 1).contiguous().MoveToOuterDisposeScope();
    }
}
