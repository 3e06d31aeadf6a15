using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>What C# programs call and ATen has not as one operation is written all the same, and gives what eager gives.</summary>
public sealed class LoweringTests
{
    private sealed class Recurrent<T>(T layer, Func<T, Tensor, Tensor> run) : Module<Tensor, Tensor>("recurrent")
        where T : Module
    {
        internal T Layer { get; } = layer;

        public override Tensor forward(Tensor x) => run(Layer, x);
    }

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Functions = new()
    {
        ["sizes one by one"] = x => x.sum() + zeros(x.shape[0], 5) + ones(1, 5) + full(x.shape[0], 1, 2.5),
        ["sizes as 32 bit numbers"] = x => x.view((int)x.shape[0], -1) + zeros((int)x.shape[0], 1),
        ["a part up to a size"] = x => x[.., ..(int)x.shape[0]] * 2,
        ["a range up to a size"] = x => x.flatten(1).sum(1) + arange((int)x.shape[0], dtype: float32),
        ["normalised rows"] = x => functional.normalize(x, 2, 1),
        ["a number over a tensor"] = x => 2.0 / (x + 1) + 3 / (x + 2),
        ["a number and a tensor"] = x => (1 + x) * (2 - x) + (0.5 * x),
        ["largest without keeping"] = x => x.amax(new long[] { 1 }) + functional.log_softmax(x, 1).sum(1),
        ["a grid"] = x => functional.affine_grid(x.flatten(1)[.., ..6].reshape(-1, 2, 3), [x.shape[0], 1, 4, 4], true),
    };

    public static TheoryData<string> Names => [.. Functions.Keys];

    [Theory, MemberData(nameof(Names))]
    public void AFunctionIsWritten(string name)
    {
        using var traced = fx.symbolic_trace(Functions[name], suppress_trace_warning: true);
        Check(traced, Functions[name], rand(3, 4, 2));
    }

    [Fact]
    public void RecurrentLayersAreWritten()
    {
        using var scope = NewDisposeScope();
        Layer(new Recurrent<TorchSharp.Modules.LSTM>(LSTM(4, 5, 2, batchFirst: true, bidirectional: true), (layer, x) => layer.call(x).Item1), rand(2, 6, 4));
        Layer(new Recurrent<TorchSharp.Modules.LSTM>(LSTM(4, 5), (layer, x) => layer.call(x, (ones(1, x.shape[1], 5), zeros(1, x.shape[1], 5))).Item3), rand(6, 2, 4));
        Layer(new Recurrent<TorchSharp.Modules.GRU>(GRU(4, 5, bias: false), (layer, x) => layer.call(x).Item1 + layer.call(x).Item2), rand(6, 2, 4));
        Layer(new Recurrent<TorchSharp.Modules.RNN>(RNN(4, 5, 1, NonLinearities.ReLU), (layer, x) => layer.call(x).Item1), rand(6, 2, 4));

        static void Layer<T>(Recurrent<T> model, Tensor x) where T : Module
        {
            model.eval();
            using var traced = fx.symbolic_trace(model, suppress_trace_warning: true);
            Check(traced, model.call, x);
        }
    }

    [Fact]
    public void TheExampleAndTheModelStayAsTheyAre()
    {
        using var scope = NewDisposeScope();
        var norm = BatchNorm1d(3);
        norm.train();
        using var traced = fx.symbolic_trace(norm);
        var (x, before) = (rand(4, 3), norm.running_mean!.clone());
        var given = x.clone();
        Write(traced, x);
        using var writing = fx.symbolic_trace<Tensor, Tensor>(t => t.mul_(2));
        Write(writing, x);
        Assert.True(given.equal(x).all().ToBoolean());
        Assert.True(before.equal(norm.running_mean!).all().ToBoolean());
    }

    [Fact]
    public void ANumberFromATensorIsRefused()
    {
        using var traced = fx.symbolic_trace<Tensor, Tensor>(x => x * x.sum().ToScalar().ToDouble(), example_inputs: [ones(2)], suppress_trace_warning: true);
        var error = Assert.Throws<NotSupportedException>(() => Write(traced, ones(2)));
        Assert.Contains("its number depends on the elements of a tensor", error.Message, StringComparison.Ordinal);
    }

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Indices = new()
    {
        ["a tensor behind an ellipsis"] = x => x[TensorIndex.Ellipsis, TensorIndex.Tensor(tensor([1L, 0L, 1L]))],
        ["tensors behind an ellipsis, and a range"] = x => x[TensorIndex.Ellipsis, TensorIndex.Tensor(tensor([1L, 0L])), 1.., TensorIndex.Tensor(tensor([0L, 1L]))],
        ["a mask of two dimensions, and a number"] = x => x[TensorIndex.Tensor(x.sum([2, 3]) > 4), TensorIndex.Colon, 0],
        ["a mask of two dimensions, an ellipsis and a number"] = x => x[TensorIndex.Tensor(x.sum([2, 3]) > 4), TensorIndex.Ellipsis, 1],
        ["an ellipsis and a mask of two dimensions"] = x => x[TensorIndex.Ellipsis, TensorIndex.Tensor(x[0, 0] > 0.5)],
        ["a mask of two dimensions and a new one"] = x => x[TensorIndex.Tensor(x.sum([2, 3]) > 4), TensorIndex.Null],
    };

    public static TheoryData<string> IndexNames => [.. Indices.Keys];

    [Theory, MemberData(nameof(IndexNames))]
    public void AnIndexIsWrittenAsPyTorchReadsIt(string name)
    {
        using var traced = fx.symbolic_trace(Indices[name]);
        Check(traced, Indices[name], rand(3, 4, 3, 2));
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
        ["two lists of several lengths, one read by an index"] = x =>
        {
            var (first, second) = (new List<Tensor>(), new List<Tensor>());
            for (var i = 0; i < x.shape[0]; i++)
            {
                first.Add(x[i..].exp());
                second.Add(x[i].unsqueeze(0));
            }
            return cat(first, 0).sum(0) + second[0] + cat(second, 0);
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
    };

    public static TheoryData<string> LoopNames => [.. Loops.Keys];

    [Theory, MemberData(nameof(LoopNames))]
    public void TurnsOfAFixedNumberAreWrittenOneBelowTheOther(string name)
    {
        using var traced = fx.symbolic_trace(Loops[name]);
        Assert.Contains(traced.graph.nodes, node => node.target is MapTarget);
        Check(traced, Loops[name], rand(4, 3, 2));
    }

    private static void Check(GraphModule<Tensor, Tensor> traced, Func<Tensor, Tensor> eager, Tensor x)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var loaded = Write(traced, x);
        Assert.True(eager(x).allclose(loaded.call(x), 1e-5, 1e-6));
    }

    private static GraphModule<Tensor, Tensor> Write(GraphModule<Tensor, Tensor> traced, Tensor x)
        => (GraphModule<Tensor, Tensor>)WrittenProgram.Of(traced, [x], name: "lowered");
}
