using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Sequence;

internal sealed class LabelSmoothing(double smoothing, long? ignore_index = null) : Module<Tensor, Tensor, Tensor>(nameof(LabelSmoothing))
{
    public override Tensor forward(Tensor logits, Tensor target)
    {
        var logprobs = functional.log_softmax(logits, -1);
        var nll = -logprobs.gather(-1, target.unsqueeze(1)).squeeze(1);
        var loss = ((1.0 - smoothing) * nll) + (smoothing * -logprobs.mean([-1]));
        if (ignore_index is not { } ignored)
            return loss.mean();
        var kept = target.ne(ignored).to_type(loss.dtype);
        return (loss * kept).sum() / kept.sum().clamp_min(1);
    }
}

/// <summary>InfoNCE over two views; the positions of the positives are computed from the batch.</summary>
internal sealed class NTXent(double temperature) : Module<Tensor, Tensor, Tensor>(nameof(NTXent))
{
    public override Tensor forward(Tensor z1, Tensor z2)
    {
        var n = z1.shape[0];
        using var d = NewDisposeScope();
        var z = functional.normalize(cat([z1, z2], dim: 0), dim: 1);
        var sim = z.mm(z.t()) / temperature;
        sim.masked_fill_(eye(2 * n, dtype: ScalarType.Bool, device: z.device), -9e15);
        var targets = cat([arange(n, 2 * n), arange(n)]).to(z.device);
        return functional.cross_entropy(sim, targets).MoveToOuterDisposeScope();
    }
}

internal sealed class HardTriplet(double margin) : Module<Tensor, Tensor, Tensor>(nameof(HardTriplet))
{
    public override Tensor forward(Tensor embeddings, Tensor labels)
    {
        var dist = cdist(embeddings, embeddings);
        var same = labels.unsqueeze(0) == labels.unsqueeze(1);
        var hardestPositive = (dist * same.to(ScalarType.Float32)).amax([1]);
        var hardestNegative = dist.masked_fill(same, float.PositiveInfinity).amin([1]);
        return functional.relu(hardestPositive - hardestNegative + margin).mean();
    }
}

/// <summary>The alphas of CTC by hand, frame by frame.</summary>
internal sealed class CtcForward(int blank = 0) : Module<Tensor, Tensor, Tensor>(nameof(CtcForward))
{
    private const float Never = -1e5f;

    public override Tensor forward(Tensor log_probs, Tensor targets)
    {
        var (frames, batch, labels) = (log_probs.shape[0], log_probs.shape[1], targets.shape[1]);
        var extended = full([batch, (2 * labels) + 1], blank, dtype: ScalarType.Int64);
        extended[.., TensorIndex.Slice(1, null, 2)] = targets;
        var skip = cat([zeros(batch, 2, dtype: ScalarType.Bool), extended[.., 2..].ne(blank) & extended[.., 2..].ne(extended[.., ..^2])], 1);
        var alpha = full([batch, (2 * labels) + 1], Never);
        alpha[.., 0] = log_probs[0, .., blank];
        alpha[.., 1] = log_probs[0].gather(1, extended[.., 1].unsqueeze(1)).squeeze(1);
        for (var t = 1; t < frames; t++)
        {
            var emit = log_probs[t].gather(1, extended);
            var stay = logaddexp(alpha, functional.pad(alpha[.., ..^1], (1, 0), value: Never));
            var jump = where(skip, functional.pad(alpha[.., ..^2], (2, 0), value: Never), full_like(alpha, Never));
            alpha = logaddexp(stay, jump) + emit;
        }
        return -logaddexp(alpha[.., ^1], alpha[.., ^2]).mean();
    }
}

/// <summary>A linear-chain CRF: score, partition function and best path.</summary>
internal sealed class CRF : Module<Tensor, Tensor, Tensor, (Tensor Loss, Tensor Best)>
{
    private readonly Parameter start_transitions, end_transitions, transitions;

    public CRF(long tags) : base(nameof(CRF))
    {
        start_transitions = Parameter(empty(tags));
        end_transitions = Parameter(empty(tags));
        transitions = Parameter(empty(tags, tags));
        foreach (var parameter in new[] { start_transitions, end_transitions, transitions })
            init.uniform_(parameter, -0.1, 0.1);
        RegisterComponents();
    }

    public override (Tensor Loss, Tensor Best) forward(Tensor emissions, Tensor tags, Tensor mask)
    {
        if (emissions.dim() != 3)
            throw new ArgumentException($"emissions must have dimension of 3, got {emissions.dim()}");
        var llh = Score(emissions, tags, mask) - Normaliser(emissions, mask);
        return (-llh.sum(), Viterbi(emissions));
    }

    private Tensor Score(Tensor emissions, Tensor tags, Tensor mask)
    {
        var length = emissions.shape[0];
        var weight = mask.to_type(emissions.dtype);
        var score = start_transitions.index_select(0, tags[0]) + emissions[0].gather(1, tags[0].unsqueeze(-1)).squeeze(-1);
        for (var i = 1; i < length; i++)
        {
            var step = transitions.index_select(0, tags[i - 1]).gather(1, tags[i].unsqueeze(-1)).squeeze(-1);
            score += (step + emissions[i].gather(1, tags[i].unsqueeze(-1)).squeeze(-1)) * weight[i];
        }
        var last = tags.gather(0, (mask.sum([0]) - 1).unsqueeze(0)).squeeze(0);
        return score + end_transitions.index_select(0, last);
    }

