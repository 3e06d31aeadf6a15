using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Sequence;

/// <summary>The top two experts of each token; every expert runs and is weighted.</summary>
internal sealed class TopKMoE : Module<Tensor, Tensor>
{
    private readonly Linear gate;
    private readonly ModuleList<LlamaMLP> experts;
    private readonly int k;

    public TopKMoE(int count, int k) : base(nameof(TopKMoE))
    {
        this.k = k;
        gate = Linear(16, count, hasBias: false);
        experts = new ModuleList<LlamaMLP>([.. Enumerable.Range(0, count).Select(_ => new LlamaMLP(new()))]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor hidden)
    {
        var shape = hidden.shape;
        var x = hidden.view(-1, shape[^1]);
        var (weights, selected) = gate.call(x).softmax(-1).topk(k, dim: -1);
        weights = weights / weights.sum(-1, keepdim: true);
        var result = zeros_like(x);
        foreach (var (expert, i) in experts.Select((expert, i) => (expert, i)))
        {
            var share = (weights * selected.eq(i).to_type(weights.dtype)).sum(-1, keepdim: true);
            result.add_(share * expert.call(x));
        }
        return result.view(shape);
    }
}

/// <summary>One expert a token, tokens picked by a mask, written back by indices.</summary>
internal sealed class SwitchMoE : Module<Tensor, (Tensor Output, Tensor BalanceLoss)>
{
    private readonly Linear router;
    private readonly List<Linear> experts = [];

    public SwitchMoE(long width, int count) : base(nameof(SwitchMoE))
    {
        router = Linear(width, count);
        for (var i = 0; i < count; i++)
        {
            experts.Add(Linear(width, width));
            register_module($"expert{i}", experts[i]);
        }
        RegisterComponents();
    }

    public override (Tensor Output, Tensor BalanceLoss) forward(Tensor x)
    {
        var probabilities = router.call(x).softmax(-1);
        var (top, index) = probabilities.max(-1);
        var output = zeros_like(x);
        for (var i = 0; i < experts.Count; i++)
        {
            var tokens = (index == i).nonzero().squeeze(-1);
            output.index_copy_(0, tokens, experts[i].call(x.index_select(0, tokens)) * top.index_select(0, tokens).unsqueeze(-1));
        }
        var density = functional.one_hot(index, experts.Count).@float().mean([0]);
        return (output, (density * probabilities.mean([0])).sum() * experts.Count);
    }
}

/// <summary>A tree of fixed depth: each inner node routes by a sigmoid, leaves answer.</summary>
internal sealed class SoftDecisionTree : Module<Tensor, Tensor>
{
    private readonly Node root;

    public SoftDecisionTree(long features, long classes, int depth) : base(nameof(SoftDecisionTree))
    {
        root = new Node(features, classes, depth);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => root.call(x).log();

    private sealed class Node : Module<Tensor, Tensor>
    {
        private readonly Linear? gate;
        private readonly Node? left, right;
        private readonly Parameter? leaf;

        public Node(long features, long classes, int depth) : base(nameof(Node))
        {
            if (depth == 0)
                leaf = Parameter(randn(classes));
            else
                (gate, left, right) = (Linear(features, 1), new Node(features, classes, depth - 1), new Node(features, classes, depth - 1));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            if (gate is null || left is null || right is null)
                return functional.softmax(leaf!, 0).expand(x.shape[0], -1);
            var p = sigmoid(gate.call(x));
            return (p * left.call(x)) + ((1 - p) * right.call(x));
        }
    }
}

/// <summary>Child-sum over a syntax that is given with the model, by recursion in a local function.</summary>
internal sealed class TreeLSTM : Module<Tensor, Tensor>
{
    internal sealed record Syntax(int Word, params Syntax[] Children);

    private readonly Syntax syntax;
    private readonly Linear iou, uIou, f, uF;

    public TreeLSTM(long width, Syntax syntax) : base(nameof(TreeLSTM))
    {
        this.syntax = syntax;
        (iou, uIou, f, uF) = (Linear(width, 3 * width), Linear(width, 3 * width, hasBias: false), Linear(width, width), Linear(width, width, hasBias: false));
        RegisterComponents();
    }

