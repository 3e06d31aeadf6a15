using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Transformers over windows and patches of an image.</summary>
internal static class Windows
{
    internal static readonly CorpusRow[] Rows =
    [
        new("SamBlock", "windows cut out with padding decided by the sizes, and joined again", () => new SamBlock(4, 3), () => [[randn(1, 7, 5, 4)], [randn(2, 7, 5, 4)]])
            { ByExample = true, Breaks = () => [randn(1, 6, 6, 4)] },
        new("SwinBlock", "shifted windows, the mask made by loops over slices and kept in a field", () => new SwinBlock(), () => [[randn(1, 4, 8, 4)], [randn(3, 8, 8, 4)]])
            { Drops = ["SwinBlock.mask", "SwinBlock.maskSize"] },
        new("RelativePositionBias", "a table indexed by relative positions, resized where the size differs", () => new RelativePositionBias(), () => [[randn(2, 9, 9), 3], [randn(4, 9, 9), 3]])
            { ByExample = true, Breaks = () => [randn(2, 16, 16), 4] },
        new("ViTEmbeddings", "position table interpolated for other image sizes, class token expanded", () => new ViTEmbeddings(), () => [[randn(1, 3, 8, 8)], [randn(3, 3, 8, 8)]])
            { ByExample = true, Breaks = () => [randn(1, 3, 12, 8)] },
        new("PatchMerging", "odd sides padded, strided slices joined", () => new PatchMerging(), () => [[randn(1, 5, 4, 4)], [randn(2, 7, 6, 4)]])
            { ByExample = true, Breaks = () => [randn(1, 4, 4, 4)] },
        new("SamPromptEncoder", "nullable prompts, labels that select embeddings", () => new SamPromptEncoder(), () => [[rand(1, 2, 2), null], [rand(2, 3, 2), null]])
            { ByExample = true },
        new("MaskedAutoencoder", "patches shuffled at random, the rest filled by a token", () => new MaskedAutoencoder(), () => [[randn(1, 8, 4)], [randn(2, 12, 4)]]),
    ];

    private sealed class SamBlock : Module<Tensor, Tensor>
    {
        private readonly long window;
        private readonly LayerNorm norm;
        private readonly Linear qkv;

