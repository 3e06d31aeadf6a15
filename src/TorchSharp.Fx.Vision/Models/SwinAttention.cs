using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// The functions that Swin's modules are written with, each one node of a graph. <c>torchvision.models.swin_transformer</c>
/// </summary>
[FxLeaf]
public static class swin_transformer
{
    /// <summary>
    /// Puts each 2 × 2 pixels' channels side by side, padding odd sizes with zeros: [..., H, W, C] to [..., H / 2, W / 2, 4 C].
    /// </summary>
    public static Tensor _patch_merging_pad(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        using var scope = NewDisposeScope();
        x = F.pad(x, [0, 0, 0, x.shape[^2] % 2, 0, x.shape[^3] % 2]);
        var (even, odd) = (TensorIndex.Slice(0, null, 2), TensorIndex.Slice(1, null, 2));
        var x0 = x[TensorIndex.Ellipsis, even, even, TensorIndex.Colon];
        var x1 = x[TensorIndex.Ellipsis, odd, even, TensorIndex.Colon];
        var x2 = x[TensorIndex.Ellipsis, even, odd, TensorIndex.Colon];
        var x3 = x[TensorIndex.Ellipsis, odd, odd, TensorIndex.Colon];
        return torch.cat([x0, x1, x2, x3], -1).MoveToOuterDisposeScope();
    }

    /// <summary>Looks up each pair's bias: a table [positions, heads] and the pairs' rows to [1, heads, tokens, tokens].</summary>
    public static Tensor _get_relative_position_bias(Tensor relative_position_bias_table, Tensor relative_position_index,
        long[] window_size)
    {
        ArgumentNullException.ThrowIfNull(relative_position_bias_table);
        ArgumentNullException.ThrowIfNull(window_size);
        var tokens = window_size[0] * window_size[1];
        return relative_position_bias_table[relative_position_index].view(tokens, tokens, -1).permute(2, 0, 1).contiguous().unsqueeze(0);
    }

    /// <summary>
    /// Multi-head attention inside windows that may be shifted: [N, H, W, C] to the same shape.
    /// <c>torchvision.models.swin_transformer.shifted_window_attention</c>
    /// </summary>
    /// <remarks>With <paramref name="logit_scale"/> it is Swin v2's cosine attention.</remarks>
    [FxLeaf(Draws = true)]
    public static Tensor shifted_window_attention(
        Tensor input, Tensor qkv_weight, Tensor proj_weight, Tensor relative_position_bias, long[] window_size, long num_heads,
        long[] shift_size, double attention_dropout = 0,
        double dropout = 0, Tensor? qkv_bias = null, Tensor? proj_bias = null, Tensor? logit_scale = null, bool training = true)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new WindowAttention(window_size, shift_size, num_heads)
            .Apply(input,
                new(qkv_weight, proj_weight, relative_position_bias, qkv_bias, proj_bias, logit_scale, attention_dropout, dropout),
                training);
    }
}

/// <summary>
/// Attention inside shifted windows with a learned bias for each relative position.
/// <c>torchvision.models.swin_transformer.ShiftedWindowAttention</c>
/// </summary>
public sealed class ShiftedWindowAttention : Module<Tensor, Tensor>
{
    private readonly Parameter relative_position_bias_table;
    private readonly Tensor relative_position_index;
    private readonly Linear qkv;
    private readonly Linear proj;
    private readonly long[] window_size;
    private readonly long[] shift_size;
    private readonly long num_heads;
    private readonly double attention_dropout;
    private readonly double dropout;

    /// <summary>Initialises random weights.</summary>
    public ShiftedWindowAttention(
        long dim, IReadOnlyList<long> window_size, IReadOnlyList<long> shift_size, long num_heads, double attention_dropout = 0,
        double dropout = 0, Device? device = null)
        : base(nameof(ShiftedWindowAttention))
    {
        (this.window_size, this.shift_size) = SwinWindows.Checked(window_size, shift_size, dimensions: 2);
        (this.num_heads, this.attention_dropout, this.dropout) = (num_heads, attention_dropout, dropout);
        relative_position_bias_table = new Parameter(torch.empty(SwinWindows.Positions(window_size), num_heads, device: device));
        relative_position_index = WindowAttention.RelativePositionIndex(window_size, device).flatten();
        qkv = Linear(dim, dim * 3, device: device);
        proj = Linear(dim, dim, device: device);
        register_buffer(nameof(relative_position_index), relative_position_index);
        RegisterComponents();
        init.normal_(relative_position_bias_table, std: 0.02);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var relative_position_bias =
            swin_transformer._get_relative_position_bias(relative_position_bias_table, relative_position_index, window_size);
        return swin_transformer.shifted_window_attention(
            x, qkv.weight!, proj.weight!, relative_position_bias, window_size, num_heads, shift_size, attention_dropout, dropout, qkv.bias,
            proj.bias, training: training);
    }
}