    public override Tensor forward(Tensor words)
    {
        return Visit(syntax).Hidden;

        (Tensor Hidden, Tensor Cell) Visit(Syntax node)
        {
            var x = words.select(1, node.Word);
            var children = node.Children.Select(Visit).ToList();
            var sum = children.Aggregate(zeros_like(x), (total, child) => total + child.Hidden);
            var gates = (iou.call(x) + uIou.call(sum)).chunk(3, 1);
            var cell = sigmoid(gates[0]) * tanh(gates[2]);
            foreach (var child in children)
                cell += sigmoid(f.call(x) + uF.call(child.Hidden)) * child.Cell;
            return (sigmoid(gates[1]) * tanh(cell), cell);
        }
    }
}

/// <summary>One step of beam search: scores of all continuations, the best of them, and where they came from.</summary>
internal sealed class BeamStep(int beams) : Module<Tensor, Tensor, Tensor, (Tensor Scores, Tensor Sequences)>(nameof(BeamStep))
{
    public override (Tensor Scores, Tensor Sequences) forward(Tensor logits, Tensor scores, Tensor sequences)
    {
        var (batch, vocabulary) = (scores.shape[0], logits.shape[^1]);
        var total = (functional.log_softmax(logits, -1).view(batch, beams, vocabulary) + scores.unsqueeze(-1)).view(batch, -1);
        var (best, flat) = total.topk(beams, dim: 1);
        var (beam, token) = (flat.div(vocabulary, RoundingMode.floor).to(ScalarType.Int64), flat.remainder(vocabulary));
        var rows = (beam + (arange(batch).unsqueeze(1) * beams)).view(-1);
        return (best, cat([sequences.index_select(0, rows), token.view(-1, 1)], -1));
    }
}

/// <summary>A parallel form of retention with a decay mask, and the recurrent one beside it.</summary>
internal sealed class Retention : Module<Tensor, (Tensor Parallel, Tensor Recurrent)>
{
    private readonly Linear q, k, v;
    private readonly double gamma;

    public Retention(long width, double gamma) : base(nameof(Retention))
    {
        this.gamma = gamma;
        (q, k, v) = (Linear(width, width), Linear(width, width), Linear(width, width));
        RegisterComponents();
    }

    private Tensor Decay(int length)
    {
        var values = new float[length, length];
        for (var i = 0; i < length; i++)
            for (var j = 0; j <= i; j++)
                values[i, j] = (float)Math.Pow(gamma, i - j);
        return from_array(values);
    }

    public override (Tensor Parallel, Tensor Recurrent) forward(Tensor x)
    {
        var (Q, K, V) = (q.call(x), k.call(x), v.call(x));
        var length = (int)x.shape[1];
        var parallel = (Q.bmm(K.transpose(1, 2)) * Decay(length)).bmm(V);
        Tensor? state = null;
        var steps = new Tensor[length];
        for (var t = 0; t < length; t++)
        {
            var update = K[.., t].unsqueeze(-1) * V[.., t].unsqueeze(1);
            state = state is null ? update : (gamma * state) + update;
            steps[t] = Q[.., t].unsqueeze(1).bmm(state).squeeze(1);
        }
        return (parallel, stack(steps, 1));
    }
}

/// <summary>A straight-through estimator as a custom autograd function.</summary>
internal sealed class RoundThrough : autograd.SingleTensorFunction<RoundThrough>
{
    public override string Name => nameof(RoundThrough);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars) => ((Tensor)vars[0]).round();

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => [grad_output];
}

internal sealed class StraightThrough : Module<Tensor, Tensor>
{
    private readonly Linear fc;

    public StraightThrough() : base(nameof(StraightThrough))
    {
        fc = Linear(4, 4);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = fc.call(x);
        return RoundThrough.apply(x);
    }
}

internal static class MixtureModules
{
    internal static readonly CorpusRow[] Rows =
    [
        new("TopKMoE", "topk routing, a Select with an index over experts", () => new TopKMoE(4, 2), () => [[randn(1, 3, 16)], [randn(2, 5, 16)]]),
        new("SwitchMoE", "tokens picked by nonzero and written back, sizes that depend on content", () => new SwitchMoE(4, 3), () => [[randn(6, 4)], [randn(9, 4)]]),
        new("SoftDecisionTree", "modules that hold modules of their own class, to a fixed depth", () => new SoftDecisionTree(4, 3, 2), () => [[randn(2, 4)], [randn(5, 4)]]),
        new("TreeLSTM", "a recursive local function over records, Aggregate from zeros", () => new TreeLSTM(4, new(0, new TreeLSTM.Syntax(1), new TreeLSTM.Syntax(2, new TreeLSTM.Syntax(3)))), () => [[randn(1, 4, 4)], [randn(3, 6, 4)]]),
        new("BeamStep", "one step of beam search without a branch", () => new BeamStep(2), () =>
            [[randn(2, 7), randn(1, 2), randint(7, [2, 3])], [randn(6, 5), randn(3, 2), randint(5, [6, 4])]]),
        new("StraightThrough", "a custom autograd function, which is a leaf", () => new StraightThrough(), () => [[randn(2, 4)], [randn(5, 4)]]),
        new("Retention", "a mask made element by element in a C# array, a recurrence beside it", () => new Retention(4, 0.9), () => [[randn(1, 4, 4)], [randn(3, 4, 4)]])
            { ByExample = true, Breaks = () => [randn(1, 5, 4)] },
    ];
}
