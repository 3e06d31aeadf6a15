using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Correlates the features of every position in one image with those around a position in another.
/// <c>torchvision.models.optical_flow.raft.CorrBlock</c>
/// </summary>
public sealed class CorrBlock : nn.Module
{
    private readonly int num_levels;
    private readonly long radius;

    /// <summary>A correlation block; it has no weights.</summary>
    /// <param name="num_levels">How many levels the pyramid has, each half as high and wide as the one before.</param>
    /// <param name="radius">The radius of the window around a position, in each level's own pixels.</param>
    public CorrBlock(int num_levels = 4, long radius = 4)
        : base(nameof(CorrBlock)) => (this.num_levels, this.radius) = (num_levels, radius);

    /// <summary>The number of output channels of <see cref="index_pyramid"/>.</summary>
    public long out_channels => num_levels * (2 * radius + 1) * (2 * radius + 1);

    /// <summary>Computes the correlation of every position of one image with every position of the other.</summary>
    /// <param name="fmap1">The first image's features: [N, C, H, W].</param>
    /// <param name="fmap2">The second image's, of the same shape.</param>
    /// <returns>The levels: [N * H * W, 1, H, W], then half of that height and width, and so on.</returns>
    /// <exception cref="ArgumentException">The features are too small for so many levels.</exception>
    public List<Tensor> build_pyramid(Tensor fmap1, Tensor fmap2)
    {
        var (batch_size, num_channels, h, w) = fmap1.shape;
        // The last level has two pixels at least, between which samples lie.
        var smallest = 2L << (num_levels - 1);
        if (h < smallest || w < smallest)
            throw new ArgumentException(
                $"The features are too small for {num_levels} levels: they are {h} × {w} and need {smallest} × {smallest}. "
                + $"The images are 8 times as large: at least {8 * smallest} × {8 * smallest} pixels.");
        fmap1 = fmap1.view(batch_size, num_channels, h * w);
        fmap2 = fmap2.view(batch_size, num_channels, h * w);
        var corr_volume = torch.matmul(fmap1.transpose(1, 2), fmap2) / Math.Sqrt(num_channels);
        corr_volume = corr_volume.reshape(batch_size * h * w, 1, h, w);

        var corr_pyramid = new List<Tensor> { corr_volume };
        for (var level = 1; level < num_levels; level++)
        {
            corr_volume = F.avg_pool2d(corr_volume, kernel_size: 2, stride: 2);
            corr_pyramid.Add(corr_volume);
        }
        return corr_pyramid;
    }

    /// <summary>Looks up the correlations around positions in all levels.</summary>
    /// <param name="corr_pyramid">The result of <see cref="build_pyramid"/>.</param>
    /// <param name="centroids_coords">For each position of the first image, x and y in the second: [N, 2, H, W].</param>
    /// <returns>[N, <see cref="out_channels"/>, H, W].</returns>
    public Tensor index_pyramid(IReadOnlyList<Tensor> corr_pyramid, Tensor centroids_coords)
    {
        var delta = Around(centroids_coords);
        var (batch_size, _, h, w) = centroids_coords.shape;
        centroids_coords = centroids_coords.permute(0, 2, 3, 1).reshape(batch_size * h * w, 1, 1, 2);
        var indexed_pyramid = new List<Tensor>();
        foreach (var corr_volume in corr_pyramid)
        {
            indexed_pyramid.Add(Sampled(corr_volume, centroids_coords + delta).view(batch_size, h, w, -1));
            centroids_coords = centroids_coords / 2;
        }
        return torch.cat(indexed_pyramid, dim: -1).permute(0, 3, 1, 2).contiguous();
    }

    // Rows go along x and columns along y, as in the authors' code; the weights are trained for it.
    private Tensor Around(Tensor like)
    {
        var side = 2 * radius + 1;
        var steps = torch.arange(-radius, radius + 1, dtype: ScalarType.Float32);
        return torch.stack([steps.unsqueeze(1).expand(side, side), steps.unsqueeze(0).expand(side, side)], dim: -1)
            .view(1, side, side, 2).to(like.device);
    }

    // F.grid_sample takes -1 to 1 for the centres of the first and the last pixel.
    private static Tensor Sampled(Tensor img, Tensor absolute_grid)
    {
        var (h, w) = (img.size(-2), img.size(-1));
        var (xgrid, ygrid) = absolute_grid.split([1, 1], dim: -1);
        xgrid = xgrid * 2 / (w - 1) - 1;
        ygrid = ygrid * 2 / (h - 1) - 1;
        return F.grid_sample(img, torch.cat([xgrid, ygrid], dim: -1), mode: GridSampleMode.Bilinear, align_corners: true);
    }
}
