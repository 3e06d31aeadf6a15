using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>Forms that no single operation of ONNX has give what TorchSharp gives.</summary>
public sealed class FormTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly OnnxModel exported = new();

    public void Dispose()
    {
        exported.Dispose();
        scope.Dispose();
    }

    /// <summary>The converters that the tests here, and those of all arguments, are of.</summary>
    internal static readonly string[] Covered =
    [
        "randperm", "arctan2", "atan2", "grid_sample", "multinomial", "pad_sequence", "quantile", "rand", "rand_like", "randn", "randn_like", "tensordot", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss", "kl_div",
        "binary_cross_entropy", "binary_cross_entropy_with_logits", "nll_loss", "cross_entropy",
    ];

    private static readonly torch.Tensor X = tensor(new float[,] { { 1, -2, 3 }, { 0.5f, 4, -1 }, { 2, 0, -3 } }).DetachFromDisposeScope();

    public static TheoryData<string> Names => [.. Functions.Keys];

    private static readonly Dictionary<string, Func<torch.Tensor, torch.Tensor>> Functions = new()
    {
        ["adding at indices that come twice"] = x => x.clone().index_put_(ones(3, 3), [tensor(new[] { 0L, 0L, 2L })], accumulate: true),
        ["setting at indices of two dimensions"] = x => x.clone().index_put_(tensor(new[] { 7f, 8f }), [tensor(new[] { 0L, 2L }), tensor(new[] { 1L, 1L })]),
        ["adding where a mask is true"] = x => x.clone().index_put_(tensor(5f), [x > 0], accumulate: true),
        ["setting where a mask is true, by a tensor"] = x => Set(x.clone(), x > 0, arange(5).to(float32)),
        ["setting where a mask is true, by a number"] = x => Set(x.clone(), x > 0, 9),
        ["setting the inside of one row"] = x => Inside(x[..1].clone()),
        ["setting the inside of three rows"] = x => Inside(x.clone()),
        ["setting from the end to the front"] = x => Crossed(x.clone()),
        ["setting every second column"] = x => SetAt(x.clone(), [TensorIndex.Colon, TensorIndex.Slice(0, null, 2)], x[.., ..2]),
        ["setting every second row and one column"] = x => SetAt(x.clone(), [TensorIndex.Slice(null, null, 2), TensorIndex.Single(1)], tensor(5f)),
        ["setting by a list of columns"] = x => SetAt(x.clone(), [TensorIndex.Colon, TensorIndex.Tensor(tensor(new[] { 2L, 0L }))], x[.., 1..]),
        ["setting with a new axis"] = x => SetAt(x.clone(), [TensorIndex.Single(1), TensorIndex.Null, TensorIndex.Slice(1)], x[..1, 1..] - 1),
        ["adding at columns that come twice"] = x => x.clone().index_add_(1, tensor(new[] { 1L, 1L }), x[.., ..2], 1),
        ["lerp by a number"] = x => x.lerp(x + 1, 0.3f),
        ["comparing in place"] = x => x.clone().gt_(0.5),
        ["a sum of bools"] = x => (x > 0).sum(1),
        ["a sum of bools as small integers"] = x => (x > 0).sum(int32),
        ["a choice of bools"] = x => where(x > 0, x > 1, x < -1),
        ["rounding to decimals"] = x => (x / 7).round(2),
        ["local responses of an even number of channels"] = x => functional.local_response_norm(x.reshape(1, 3, 3, 1), 2, 0.5, 0.6, 2),
        ["a deviation of columns"] = x => x.std(1),
        ["a deviation of the whole, biased"] = x => x.std(false),
        ["a variance whose argument TorchSharp drops"] = x => x.var(false),
        ["a division whose rounding TorchSharp drops"] = x => div(x, 0.7, RoundingMode.floor),
        ["a division that rounds"] = x => x.div(0.7, RoundingMode.floor),
        ["a division in place that rounds"] = x => x.clone().div_(tensor(0.7f), RoundingMode.trunc),
        ["softplus with a threshold"] = x => functional.softplus(x, 1, 1),
        ["bytes"] = x => (x.to(uint8) + tensor(new byte[] { 250, 1, 2 })).to(int32),
        ["bytes of a constant"] = x => x * tensor(new byte[] { 2, 1, 3 }),
        ["an angle"] = x => atan2(x, x.t() - 1),
        ["pooling without a batch"] = x => functional.max_pool2d(x.unsqueeze(0), 2),
        ["numbers of an array"] = x => x + from_array(new float[,] { { 1, 2, 3 } }),
        ["tensordot"] = x => tensordot(x, x + 1, [1], [0]),
        ["tensordot over two dimensions"] = x => tensordot(x.reshape(3, 3, 1), x.reshape(1, 3, 3), [0, 1], [2, 1]),
        ["a quantile of all"] = x => x.quantile(tensor(0.3f)),
        ["quantiles of columns"] = x => x.quantile(tensor(new[] { 0.25f, 0.9f }), 0, keepdim: true),
        ["a quantile of rows"] = x => x.quantile(tensor(0.4f), 1),
        ["resizing by area"] = x => functional.interpolate(x.reshape(1, 1, 3, 3), [2, 2], mode: InterpolationMode.Area),
        ["sampling a grid"] = x => functional.grid_sample(x.reshape(1, 1, 3, 3), (x.reshape(1, 3, 3, 1).cat_(x.t().reshape(1, 3, 3, 1)) / 3), align_corners: false),
        ["drawing numbers"] = x => (randn_like(x) + rand_like(x)).isfinite(),
        ["drawing of sizes"] = x => (randn(x.shape[0], 3) + rand(x.shape[0], 3)).isfinite(),
        ["drawing rows"] = x => x[..2].relu().multinomial(2).sort(1).Values,
        ["drawing again"] = x => (x[0] > 2).to(float32).multinomial(4, true),
        ["padding a sequence"] = x => nn.utils.rnn.pad_sequence([x[..2], x, x[..1]], true, -1),
    };

    private static torch.Tensor Set(torch.Tensor x, torch.Tensor mask, torch.Tensor value)
    {
        x[mask] = value;
        return x;
    }

    private static torch.Tensor SetAt(torch.Tensor x, TensorIndex[] places, torch.Tensor value)
    {
        x[places] = value;
        return x;
    }

    private static torch.Tensor Inside(torch.Tensor x)
    {
        x[1..^1] = 0;
        return x;
    }

    private static torch.Tensor Crossed(torch.Tensor x)
    {
        x[^2..1] = 5;
        x[.., ^2..3] = 6;
        return x;
    }

    [Theory, MemberData(nameof(Names))]
    public void A_form_gives_the_same(string name)
    {
        using var traced = fx.symbolic_trace(Functions[name]);
        onnx.export(traced, exported.Path, [X]);
        OnnxModel.AssertClose(Functions[name](X), exported.Run(X).Values.Single(), name);
    }

    [Fact]
    public void A_permutation_is_one_of_all_numbers()
    {
        using var traced = fx.symbolic_trace((torch.Tensor x) => (x[randperm(x.shape[0])], randperm(500)));
        onnx.export(traced, exported.Path, [InputShape.Parse("Nx1")]);
        var given = exported.Run(arange(9, dtype: float32).reshape(9, 1));
        OnnxModel.AssertClose(arange(9, dtype: float32), given["output_0"].flatten().sort().Values);
        OnnxModel.AssertClose(arange(500), given["output_1"].sort().Values);
        Assert.False(arange(500).Equals(given["output_1"]));
    }
}

internal static class Joined
{
    internal static torch.Tensor cat_(this torch.Tensor a, torch.Tensor b) => cat([a, b], -1);
}
