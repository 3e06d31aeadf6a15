using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>Loops that collect: turn by turn where their number is fixed, else as ONNX's <c>Loop</c>, for any number of turns.</summary>
public sealed class LoopTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly OnnxModel exported = new();

    public void Dispose()
    {
        exported.Dispose();
        scope.Dispose();
    }

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Loops = new()
    {
        ["stacked"] = x =>
        {
            var rows = new List<Tensor>();
            for (var i = 0; i < x.shape[0]; i++)
                rows.Add((x[i] * i) + x.sum());
            return stack(rows, 0);
        },
        ["joined, of several lengths"] = x =>
        {
            var rows = new List<Tensor>();
            for (var i = 0; i < x.shape[0]; i++)
                rows.Add(x[i..] * 2);
            return cat(rows, 0);
        },
        ["two lists, one read by an index"] = x =>
        {
            var (first, second) = (new List<Tensor>(), new List<Tensor>());
            foreach (var row in x.unbind(0))
            {
                first.Add(row.exp());
                second.Add(row.unsqueeze(0));
            }
            return cat(second, 0) + first[0];
        },
        ["a loop in a loop"] = x =>
        {
            var rows = new Tensor[x.shape[0]];
            for (var i = 0; i < rows.Length; i++)
            {
                var row = x[i];
                rows[i] = stack(Enumerable.Range(0, (int)x.shape[1]).Select(j => row[j] + (10 * j)).ToList(), 0);
            }
            return stack(rows, 1);
        },
        ["pieces"] = x => cat(x.split(2, 0).Select(piece => piece.mean([0], keepdim: true)).ToList(), 0),
        ["chosen by data"] = x =>
        {
            var places = x.gt(-2).nonzero();
            var rows = new List<Tensor>();
            for (var i = 0; i < places.shape[0]; i++)
                rows.Add(x[places[i][0]] + places[i][1]);
            return stack(rows, 0);
        },
    };

    public static TheoryData<string> Names => [.. Loops.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Any_number_of_turns(string name)
    {
        using var traced = fx.symbolic_trace(Loops[name]);
        onnx.export(traced, exported.Path, [Input(4)], dynamic_axes: new Dictionary<string, IReadOnlyDictionary<int, string>> { ["x"] = new Dictionary<int, string> { [0] = "N" } });
        foreach (var count in new[] { 1, 3, 6 })
            OnnxModel.AssertClose(Loops[name](Input(count)), exported.Run(Input(count)).Values.Single(), $"{name} for {count}");
    }

    [Theory, MemberData(nameof(Names))]
    public void A_number_of_turns_that_is_fixed(string name)
    {
        using var traced = fx.symbolic_trace(Loops[name]);
        onnx.export(traced, exported.Path, [Input(4)]);
        OnnxModel.AssertClose(Loops[name](Input(4)), exported.Run(Input(4)).Values.Single(), name);
    }

    private static readonly Func<Tensor, Tensor> Filled = x =>
    {
        var result = zeros_like(x);
        for (var i = 0; i < x.shape[0]; i++)
            result[i] = x[i] * i;
        return result;
    };

    [Fact]
    public void A_tensor_is_filled_where_the_number_of_turns_is_fixed_and_refused_where_it_is_free()
    {
        using var traced = fx.symbolic_trace(Filled);
        onnx.export(traced, exported.Path, [Input(3)]);
        OnnxModel.AssertClose(Filled(Input(3)), exported.Run(Input(3)).Values.Single());
        var refusal = Assert.Throws<OnnxExportException>(() => onnx.export(traced, exported.Path, [InputShape.Parse("Nx3")]));
        Assert.Contains("its number of turns is free, and a turn writes to a tensor from before the loop; collect the parts in a list, and join that", refusal.Message, StringComparison.Ordinal);
    }

    private static Tensor Input(int count) => arange(count * 3).to(float32).reshape(count, 3) - 2;
}
