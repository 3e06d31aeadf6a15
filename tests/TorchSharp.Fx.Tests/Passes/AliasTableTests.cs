using System.Reflection;
using TorchSharp.Fx.Tests.Runtime;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Runs TorchSharp's operations and writes to their argument afterwards: a result that changes with it must be in the table.</summary>
public sealed class AliasTableTests
{
    /// <summary>Not to be called on just any tensor.</summary>
    private static readonly HashSet<string> Skipped =
    [
        // They need a device that may be missing, or crash the process on what does not fit them.
        "cuda", "mps", "xpu", "to_sparse", "indices", "values", "crow_indices", "col_indices", "cholesky_inverse", "dequantize", "int_repr", "q_per_channel_scales", "q_per_channel_zero_points",
        "sparse_mask", "qr", "lobpcg", "mv", "grad",
    ];

    private static readonly ILookup<string, MethodInfo> OfOneTensor =
        new[] { typeof(Tensor), typeof(torch), typeof(nn.functional), typeof(special), typeof(fft), typeof(linalg) }
        .SelectMany(type => type.GetMethods())
        .Where(method => method.ReturnType == typeof(Tensor) && !method.IsGenericMethod && !method.Name.EndsWith('_') && !Skipped.Contains(Name(method)) && TakesOneTensor(method))
        .ToLookup(Name);

    public static TheoryData<string> Names => [.. OfOneTensor.Select(methods => methods.Key).Where(name => !AliasTables.Operations.Contains(name)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void An_operation_of_one_tensor_that_is_in_no_table_has_storage_of_its_own(string name)
    {
        foreach (var method in OfOneTensor[name])
            foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Int64, ScalarType.Bool })
            {
                using var x = zeros([2, 2], dtype);
                Assert.False(Run(method, x) is { } result && SharesStorage(x, result), $"{method.DeclaringType!.Name}.{name} returns a view of its {dtype} argument");
            }
    }

    public static TheoryData<string> Views => [.. Viewing.Keys];

    [Theory]
    [MemberData(nameof(Views))]
    public void What_is_in_the_table_does_share_storage(string name)
    {
        Assert.Contains(name, AliasTables.Operations.Items);
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
        var shared = Modules().Where(module => SharesStorage(x, Evaluated(module).call(x))).Select(module => module.GetType().Name);
        Assert.All(shared, name => Assert.Contains(name, AliasTables.Modules.Items));
        Assert.Contains("Identity", shared);
        Assert.Contains("Dropout", shared);
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

    private static Tensor? Run(MethodInfo method, Tensor x)
    {
        try
        {
            var defaults = method.GetParameters().Select(parameter => parameter.HasDefaultValue ? parameter.DefaultValue : x).ToArray();
            return (Tensor?)method.Invoke(method.IsStatic ? null : x, defaults);
        }
        catch (TargetInvocationException)
        {
            return null;
        }
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

    private static bool TakesOneTensor(MethodInfo method)
    {
        var required = method.GetParameters().Where(parameter => !parameter.HasDefaultValue).ToArray();
        return method.IsStatic ? required is [{ ParameterType: var type }] && type == typeof(Tensor) : required is [];
    }

    private static string Name(MethodInfo method) => method.IsSpecialName && method.Name.StartsWith("get_", StringComparison.Ordinal) ? method.Name[4..] : method.Name;
}
