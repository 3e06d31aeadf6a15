using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript.Tests;

/// <summary>Views that TorchScript's compiler takes for new tensors, and writes to them.</summary>
[Collection(nameof(Alone))]
public sealed class HiddenViewTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly Archive archive = new();

    public void Dispose()
    {
        archive.Dispose();
        scope.Dispose();
    }

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Functions = new()
    {
        ["einsum"] = x => einsum("ij->ji", x),
        ["cat"] = x => cat([x]),
        ["dropout"] = x => nn.functional.dropout(x, 0.5, false),
        ["type_as"] = x => x.type_as(x),
        ["broadcast_tensors"] = x => broadcast_tensors(x, x)[0],
    };

    public static TheoryData<string> Names => [.. Functions.Keys];

    [Theory, MemberData(nameof(Names))]
    public void A_write_to_one_is_refused_where_another_reads_the_memory_later(string name)
    {
        var view = Functions[name];
        using var traced = fx.symbolic_trace((Tensor x) =>
        {
            var y = x * 2;
            view(y).add_(1);
            return y;
        });
        var refused = Assert.Throws<TorchScriptExportException>(() => torchscript.export(traced, archive.Path, [ones(2, 2)]));
        Assert.Contains("it writes to memory that 'mul' shares, which TorchScript takes for two tensors. Write to 'mul' itself, or to a clone.", refused.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Names))]
    public void A_write_that_only_its_own_readers_see_is_exported(string name)
    {
        var view = Functions[name];
        Same(x => view(x * 2).add_(1));
    }

    [Fact]
    public void So_is_a_write_by_a_view_that_is_declared() => Same(x =>
    {
        var y = x * 2;
        y.t()[0].add_(1);
        return y;
    });

    [Fact]
    public void Rows_of_a_table_with_a_largest_norm_are_scaled_and_the_table_stays()
    {
        using var table = nn.Sequential(nn.Embedding(4, 3, max_norm: 0.5));
        table.eval();
        using var mode = no_grad();
        var before = table.state_dict()["0.weight"].clone();
        using var traced = fx.symbolic_trace(table);
        torchscript.export(traced, archive.Path);
        Assert.Equal(before, table.state_dict()["0.weight"]);
        using var loaded = archive.Load();
        Archive.AssertClose(table.call(arange(4)), (Tensor)loaded.call(arange(4)));
    }

    private void Same(Func<Tensor, Tensor> function)
    {
        using var traced = fx.symbolic_trace(function);
        torchscript.export(traced, archive.Path, [ones(2, 2)]);
        using var loaded = archive.Load();
        var x = rand(2, 2);
        Archive.AssertClose(function(x), (Tensor)loaded.call(x));
    }
}
