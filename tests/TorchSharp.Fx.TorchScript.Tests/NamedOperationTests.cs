using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript.Tests;

/// <summary>Operations that are called by ATen's names are called by these in TorchScript, too.</summary>
[Collection(nameof(Alone))]
public sealed class NamedOperationTests
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> Calls = new(StringComparer.Ordinal)
    {
        ["lists of numbers"] = x => aten.call("roll", x, new long[] { 1, 2 }, new long[] { 0, 1 }),
        ["an empty list"] = x => aten.call("roll", x, new long[] { 3 }, Array.Empty<long>()),
        ["numbers of two kinds"] = x => aten.call("baddbmm", x.unsqueeze(0), x.unsqueeze(0), x.unsqueeze(0), 2L, 0.5),
        ["a number that is whole where a real one is asked for"] = x => aten.call("hardtanh", x, 0L, 1L),
        ["an argument by name"] = x => aten.call("var.correction", x, new long[] { 1 }, 1L, true),
        ["nothing in the place of a tensor"] = x => aten.call("scaled_dot_product_attention", x.unsqueeze(0), x.unsqueeze(0), x.unsqueeze(0), null, 0.0, true),
        ["several results"] = x => aten.call_many("aminmax", x, 1L)[0] + aten.call_many("aminmax", x, 1L)[1],
        ["a list of tensors"] = x => aten.call("chain_matmul", (object)new[] { x, x + 1, x }),
    };

    public static TheoryData<string> Names => [.. Calls.Keys];

    [Theory, MemberData(nameof(Names))]
    public void An_operation_gives_the_same_when_loaded(string name)
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace(Calls[name]);
        var path = Path.GetTempFileName();
        torchscript.export(traced, path);
        using var loaded = jit.load<Tensor, Tensor>(path);
        File.Delete(path);
        var x = rand(4, 4);
        Assert.True(Calls[name](x).allclose(loaded.call(x), 1e-5, 1e-6));
    }

    [Fact]
    public void A_call_with_too_many_arguments_is_refused()
    {
        using var traced = fx.symbolic_trace<Tensor, Tensor>(x => aten.call("fliplr", x, 1L));
        Assert.Contains("it is no operation of ATen with so many arguments",
            Assert.Throws<TorchScriptExportException>(() => torchscript.export(traced, "none.pt")).Message, StringComparison.Ordinal);
    }
}