        public SamBlock(long dim, long window) : base(nameof(SamBlock))
        {
            this.window = window;
            norm = LayerNorm(dim);
            qkv = Linear(dim, dim * 3);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var shortcut = x;
            x = norm.forward(x);
            var (h, w) = (x.shape[1], x.shape[2]);
            var padHw = (0L, 0L);
            if (window > 0)
                (x, padHw) = Partition(x, window);
            var parts = qkv.forward(x.flatten(1, 2)).chunk(3, dim: -1);
            x = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2]).view(x.shape);
            if (window > 0)
                x = Unpartition(x, window, padHw, (h, w));
            return shortcut + x;
        }

        private static (Tensor, (long, long)) Partition(Tensor x, long size)
        {
            var (b, h, w, c) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
            var padH = (size - h % size) % size;
            var padW = (size - w % size) % size;
            if (padH > 0 || padW > 0)
                x = functional.pad(x, [0, 0, 0, padW, 0, padH]);
            var (hp, wp) = (h + padH, w + padW);
            x = x.view(b, hp / size, size, wp / size, size, c);
            return (x.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, size, size, c), (hp, wp));
        }

        private static Tensor Unpartition(Tensor windows, long size, (long, long) padHw, (long, long) hw)
        {
            var ((hp, wp), (h, w)) = (padHw, hw);
            var b = windows.shape[0] / (hp * wp / size / size);
            var x = windows.view(b, hp / size, wp / size, size, size, -1);
            x = x.permute(0, 1, 3, 2, 4, 5).contiguous().view(b, hp, wp, -1);
            if (hp > h || wp > w)
                x = x[.., ..(int)h, ..(int)w, ..].contiguous();
            return x;
        }
    }

    private sealed class SwinBlock : Module<Tensor, Tensor>
    {
        private const int Window = 4, Shift = 2;
        private readonly Linear proj = Linear(4, 4);
        private Tensor? mask;
        private (long, long) maskSize;

        public SwinBlock() : base(nameof(SwinBlock)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var (b, h, w, c) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
            if (mask is null || maskSize != (h, w))
            {
                mask = MaskOf((int)h, (int)w);
                maskSize = (h, w);
            }
            var shifted = roll(x, [-Shift, -Shift], [1, 2]);
            var windows = Cut(shifted).view(-1, Window * Window, c);
            var attn = windows.matmul(windows.transpose(-2, -1));
            var count = mask.shape[0];
            attn = attn.view(b, count, Window * Window, Window * Window) + mask.unsqueeze(0);
            windows = proj.call(attn.view(-1, Window * Window, Window * Window).softmax(-1).matmul(windows));
            x = windows.view(b, h / Window, w / Window, Window, Window, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c);
            return roll(x, [Shift, Shift], [1, 2]);
        }

        private static Tensor Cut(Tensor x)
            => x.view(x.shape[0], x.shape[1] / Window, Window, x.shape[2] / Window, Window, -1).permute(0, 1, 3, 2, 4, 5).contiguous();

        private static Tensor MaskOf(int h, int w)
        {
            var image = zeros(1, h, w, 1);
            TensorIndex[] slices = [TensorIndex.Slice(0, -Window), TensorIndex.Slice(-Window, -Shift), TensorIndex.Slice(-Shift, null)];
            var count = 0;
            foreach (var rows in slices)
                foreach (var columns in slices)
                    image[TensorIndex.Colon, rows, columns, TensorIndex.Colon] = count++;
            var windows = Cut(image).view(-1, Window * Window);
            var difference = windows.unsqueeze(1) - windows.unsqueeze(2);
            return difference.masked_fill(difference != 0, -100).masked_fill(difference == 0, 0);
        }
    }

    private sealed class RelativePositionBias : Module<Tensor, int, Tensor>
    {
        private readonly Parameter table = new(randn(5, 5, 2));

        public RelativePositionBias() : base(nameof(RelativePositionBias)) => RegisterComponents();

        public override Tensor forward(Tensor attention, int size)
        {
            var range = 2 * size - 1;
            Tensor current = table;
            if (range != table.shape[0])
                current = functional.interpolate(table.permute(2, 0, 1).unsqueeze(0), size: [range, range], mode: InterpolationMode.Bilinear, align_corners: false)[0].permute(1, 2, 0);
            var coords = arange(size);
            var relative = coords[.., TensorIndex.None] - coords[TensorIndex.None, ..] + size - 1;
            var rows = relative.unsqueeze(1).unsqueeze(3).expand(size, size, size, size).reshape(-1);
            var columns = relative.unsqueeze(0).unsqueeze(2).expand(size, size, size, size).reshape(-1);
            var bias = current.index(rows, columns).view(size * size, size * size, -1).mean([2]);
            return attention + bias;
        }
    }

    private sealed class ViTEmbeddings : Module<Tensor, Tensor>
    {
        private const int Patch = 4;
        private readonly Conv2d patches = Conv2d(3, 4, Patch, stride: Patch);
        private readonly Parameter cls = Parameter(randn(1, 1, 4));
        private readonly Parameter positions = Parameter(randn(1, 5, 4));

        public ViTEmbeddings() : base(nameof(ViTEmbeddings)) => RegisterComponents();

        public override Tensor forward(Tensor pixels)
        {
            if (pixels.dim() != 4)
                throw new ArgumentException($"Expected a batch of images, got {pixels.dim()} dimensions.", nameof(pixels));
            var (b, _, h, w) = pixels.Shape4();
            var x = patches.forward(pixels).flatten(2).transpose(1, 2);
            x = cat([cls.expand(b, -1, -1), x], 1);
            return x + Positions(x, h / Patch, w / Patch);
        }

        private Tensor Positions(Tensor x, long rows, long columns)
        {
            var known = positions.shape[1] - 1;
            if (x.shape[1] - 1 == known && rows == columns)
                return positions;
            var side = (long)Math.Sqrt(known);
            var grid = positions[.., 1..].reshape(1, side, side, -1).permute(0, 3, 1, 2);
            grid = functional.interpolate(grid, size: [rows, columns], mode: InterpolationMode.Bicubic, align_corners: false);
            return cat([positions[.., ..1], grid.flatten(2).transpose(1, 2)], 1);
        }
    }

    private static (long, long, long, long) Shape4(this Tensor x) => (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);

    private sealed class PatchMerging : Module<Tensor, Tensor>
    {
        private readonly Linear reduction = Linear(16, 8, hasBias: false);
        private readonly LayerNorm norm = LayerNorm([16]);

        public PatchMerging() : base(nameof(PatchMerging)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            bool odd = x.shape[1] % 2 == 1 || x.shape[2] % 2 == 1;
            if (odd)
                x = functional.pad(x, [0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2]);
            var (even, second) = (TensorIndex.Slice(0, null, 2), TensorIndex.Slice(1, null, 2));
            var parts = new[] { x[.., even, even], x[.., second, even], x[.., even, second], x[.., second, second] };
            return reduction.call(norm.call(cat(parts, -1)));
        }
    }

    private sealed class SamPromptEncoder : Module<Tensor, Tensor?, (Tensor Sparse, Tensor? Dense)>
    {
        private readonly Embedding[] points = [Embedding(1, 4), Embedding(1, 4)];
        private readonly Conv2d down = Conv2d(1, 4, 2, stride: 2);
        private readonly Tensor gaussian = randn(2, 2);

        public SamPromptEncoder() : base(nameof(SamPromptEncoder))
        {
            register_buffer("gaussian", gaussian);
            register_module("foreground", points[0]);
            register_module("background", points[1]);
            RegisterComponents();
        }

        public override (Tensor Sparse, Tensor? Dense) forward(Tensor coords, Tensor? masks)
        {
            var labels = zeros(coords.shape[0], coords.shape[1]);
            var encoded = 2 * MathF.PI * (2 * coords - 1).matmul(gaussian);
            encoded = cat([encoded.sin(), encoded.cos()], -1);
            encoded = where((labels == 0).unsqueeze(-1), encoded + points[0].weight!, encoded + points[1].weight!);
            return (encoded, masks is null ? null : down.call(masks));
        }
    }

    private sealed class MaskedAutoencoder : Module<Tensor, (Tensor, Tensor)>
    {
        private const double Keep = 0.25;
        private readonly Parameter token = Parameter(zeros(1, 1, 4));

        public MaskedAutoencoder() : base(nameof(MaskedAutoencoder)) => RegisterComponents();

        public override (Tensor, Tensor) forward(Tensor x)
        {
            var (n, l, d) = (x.shape[0], x.shape[1], x.shape[2]);
            var keep = (int)(l * Keep);
            var shuffle = rand(n, l, device: x.device).argsort(dim: 1);
            var restore = shuffle.argsort(dim: 1);
            var kept = x.gather(1, shuffle[.., ..keep].unsqueeze(-1).repeat(1, 1, d));
            var filled = cat([kept, token.repeat(n, l - keep, 1)], 1);
            return (filled.gather(1, restore.unsqueeze(-1).repeat(1, 1, d)), restore);
        }
    }
}
