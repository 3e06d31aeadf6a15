using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>Loops that run as often as a free dimension says are written as <c>map</c>, and run for every number of turns.</summary>
[Collection(nameof(Alone))]
public sealed class FreeLoopTests
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> Loops = new()
    {
        ["rows"] = x => stack(Turns(x, i => x[i].exp()), 0),
        ["nothing of the turn"] = x => stack(Turns(x, i => x.sum(0)), 0),
        ["a part of a row"] = x => stack(Turns(x, i => x[i, 1..] + x[i, 0] + x.select(0, i)[0]), 0),
        ["stacked behind"] = x => stack(Turns(x, i => x[i]), -1),
        ["joined"] = x => cat(Turns(x, i => x[i].relu()), 1),
        ["its number computed with"] = x => stack(Turns(x, i => (x[i] * i) + x.sum() - (2.5f * i) + (i * 3 % 2)), 0),
        ["rows from the end"] = x => stack(Turns(x, i => x[x.shape[0] - 1 - i]), 0),
        ["a column"] = x => stack(Turns(x, i => x.select(0, i).unsqueeze(0).narrow(1, 0, 2)), 1),
        ["windows"] = x => stack(Turns(x, i => cat([x, x], 0).narrow(0, i, 2)), 0),
        ["an index in the middle"] = x => stack(Turns(x, i => x.transpose(0, 1)[1.., i, .., TensorIndex.Null]), 0),
        ["an index behind an ellipsis"] = x => stack(Turns(x, i => x.permute(1, 2, 0)[TensorIndex.Ellipsis, i]), 0),
        ["its length and an item"] = x =>
        {
            var rows = Turns(x, i => x[i].sin());
            return stack(rows, 0) * rows.Count + rows[0];
        },
        ["two lists"] = x =>
        {
            var (first, second) = (new List<Tensor>(), new List<Tensor>());
            for (var i = 0; i < x.shape[0]; i++)
            {
                first.Add(x[i].exp());
                second.Add(x[i].unsqueeze(0).cos());
            }
            return stack(first, 0) + cat(second, 0);
        },
        ["a size that is free, too"] = x => stack(Turns(x, i => x[i] * x.shape[0]), 0),
        ["a loop of fixed turns in it"] = x => stack(Turns(x, i =>
        {
            var row = x[i];
            return stack(Enumerable.Range(0, (int)x.shape[1]).Select(j => row[j] + (10 * j)).ToList(), 0);
        }), 0),
    };

    public static TheoryData<string> Names => [.. Loops.Keys];

    [Theory, MemberData(nameof(Names))]
    public void AnyNumberOfTurnsRuns(string name)
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace(Loops[name]);
        Check(traced, Loops[name], rand(4, 3, 2));
    }

    private sealed class PerRow : Module<Tensor, Tensor>
    {
        private readonly Linear inner = Linear(4, 3);
        private readonly Parameter scale = Parameter(rand(3));
        private readonly BatchNorm1d norm = BatchNorm1d(3);

        internal PerRow() : base(nameof(PerRow)) => RegisterComponents();

        public override Tensor forward(Tensor x)
            => stack(Turns(x, i => norm.call(inner.call(x[i]) * scale).relu()), 0) + scale;
    }

    /// <summary>A turn gets the tensors of the layers that it calls.</summary>
    [Fact]
    public void LayersRunInATurn()
    {
        using var scope = NewDisposeScope();
        var model = new PerRow();
        model.eval();
        using var traced = fx.symbolic_trace(model);
        Check(traced, model.forward, rand(4, 5, 4));
    }

    [Fact]
    public void ReadingTheListAsAWholeIsRefused()
    {
        using var traced = fx.symbolic_trace<Tensor, Tensor>(x => hstack(Turns(x, i => x[i])));
        Assert.Contains("it reads the list that the loop 'map_1' collects, whose length is free", Refusal(traced), StringComparison.Ordinal);
    }

    [Fact]
    public void ANumberThatIsNoIndexIsRefused()
    {
        using var traced = fx.symbolic_trace<Tensor, Tensor>(x => stack(Turns(x, i => x[i].roll(i, 0)), 0));
        Assert.Contains("in a turn (roll) takes a number that a program has as a tensor there", Refusal(traced), StringComparison.Ordinal);
    }

    private static string Refusal(GraphModule<Tensor, Tensor> traced)
        => Assert.Throws<NotSupportedException>(() => { Write(traced, rand(4, 3)).Dispose(); }).Message;

    private static List<Tensor> Turns(Tensor x, Func<int, Tensor> turn)
    {
        var rows = new List<Tensor>();
        for (var i = 0; i < x.shape[0]; i++)
            rows.Add(turn(i));
        return rows;
    }

    private static void Check(GraphModule<Tensor, Tensor> traced, Func<Tensor, Tensor> eager, Tensor x)
    {
        Assert.Contains(traced.graph.nodes, node => node.target is MapTarget);
        using var loaded = Write(traced, x);
        Assert.Contains(loaded.graph.nodes, node => node.target is MapTarget);
        using var _ = no_grad();
        foreach (var turns in new[] { 4, 1, 7 })
        {
            var given = rand([turns, .. x.shape[1..]]);
            Assert.True(eager(given).allclose(loaded.call(given), 1e-5, 1e-6), $"{turns} turns");
        }
    }

    private static GraphModule<Tensor, Tensor> Write(GraphModule<Tensor, Tensor> traced, Tensor x)
        => (GraphModule<Tensor, Tensor>)WrittenProgram.Of(traced, [x], new Dictionary<string, IReadOnlyDictionary<int, Dim>>
        {
            ["x"] = new Dictionary<int, Dim> { [0] = new("n") },
        });
}