/// <summary>
/// Cosine attention inside shifted windows, its bias computed by a small network from the relative position.
/// <c>torchvision.models.swin_transformer.ShiftedWindowAttentionV2</c>
/// </summary>
public sealed class ShiftedWindowAttentionV2 : Module<Tensor, Tensor>
{
    private readonly Parameter logit_scale;
    private readonly Tensor relative_coords_table;
    private readonly Tensor relative_position_index;
    private readonly Linear qkv;
    private readonly Linear proj;
    private readonly Sequential cpb_mlp;
    private readonly long[] window_size;
    private readonly long[] shift_size;
    private readonly long num_heads;
    private readonly double attention_dropout;
    private readonly double dropout;

    /// <summary>Initialises random weights.</summary>
    public ShiftedWindowAttentionV2(
        long dim, IReadOnlyList<long> window_size, IReadOnlyList<long> shift_size, long num_heads, double attention_dropout = 0,
        double dropout = 0, Device? device = null)
        : base(nameof(ShiftedWindowAttentionV2))
    {
        (this.window_size, this.shift_size) = SwinWindows.Checked(window_size, shift_size, dimensions: 2);
        (this.num_heads, this.attention_dropout, this.dropout) = (num_heads, attention_dropout, dropout);
        logit_scale = new Parameter(torch.full([num_heads, 1, 1], Math.Log(10), device: device));
        relative_coords_table = RelativeCoords(device);
        relative_position_index = WindowAttention.RelativePositionIndex(window_size, device).flatten();
        qkv = Linear(dim, dim * 3, device: device);
        proj = Linear(dim, dim, device: device);
        cpb_mlp = Sequential(Linear(2, 512, device: device), ReLU(inplace: true), Linear(512, num_heads, hasBias: false, device: device));
        register_buffer(nameof(relative_coords_table), relative_coords_table);
        register_buffer(nameof(relative_position_index), relative_position_index);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var relative_position_bias =
            swin_transformer._get_relative_position_bias(cpb_mlp.call(relative_coords_table).view(-1, num_heads), relative_position_index,
                window_size);
        relative_position_bias = 16 * torch.sigmoid(relative_position_bias);
        return swin_transformer.shifted_window_attention(
            x, qkv.weight!, proj.weight!, relative_position_bias, window_size, num_heads, shift_size, attention_dropout, dropout, qkv.bias,
            proj.bias, logit_scale, training);
    }

    // Logarithmically spaced from -1 to 1 after the paper: [1, 2 H - 1, 2 W - 1, 2]
    private Tensor RelativeCoords(Device? device)
    {
        using var scope = NewDisposeScope();
        var coords = window_size.Select(size => torch.arange(1 - size, size, dtype: ScalarType.Float32, device: device) / (size - 1))
            .ToArray();
        var table = torch.stack(torch.meshgrid(coords)).permute(1, 2, 0).contiguous().unsqueeze(0) * 8;
        // The meta device has no absolute value.
        var sign = torch.sign(table);
        table = sign * torch.log2(sign * table + 1) / 3;
        return table.MoveToOuterDisposeScope();
    }
}

/// <summary>The checks and counts of the attention layers for images and videos.</summary>
internal static class SwinWindows
{
    public static (long[] window_size, long[] shift_size) Checked(IReadOnlyList<long> window_size, IReadOnlyList<long> shift_size,
        int dimensions) =>
        window_size.Count == dimensions && shift_size.Count == dimensions
            ? ([.. window_size], [.. shift_size]) : throw new ArgumentException(
            $"The attention is over {dimensions} dimensions; window_size has {window_size.Count} elements and shift_size "
                + $"{shift_size.Count}.", nameof(window_size));

    /// <summary>How many relative positions two tokens of a window can have.</summary>
    public static long Positions(IReadOnlyList<long> window_size) => window_size.Aggregate(1L, (product, size) => product * (2 * size - 1));
}
