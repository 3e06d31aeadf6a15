using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Tensor = TorchSharp.torch.Tensor;

namespace TorchSharp.Fx.Onnx.Tests.Operations;

/// <summary>Operations on elements, comparisons, choices, types, products.</summary>
internal static class ElementRows
{
    internal static readonly Row[] All =
    [
        .. Unary(x => x.neg(), x => x.negative(), x => x.exp(), x => x.abs(), x => x.absolute(), x => x.floor(), x => x.ceil(), x => x.round(), x => x.sign(), x => x.sin(), x => x.cos(), x => x.tan(),
            x => x.atan(), x => x.arctan(), x => x.sinh(), x => x.cosh(), x => x.asinh(), x => x.arcsinh(), x => x.erf(), x => x.sigmoid(), x => x.tanh(), x => x.square(), x => x.exp2(), x => x.expm1(),
            x => x.trunc(), x => x.fix(), x => x.frac(), x => x.isnan(), x => (x / 0).isinf(), x => (x / 0).isfinite(), x => (x / 0).nan_to_num(0.5, 10, -10), x => x.positive(), x => x.alias(), x => x.detach(), x => x.clone()),
        .. Positive(x => x.log(), x => x.sqrt(), x => x.reciprocal(), x => x.log1p(), x => x.log2(), x => x.log10(), x => x.rsqrt(), x => x.pow(2.5), x => (x + 1).acosh(), x => (x + 1).arccosh(),
            x => (x / 2).asin(), x => (x / 2).arcsin(), x => (x / 2).acos(), x => (x / 2).arccos(), x => (x / 2).atanh(), x => (x / 2).arctanh()),
        .. Binary((x, y) => x + y, (x, y) => torch.add(x, y, 2), (x, y) => x - y, (x, y) => x.subtract(y), (x, y) => x.sub(3), (x, y) => x * y, (x, y) => x.multiply(y), (x, y) => x / y, (x, y) => x.true_divide(y), (x, y) => x.div(y),
            (x, y) => x.divide(y), (x, y) => x.div(y, RoundingMode.floor), (x, y) => x.div(y, RoundingMode.trunc), (x, y) => x.floor_divide(y), (x, y) => x % y, (x, y) => x.remainder(y), (x, y) => x.fmod(y), (x, y) => x.maximum(y), (x, y) => x.logaddexp(y), (x, y) => (x * float.PositiveInfinity).logaddexp(x * float.PositiveInfinity).nan_to_num(1),
            (x, y) => x.minimum(y), (x, y) => x.fmax(y), (x, y) => x.fmin(y), (x, y) => x.max(y), (x, y) => x.min(y), (x, y) => torch.addcmul(x, y, x, 0.5), (x, y) => x.addcdiv(y, x, 0.5), (x, y) => x.lerp(y, x), (x, y) => 2 - x, (x, y) => 1 / x,
            (x, y) => x.clamp(-0.5, 0.5), (x, y) => x.clamp(max: 0.5), (x, y) => x.clip(-0.5), (x, y) => x.clamp(y, y + 1), (x, y) => x.clamp_min(0.1), (x, y) => x.clamp_max(0.1)),
        .. Binary((x, y) => x > y, (x, y) => x.greater(y), (x, y) => x >= 0.1, (x, y) => x.greater_equal(y), (x, y) => x < y, (x, y) => x.less(y), (x, y) => x <= y, (x, y) => x.less_equal(y), (x, y) => x.eq(x), (x, y) => x.ne(y), (x, y) => x.not_equal(y),
            (x, y) => (x > 0) & (y > 0), (x, y) => (x > 0) | (y > 0), (x, y) => (x > 0) ^ (y > 0), (x, y) => ~(x > 0), (x, y) => x.logical_and(y > 0), (x, y) => (x > 0).logical_or(y), (x, y) => x.logical_xor(y > 0), (x, y) => (x > 0).logical_not(),
            (x, y) => (x > 0).bitwise_and(y > 0), (x, y) => (x > 0).bitwise_or(y > 0), (x, y) => (x > 0).bitwise_xor(y > 0), (x, y) => (x > 0).bitwise_not(), (x, y) => torch.where(x > y, x, y), (x, y) => torch.where(x > y, x, 0.0), (x, y) => x.where(x > 0, y),
            (x, y) => x.masked_fill(y > 0, double.NegativeInfinity), (x, y) => (x > 0) == (y > 0), (x, y) => x.masked_select(y > 0), (x, y) => (x > 0).nonzero(), (x, y) => (x > 0).argwhere()),
        .. Whole((i, j) => i + j, (i, j) => i / (j + 1), (i, j) => i.div(j + 1, RoundingMode.floor), (i, j) => (i - 2).div(j + 1, RoundingMode.trunc), (i, j) => (i - 2) % (j + 1), (i, j) => i * 2, (i, j) => i * 0.5, (i, j) => i.sqrt(), (i, j) => i > j, (i, j) => i > 0.5,
            (i, j) => i.eq(1), (i, j) => i.clamp(0, 1), (i, j) => i.sum(), (i, j) => i.to(float32).mean(), (i, j) => i.maximum(j), (i, j) => ~i, (i, j) => i.pow(2), (i, j) => i.cumsum(0), (i, j) => i.abs(), (i, j) => (i > 1).sum(1L), (i, j) => i.amax([1]),
            (i, j) => i.to_type(ScalarType.Float64), (i, j) => i.type(ScalarType.Float32), (i, j) => i.@float(), (i, j) => i.@double(), (i, j) => i.@int(), (i, j) => i.@bool(), (i, j) => i.@byte(), (i, j) => i.@float().@long(), (i, j) => i.half().@float(),
            (i, j) => i.@short().@long(), (i, j) => i.@char().@long(), (i, j) => i.bfloat16().@float(), (i, j) => i.type_as(j > 0), (i, j) => i.cpu(), (i, j) => functional.one_hot(i, 3), (i, j) => i.to(i.dtype)),
        new("matmul", (Tensor x, Tensor y) => x.matmul(y), "Nx3x4", "Nx4x5"),
        new("matmul of vectors", (Tensor x, Tensor y) => x.matmul(y), "4", "4"),
        new("bmm", (Tensor x, Tensor y) => x.bmm(y), "Nx3x4", "Nx4x5"),
        new("mm", (Tensor x, Tensor y) => x.mm(y), "Nx4", "4x5"),
        new("mv", (Tensor x, Tensor y) => x.mv(y), "Nx4", "4"),
        new("dot", (Tensor x, Tensor y) => x.dot(y), "N", "N"),
        new("outer", (Tensor x, Tensor y) => x.outer(y), "N", "4"),
        new("addmm", (Tensor x, Tensor y, Tensor z) => x.addmm(y, z, beta: 2, alpha: 0.5f), "5", "Nx4", "4x5"),
        new("einsum", (Tensor x, Tensor y) => einsum("B I D, B J D -> B I J", x, y), "Nx3x4", "Nx5x4"),
        new("einsum, then written to", (Tensor x, Tensor y) => einsum("bid,bjd->bij", x, y).mul_(2) + x.sum(), "Nx3x4", "Nx5x4"),
        new("linear", (Tensor x, Tensor y, Tensor z) => functional.linear(x, y, z), "Nx3x4", "5x4", "5"),
        new("linear without bias", (Tensor x, Tensor y) => functional.linear(x, y), "Nx4", "5x4"),
        new("cosine_similarity", (Tensor x, Tensor y) => functional.cosine_similarity(x, y, 1), "Nx4", "Nx4"),
        new("in place", (Tensor x, Tensor y) => { var z = x + 0; z.add_(y).mul_(2).relu_(); return z - 1; }, "Nx4", "Nx4"),
        new("fill_, zero_, copy_", (Tensor x, Tensor y) => { var a = x + 0; a.fill_(3); var b = x + 0; b.zero_(); var c = x + 0; c.copy_(y); return (a, b, c); }, "Nx4", "4"),
    ];

    private static IEnumerable<Row> Unary(params Func<Tensor, Tensor>[] functions) => functions.Select((function, i) => new Row($"unary {i}", function, "Nx3x4"));

    private static IEnumerable<Row> Positive(params Func<Tensor, Tensor>[] functions) => functions.Select((function, i) => new Row($"positive {i}", function, "Nx3x4"));

    private static int binaries;

    private static IEnumerable<Row> Binary(params Func<Tensor, Tensor, Tensor>[] functions) => functions.Select(function => new Row($"binary {binaries++}", function, "Nx3x4", "3x4"));

    private static IEnumerable<Row> Whole(params Func<Tensor, Tensor, Tensor>[] functions) => functions.Select((function, i) => new Row($"integers {i}", function, "Nx4:int64", "4:int64"));
}
