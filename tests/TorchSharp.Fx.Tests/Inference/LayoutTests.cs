using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>The order in which a result's elements lie in memory: views and random draws go by it, so an optimised copy keeps it.</summary>
[Collection(nameof(FeatureExtraction.Alone))] // they seed the generator that all share
public sealed class LayoutTests
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> Functions = new()
    {
        ["sum of a transposed and a new one"] = x => (x * 2).t() + x.tanh(),
        ["sum of a new and a transposed one"] = x => x.tanh() + (x * 2).t(),
        ["product of a part"] = x => (x * 2).narrow(1, 0, 2) * x.narrow(1, 1, 2).tanh(),
        ["sum with a broadcast one"] = x => (x * 2)[0] + x.tanh().t(),
        ["sum of a broadcast and a transposed one"] = x => x.mean([0]) + (x * 2).t(),
        ["activation of a part"] = x => nn.functional.silu((x * 2).narrow(1, 0, 2)),
        ["activation of every second"] = x => nn.functional.relu((x * 2)[.., TensorIndex.Slice(0, 4, 2)]),
        ["activation of whole numbers"] = x => nn.functional.tanh((x * 8).to(int64) * 2),
        ["activation of a transposed one"] = x => nn.functional.relu((x * 2).t()),
    };

    public static TheoryData<string> Names => [.. Functions.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Results_lie_in_memory_as_the_programs_do(string name) => Compare(Functions[name], (expected, actual) => Assert.Equal(expected.stride(), actual.stride()));

    [Theory, MemberData(nameof(Names))]
    public void Draws_after_them_are_the_same(string name) => Compare(x => Functions[name](x) is var result ? result + rand_like(result, dtype: float32) : result, (_, _) => { });

    private static void Compare(Func<Tensor, Tensor> function, Action<Tensor, Tensor> check)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var optimised = fx.symbolic_trace(function).optimize_for_inference();
        Tensor[] results = [.. new[] { function, optimised.call }.Select(run =>
        {
            manual_seed(5);
            return run(arange(16, dtype: float32).reshape(4, 4) / 8 - 1);
        })];
        Assert.True(results[0].allclose(results[1], 1e-5, 1e-6));
        check(results[0], results[1]);
    }
}
