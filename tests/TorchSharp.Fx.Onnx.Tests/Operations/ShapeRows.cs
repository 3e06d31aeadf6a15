using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Tensor = TorchSharp.torch.Tensor;

namespace TorchSharp.Fx.Onnx.Tests.Operations;

/// <summary>Operations that move, join, cut, pick, reduce and order, and tensors made of sizes.</summary>
internal static class ShapeRows
{
    internal static readonly Row[] All =
    [
        .. Of("Nx3xL=4", x => x.reshape(x.shape[0], -1), x => x.view(-1, 3 * x.shape[2]), x => x.reshape(x.shape[0] * 3, x.shape[2]), x => x.reshape(x.shape[0] * x.shape[2], 3), x => x.view_as(x * 2), x => x.flatten(), x => x.flatten(1), x => x.flatten(0, 1), x => x.ravel(),
            x => x.unflatten(1, [3, 1]), x => x.unsqueeze(0).squeeze(0), x => x.unsqueeze(-1), x => x.squeeze(1), x => x.unsqueeze(1).expand(-1, 5, -1, -1), x => x.unsqueeze(1).expand(x.shape[0], 2, 3, x.shape[2]), x => x.broadcast_to(2, x.shape[0], 3, x.shape[2]),
            x => x.mean([2], keepdim: true).expand_as(x), x => x.repeat(2, 1, 3), x => x.repeat(2, 1, 1, 3), x => x.tile([2, 1]), x => x.repeat_interleave(2, 1), x => x.repeat_interleave(2), x => x.permute(2, 0, 1), x => x.transpose(-1, -2), x => x.swapaxes(0, 1), x => x.swapdims(0, 2),
            x => x[0].t(), x => x[0].T, x => x.mT, x => torch.movedim(x, 0, 2), x => torch.moveaxis(x, 0, 1)),
        .. Of("Nx6x4", x => cat([x, x * 2], 1), x => concat([x, x], 0), x => torch.concatenate([x, x], -1), x => hstack(x, x), x => stack([x, x], 1), x => stack([x, x], -1), x => x.chunk(2, 1)[1], x => x.split(4, 1)[1], x => x.tensor_split([1, 3], 1)[1], x => x.unbind(1)[2],
            x => x.roll(1, 1), x => x.roll((1, -2), (1, 2)), x => x.roll(3), x => x.roll(-1, 0), x => x.flip(1, 2), x => x.narrow(1, 2, 3), x => x.slice(1, 1, 5, 2), x => x.select(1, -1), x => x.tril(), x => x.triu(1), x => x.unfold(1, 3, 2)),
        .. Of("Nx6x4", x => x[0], x => x[TensorIndex.Ellipsis, -1], x => x[.., 1..3], x => x[.., ^2..], x => x[.., 1..3, 0], x => x[TensorIndex.Colon, TensorIndex.Slice(1, null, 2)], x => x[.., TensorIndex.Null, 2], x => x[x > 0],
            x => x[.., (int)(x.shape[2] / 2)..], x => x.index(TensorIndex.Colon, TensorIndex.Single(1))),
        .. Of("Nx3x4", x => x.mean(), x => x.mean([1, 2]), x => x.mean([1], keepdim: true), x => x.sum(), x => x.sum(1L), x => x.sum([1, -1]), x => x.prod(), x => x.prod(2), x => x.logsumexp(1), x => x.amax([1]), x => x.amin([1, 2]), x => x.max(), x => x.min(), x => x.max(1).values,
            x => x.max(1).indexes, x => x.min(2, true).values, x => x.argmax(), x => x.argmax(1), x => x.argmin(2, true), x => (x > 1).any(), x => (x > -1).all(), x => (x > 1).any(1), x => (x > -1).all(2, true), x => x.norm(), x => x.norm(1), x => torch.norm(x, 1, true, 2),
            x => linalg.vector_norm(x, 3, [1], true), x => linalg.vector_norm(x, double.PositiveInfinity, [1]), x => functional.normalize(x, dim: 1), x => x.var([1]), x => x.std([1, 2], unbiased: false), x => x.mean([0], true) - x.var([0], unbiased: false), x => x.cumsum(1),
            x => x.topk(2, 1).values, x => x.topk(2, -1, largest: false).indexes, x => x.sort(1).Values, x => x.sort(2, descending: true).Indices, x => x.argsort(1)),
        .. Of("Nx3", x => x + zeros(x.shape[0], 3), x => x * ones(x.shape[0], 1), x => x + full(new[] { x.shape[0], 3 }, 2.5), x => zeros_like(x) + ones_like(x), x => x.full_like(0.5), x => empty_like(x).fill_(2), x => x.new_zeros(x.shape[0], 2), x => x.new_ones(x.shape[0]), x => x.new_full(x.shape[0], 2, 3),
            x => arange(x.shape[0]), x => arange(1, x.shape[0] + 1, 2).to(float32), x => x + arange(x.shape[0]).unsqueeze(1), x => x.to(float64) * x.shape[0], x => x / Math.Sqrt(x.shape[0]), x => x + (x.numel() % 5), x => x * (float)(x.size(0) / 2.0), x => x - Math.Max(x.shape[0], 3L),
            x => empty(x.shape[0], 2).zero_(), x => x.new_empty(x.shape[0], 2).zero_(), x => x + (Tensor)(int)x.shape[0]),
        .. Of("Nx5x5", x => x.diagonal(0, 1, 2), x => x.diagonal(1, 1, 2), x => x.diagonal(-2, 2, 1), x => x.median()),
        .. Of("Nx2x3", x => functional.affine_grid(x, [x.shape[0], 1, 4, 5]), x => functional.affine_grid(x, [x.shape[0], 1, 4, 5], align_corners: true)),
        new("cumprod", (Tensor x) => (x.cumprod(1), x.cumprod(-1), (x > 0).cumprod(2)), "Nx3x4"),
        new("a part of a list", (Tensor x) => (x.unbind(1)[..2][1] + x.chunk(2, 2)[^1..][0].sum(), torch.cat(x.unbind(1)[1..], 0)), "Nx3x4"),
        new("cdist", (Tensor x, Tensor y) => cdist(x, y), "Nx3x4", "Nx5x4"),
        new("cdist of another norm", (Tensor x, Tensor y) => cdist(x, y, 1) + cdist(x, y, 3) + cdist(x, y, double.PositiveInfinity), "Nx4", "5x4"),
        new("gather", (Tensor x, Tensor i) => x.gather(1, i), "Nx3", "Nx5:int64"),
        new("take_along_dim", (Tensor x, Tensor i) => torch.take_along_dim(x, i, 1), "Nx3", "Nx5:int64"),
        new("index_select", (Tensor x, Tensor i) => x.index_select(1, i), "Nx3", "5:int64"),
        new("index_add", (Tensor x, Tensor i) => x.index_add(1, i, x[.., ..2].repeat(1, 3)[.., ..5], 0.5), "Nx3", "5:int64"),
        new("index_copy", (Tensor x, Tensor i) => x.index_copy(0, i[..1], x[..1] * 2), "Nx3", "5:int64"),
        new("index_fill", (Tensor x, Tensor i) => x.index_fill(1, i, 7), "Nx3", "5:int64"),
        new("scatter", (Tensor x, Tensor i, Tensor y) => x.scatter(1, i, y), "Nx3", "Nx1:int64", "Nx1"),
        new("scatter_add", (Tensor x, Tensor i, Tensor y) => x.scatter_add(1, i, y), "Nx3", "Nx5:int64", "Nx5"),
        new("an index of tensors", (Tensor x, Tensor i) => x[i], "3x4", "Nx2:int64"),
        new("an index of an axis", (Tensor x, Tensor i) => x[TensorIndex.Colon, TensorIndex.Tensor(i)], "Nx3x4", "5:int64"),
        new("indices side by side", (Tensor x, Tensor i, Tensor j) => x[TensorIndex.Colon, TensorIndex.Tensor(i), TensorIndex.Tensor(j)], "Nx3x4", "5:int64", "2x5:int64"),
        new("indices apart", (Tensor x, Tensor i, Tensor j) => x[TensorIndex.Tensor(i), TensorIndex.Colon, TensorIndex.Tensor(j)], "3x6x4", "N:int64", "N:int64"),
        new("items set", (Tensor x, Tensor y) => { var z = x * 1; z[.., 1..3] = y; z[.., 0, 0] = 5; z[z > 2] = -1; return z; }, "Nx4x5", "Nx2x5"),
        new("rows set", (Tensor x, Tensor y) => { var z = x * 1; z[tensor([2L, 0])] = y; return z; }, "4x5", "2x5"),
        new("index_put_", (Tensor x, Tensor y) => { var z = x * 1; z.index_put_(y, TensorIndex.Ellipsis, TensorIndex.Slice(1, 3)); return z; }, "Nx4", "Nx2"),
        new("a part written in place", (Tensor x, Tensor y) => { var z = x * 1; z.narrow(1, 1, 2).select(2, 0).add_(y); z.transpose(0, 1)[0].zero_(); return z; }, "Nx4x5", "Nx2"),
        new("a mask made of sizes", (Tensor x) => x.masked_fill(arange(x.shape[1]).unsqueeze(0) > arange(x.shape[1]).unsqueeze(1), -9), "1xN=4xN=4"),
        new("a constant written before", (Tensor x) => { var mask = zeros(3, 4); mask[.., 1..] = 1; mask[0].fill_(2); return x * mask; }, "Nx3x4"),
        new("several results", (Tensor x) => (x.chunk(3, 1), x.max(1)), "Nx6"),
    ];

    private static int rows;

    private static IEnumerable<Row> Of(string input, params Func<Tensor, Tensor>[] functions) => functions.Select(function => new Row($"{input} {rows++}", function, input));
}
