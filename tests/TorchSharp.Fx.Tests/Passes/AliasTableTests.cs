using TorchSharp.Fx.Tests.Runtime;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Runs operations and writes to their argument afterwards: the result of what the table calls a view changes with it.</summary>
public sealed class AliasTableTests
{
    public static TheoryData<string> Views => [.. Viewing.Keys];

    [Theory]
    [MemberData(nameof(Views))]
    public void What_the_table_says_does_share_storage(string name)
    {
        var type = name == "dropout" ? typeof(nn.functional) : typeof(Tensor);
        Assert.NotEqual(Operands.None, Fx.Graphs.Operations.Of(type.GetMethods().First(method => method.Name == name || method.Name == "get_" + name)).Views);
        using var x = zeros(2, 6);
        Assert.True(SharesStorage(x, Viewing[name](x)));
    }

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Viewing = new()
    {
        ["view"] = x => x.view(12), ["reshape"] = x => x.reshape(3, 4), ["flatten"] = x => x.flatten(), ["transpose"] = x => x.transpose(0, 1), ["permute"] = x => x.permute(1, 0),
        ["t"] = x => x.t(), ["T"] = x => x.T, ["mT"] = x => x.mT, ["squeeze"] = x => x.squeeze(), ["unsqueeze"] = x => x.unsqueeze(0), ["expand"] = x => x.expand(3, 2, 6),
        ["narrow"] = x => x.narrow(1, 0, 2), ["select"] = x => x.select(0, 0), ["slice"] = x => x.slice(1, 0, 4, 2), ["TensorItems"] = x => x[0], ["chunk"] = x => x.chunk(2, 1)[0],
        ["split"] = x => x.split(3, 1)[0], ["unbind"] = x => x.unbind(0)[0], ["detach"] = x => x.detach(), ["alias"] = x => x.alias(), ["contiguous"] = x => x.contiguous(), ["to"] = x => x.to(ScalarType.Float32),
        ["to_type"] = x => x.to_type(ScalarType.Float32), ["type_as"] = x => x.type_as(x), ["diagonal"] = x => x.diagonal(), ["unfold"] = x => x.unfold(1, 2, 2), ["movedim"] = x => x.movedim([0L], [1L]),
        ["swapaxes"] = x => x.swapaxes(0, 1), ["as_strided"] = x => x.as_strided([2, 2], [1, 1]), ["view_as"] = x => x.view_as(x), ["expand_as"] = x => x.expand_as(x), ["hardtanh"] = x => x.hardtanh(0, 1),
        ["dropout"] = x => nn.functional.dropout(x, 0.5, training: false), ["positive"] = x => x.positive(), ["real"] = x => x.real, ["unflatten"] = x => x.unflatten(1, [2L, 3L]),
        ["broadcast_to"] = x => x.broadcast_to(3, 2, 6), ["tensor_split"] = x => x.tensor_split(2, 1)[0], ["ravel"] = x => x.ravel(), ["atleast_2d"] = x => x.atleast_2d(),
    };

    [Fact]
    public void Modules_of_torchsharp_return_their_input_only_where_the_table_says_so()
    {
        using var x = rand(2, 4, 8, 8);
        var call = typeof(nn.Module<Tensor, Tensor>).GetMethod("call")!;
        var shared = Modules().Where(module => SharesStorage(x, Evaluated(module).call(x))).ToArray();
        Assert.All(shared, module => Assert.Equal(Operands.First, Fx.Graphs.Operations.Of(module, call, training: false).Views));
        Assert.Contains("Identity", shared.Select(module => module.GetType().Name));
        Assert.Contains("Dropout", shared.Select(module => module.GetType().Name));
    }

    private static nn.Module<Tensor, Tensor>[] Modules() =>
    [
        nn.Identity(), nn.Flatten(), nn.Unflatten(1, [2L, 2L]), nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout(), nn.ReLU(), nn.ReLU6(), nn.GELU(), nn.SiLU(), nn.Mish(), nn.ELU(), nn.CELU(), nn.SELU(),
        nn.Hardswish(), nn.Hardsigmoid(), nn.Hardtanh(), nn.LeakyReLU(), nn.Sigmoid(), nn.Tanh(), nn.Softmax(1), nn.Softplus(), nn.Softsign(), nn.Threshold(0, 0), nn.PReLU(4), nn.RReLU(),
        nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.LayerNorm([8, 8]), nn.InstanceNorm2d(4), nn.Linear(8, 8), nn.MaxPool2d(1), nn.AvgPool2d(1), nn.AdaptiveAvgPool2d([8, 8]),
        nn.ZeroPad2d(0), nn.ReflectionPad2d(0), nn.Upsample([8, 8]), nn.PixelShuffle(1), nn.LocalResponseNorm(2), nn.Softmin(1), nn.LogSigmoid(), nn.Hardshrink(), nn.Softshrink(), nn.Tanhshrink(),
    ];

    private static nn.Module<Tensor, Tensor> Evaluated(nn.Module<Tensor, Tensor> module)
    {
        module.eval();
        return module;
    }

    /// <summary>Whether writing to one changes the other.</summary>
    private static bool SharesStorage(Tensor x, Tensor result)
    {
        using var none = no_grad();
        x.fill_(0);
        var before = EvaluatorTests.Flatten(result);
        x.fill_(1);
        return !before.SequenceEqual(EvaluatorTests.Flatten(result));
    }
}