    private Tensor Normaliser(Tensor emissions, Tensor mask)
    {
        var score = start_transitions + emissions[0];
        for (var i = 1; i < emissions.shape[0]; i++)
        {
            var next = (score.unsqueeze(2) + transitions + emissions[i].unsqueeze(1)).logsumexp(1);
            score = where(mask[i].unsqueeze(1).to_type(ScalarType.Bool), next, score);
        }
        return (score + end_transitions).logsumexp(1);
    }

    private Tensor Viterbi(Tensor emissions)
    {
        var score = start_transitions + emissions[0];
        var history = new Stack<Tensor>();
        for (var i = 1; i < emissions.shape[0]; i++)
        {
            var (best, from) = (score.unsqueeze(2) + transitions).max(1);
            score = best + emissions[i];
            history.Push(from);
        }
        var tag = (score + end_transitions).argmax(1, keepdim: true);
        var path = new LinkedList<Tensor>();
        path.AddFirst(tag);
        while (history.Count > 0)
        {
            tag = history.Pop().gather(1, tag);
            path.AddFirst(tag);
        }
        return cat(path.ToList(), 1);
    }
}

/// <summary>Soft targets of a teacher that is frozen, and hard ones.</summary>
internal sealed class Distillation : Module<Tensor, Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> student, teacher;
    private readonly double t = 2, alpha = 0.3;

    public Distillation() : base(nameof(Distillation))
    {
        student = Linear(6, 4);
        teacher = Sequential(Linear(6, 8), Tanh(), Linear(8, 4));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor y)
    {
        Tensor target;
        using (torch.no_grad())
            target = functional.softmax(teacher.call(x) / t, 1).detach();
        var logits = student.call(x);
        var soft = functional.kl_div(functional.log_softmax(logits / t, 1), target, reduction: Reduction.Sum) / x.size(0);
        return (alpha * functional.cross_entropy(logits, y)) + ((1 - alpha) * t * t * soft);
    }
}

internal sealed class ArcFace : Module<Tensor, Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly double scale = 16, cos_m = Math.Cos(0.5), sin_m = Math.Sin(0.5), threshold = Math.Cos(Math.PI - 0.5);

    public ArcFace(long features, long classes) : base(nameof(ArcFace))
    {
        weight = Parameter(randn(classes, features));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor label)
    {
        var cosine = functional.linear(functional.normalize(x), functional.normalize(weight));
        var sine = (1.0 - cosine.pow(2)).clamp(0, 1).sqrt();
        var phi = where(cosine > threshold, (cosine * cos_m) - (sine * sin_m), cosine - (sin_m * 0.5));
        var one_hot = zeros_like(cosine).scatter_(1, label.view(-1, 1), ones(label.shape[0], 1));
        return functional.cross_entropy(((one_hot * phi) + ((1.0 - one_hot) * cosine)) * scale, label);
    }
}

internal static class LossModules
{
    internal static readonly CorpusRow[] Rows =
    [
        new("LabelSmoothing", "gather of log-probabilities, a nullable option", () => new LabelSmoothing(0.1), () => [[randn(4, 5), randint(5, 4)], [randn(7, 3), randint(3, 7)]]),
        new("MaskedLabelSmoothing", "the same with an ignored class", () => new LabelSmoothing(0.1, 0), () => [[randn(4, 5), randint(5, 4)], [randn(7, 3), randint(3, 7)]]),
        new("NTXent", "targets from arange of the batch, masked_fill_ in place, a dispose scope", () => new NTXent(0.5), () => [[randn(3, 6), randn(3, 6)], [randn(5, 4), randn(5, 4)]]),
        new("HardTriplet", "comparison of labels with ==, infinities", () => new HardTriplet(0.2), () => [[randn(4, 3), tensor([0L, 1, 0, 1])], [randn(5, 2), tensor([0L, 1, 0, 1, 1])]]),
        new("CtcForward", "a loop over frames, strided assignment into a tensor made for the batch", () => new CtcForward(), () => [[randn(4, 2, 5).log_softmax(2), randint(1, 5, [2, 3])], [randn(4, 3, 5).log_softmax(2), randint(1, 5, [3, 2])]])
            { ByExample = true, Breaks = () => [randn(5, 2, 5), randint(1, 5, [2, 3])] },
        new("CRF", "three loops over the length, a stack and a linked list of tensors, a check that throws", () => new CRF(4), () =>
            [[randn(4, 2, 4), randint(4, [4, 2]), ones(4, 2, dtype: ScalarType.Int64)], [randn(4, 3, 4), randint(4, [4, 3]), ones(4, 3, dtype: ScalarType.Int64)]])
            { ByExample = true, Breaks = () => [randn(3, 2, 4), randint(4, [3, 2]), ones(3, 2, dtype: ScalarType.Int64)] },
        new("Distillation", "a frozen teacher under no_grad", () => new Distillation(), () => [[randn(2, 6), randint(4, 2)], [randn(5, 6), randint(4, 5)]]),
        new("ArcFace", "a one-hot written by scatter_, constants computed in initialisers", () => new ArcFace(4, 3), () => [[randn(2, 4), randint(3, 2)], [randn(5, 4), randint(3, 5)]]),
    ];
}
