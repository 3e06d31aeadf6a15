using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// RAFT: Teed and Deng, "RAFT: Recurrent All Pairs Field Transforms for Optical Flow" (2020).
/// <c>torchvision.models.optical_flow.RAFT</c>
/// </summary>
/// <remarks>
/// Two batches of images [N, 3, H, W] with values from -1 to 1, H and W divisible by 8 and at least 128, to one flow
/// [N, 2, H, W] for each update, the last the best: how many pixels to the right and down each pixel of the first image
/// has moved in the second.
/// </remarks>
public sealed class RAFT : Module<Tensor, Tensor, List<Tensor>>
{
    private const long downsampling = 8;

    private readonly Module<Tensor, Tensor> feature_encoder;
    private readonly Module<Tensor, Tensor> context_encoder;
    private readonly CorrBlock corr_block;
    private readonly UpdateBlock update_block;
    private readonly Module<Tensor, Tensor>? mask_predictor;

    /// <summary>A model of these parts.</summary>
    /// <param name="feature_encoder">Images to the features that are compared, an eighth as high and wide.</param>
    /// <param name="context_encoder">The first image to the first hidden state and the context, an eighth as high and wide.</param>
    /// <param name="corr_block">Compares the features of both images.</param>
    /// <param name="update_block">Refines the flow.</param>
    /// <param name="mask_predictor">Hidden states to the weights that flows are scaled up with; null scales up bilinearly.</param>
    public RAFT(
        Module<Tensor, Tensor> feature_encoder, Module<Tensor, Tensor> context_encoder, CorrBlock corr_block, UpdateBlock update_block,
        Module<Tensor, Tensor>? mask_predictor = null) : base(nameof(RAFT))
    {
        this.feature_encoder = feature_encoder;
        this.context_encoder = context_encoder;
        this.corr_block = corr_block;
        this.update_block = update_block;
        this.mask_predictor = mask_predictor;
        RegisterComponents();
    }

    /// <summary>
    /// The number of flow updates when <see cref="forward(Tensor, Tensor, long)"/> isn't given one; 12 is torchvision's default.
    /// </summary>
    public long num_flow_updates { get; set; } = 12;

    /// <inheritdoc/>
    public override List<Tensor> forward(Tensor image1, Tensor image2) => forward(image1, image2, num_flow_updates);

    /// <summary>The flow after each of some updates.</summary>
    /// <param name="image1">[N, 3, H, W].</param>
    /// <param name="image2">The same shape.</param>
    /// <param name="num_flow_updates">How often the flow is refined.</param>
    /// <exception cref="ArgumentException">The shapes differ, or H or W is not divisible by 8 or too small.</exception>
    public List<Tensor> forward(Tensor image1, Tensor image2, long num_flow_updates)
    {
        var (batch_size, _, h, w) = image1.shape;
        CheckSizes(h, w, image2.size(2), image2.size(3));
        using var scope = NewDisposeScope();
        var fmaps = feature_encoder.call(torch.cat([image1, image2], dim: 0));
        var (fmap1, fmap2) = (fmaps.narrow(0, 0, batch_size), fmaps.narrow(0, batch_size, batch_size));
        var corr_pyramid = corr_block.build_pyramid(fmap1, fmap2);

        var hidden_state_size = update_block.hidden_state_size;
        var context_out = context_encoder.call(image1);
        var (hidden_state, context) = torch.split(context_out, [hidden_state_size, context_out.size(1) - hidden_state_size], dim: 1);
        hidden_state = torch.tanh(hidden_state);
        context = F.relu(context);

        var coords0 = Coordinates(batch_size, h / downsampling, w / downsampling, fmap1);
        var coords1 = coords0;
        var flow_predictions = new List<Tensor>();
        for (var i = 0L; i < num_flow_updates; i++)
        {
            (hidden_state, coords1, var flow) = Update(corr_pyramid, hidden_state, context, coords0, coords1);
            flow_predictions.Add(flow.MoveToOuterDisposeScope());
        }
        return flow_predictions;
    }

    private (Tensor hidden_state, Tensor coords1, Tensor flow) Update(
        IReadOnlyList<Tensor> corr_pyramid, Tensor hidden_state, Tensor context, Tensor coords0, Tensor coords1)
    {
        using var scope = NewDisposeScope();
        // The paper lets no gradient flow through the places of the last update.
        coords1 = coords1.detach();
        var corr_features = corr_block.index_pyramid(corr_pyramid, coords1);
        var flow = coords1 - coords0;
        (hidden_state, var delta_flow) = update_block.call(hidden_state, context, corr_features, flow);
        coords1 = coords1 + delta_flow;
        var upsampled = Upsampled(coords1 - coords0, mask_predictor?.call(hidden_state));
        return (hidden_state.MoveToOuterDisposeScope(), coords1.MoveToOuterDisposeScope(), upsampled.MoveToOuterDisposeScope());
    }

    private static void CheckSizes(long h, long w, long second_h, long second_w)
    {
        if (h != second_h || w != second_w)
            throw new ArgumentException($"Both images have one size; these have {h} × {w} and {second_h} × {second_w} pixels.");
        if (h % downsampling != 0 || w % downsampling != 0)
            throw new ArgumentException($"Height and width of the images are divisible by {downsampling}; these have {h} × {w} pixels.");
    }

    /// <summary>Of each pixel x and y: [N, 2, H, W]. <c>make_coords_grid</c></summary>
    private static Tensor Coordinates(long batch_size, long h, long w, Tensor like)
    {
        var x = torch.arange(w, dtype: ScalarType.Float32, device: like.device).unsqueeze(0).expand(h, w);
        var y = torch.arange(h, dtype: ScalarType.Float32, device: like.device).unsqueeze(1).expand(h, w);
        return torch.stack([x, y], dim: 0).unsqueeze(0).repeat(batch_size, 1, 1, 1);
    }

    /// <summary>Each pixel of the result is a mean of the nine around its own, weighted by a softmax. <c>upsample_flow</c></summary>
    private static Tensor Upsampled(Tensor flow, Tensor? up_mask)
    {
        var (batch_size, num_channels, h, w) = flow.shape;
        var (new_h, new_w) = (h * downsampling, w * downsampling);
        if (up_mask is null)
            return F.interpolate(flow, size: [new_h, new_w], mode: InterpolationMode.Bilinear, align_corners: true) * downsampling;
        up_mask = up_mask.view(batch_size, 1, 9, downsampling, downsampling, h, w);
        up_mask = torch.softmax(up_mask, dim: 2);
        var neighbours = F.unfold(flow * downsampling, kernel_size: 3, padding: 1).view(batch_size, num_channels, 9, 1, 1, h, w);
        var upsampled_flow = torch.sum(up_mask * neighbours, dim: 2);
        return upsampled_flow.permute(0, 1, 4, 2, 5, 3).reshape(batch_size, num_channels, new_h, new_w);
    }
}
