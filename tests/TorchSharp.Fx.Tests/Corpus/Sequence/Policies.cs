using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Sequence;

internal sealed class ActorCritic : Module<Tensor, Tensor, (Tensor LogProb, Tensor Entropy, Tensor Value)>
{
    private readonly Sequential body;
    private readonly Linear actor, critic;

    public ActorCritic() : base(nameof(ActorCritic))
    {
        body = Sequential(Linear(4, 8), Tanh());
        (actor, critic) = (Linear(8, 3), Linear(8, 1));
        RegisterComponents();
    }

    public override (Tensor LogProb, Tensor Entropy, Tensor Value) forward(Tensor state, Tensor action)
    {
        var h = body.call(state);
        var log_probs = actor.call(h).log_softmax(-1);
        var entropy = -(log_probs.exp() * log_probs).sum(-1);
        return (log_probs.gather(1, action.unsqueeze(1)).squeeze(1), entropy, critic.call(h).squeeze(-1));
    }
}

/// <summary>The same through a distribution.</summary>
internal sealed class CategoricalPolicy : Module<Tensor, Tensor, (Tensor, Tensor)>
{
    private readonly Linear head;

    public CategoricalPolicy() : base(nameof(CategoricalPolicy))
    {
        head = Linear(4, 3);
        RegisterComponents();
    }

    public override (Tensor, Tensor) forward(Tensor state, Tensor action)
    {
        var policy = distributions.Categorical(logits: head.call(state));
        return (policy.log_prob(action), policy.entropy());
    }
}

/// <summary>A squashed Gaussian, reparameterised, with its log-probability.</summary>
internal sealed class GaussianPolicy : Module<Tensor, (Tensor Action, Tensor LogProb)>
{
    private readonly Linear mean, log_std;

    public GaussianPolicy() : base(nameof(GaussianPolicy))
    {
        (mean, log_std) = (Linear(4, 2), Linear(4, 2));
        RegisterComponents();
    }

    public override (Tensor Action, Tensor LogProb) forward(Tensor state)
    {
        var mu = mean.call(state);
        var std = log_std.call(state).clamp(-20, 2).exp();
        var u = mu + (std * randn_like(mu));
        var action = u.tanh();
        var log_prob = -((u - mu).pow(2) / (2 * std.pow(2))) - std.log() - Math.Log(Math.Sqrt(2 * Math.PI));
        return (action, (log_prob - (1 - action.pow(2) + 1e-6).log()).sum(-1));
    }
}

internal sealed class DuelingQ : Module<Tensor, Tensor>
{
    private readonly Linear value, advantage;

    public DuelingQ() : base(nameof(DuelingQ))
    {
        (value, advantage) = (NoisyOf(4, 1), NoisyOf(4, 3));
        RegisterComponents();
    }

    private static Linear NoisyOf(long inputs, long outputs) => Linear(inputs, outputs);

    public override Tensor forward(Tensor x)
    {
        var (v, a) = (value.call(x), advantage.call(x));
        return v + (a - a.mean([1], keepdim: true));
    }
}

/// <summary>Factorised noise, drawn anew at each call in training.</summary>
internal sealed class NoisyLinear : Module<Tensor, Tensor>
{
    private readonly Parameter weight_mu, weight_sigma, bias_mu, bias_sigma;

    public NoisyLinear(long inputs, long outputs) : base(nameof(NoisyLinear))
    {
        weight_mu = Parameter(randn(outputs, inputs));
        weight_sigma = Parameter(full([outputs, inputs], 0.017));
        bias_mu = Parameter(zeros(outputs));
        bias_sigma = Parameter(full(outputs, 0.017));
        RegisterComponents();
    }

    private static Tensor Noise(long size)
    {
        var x = randn(size);
        return x.sign().mul_(x.abs().sqrt_());
    }

    public override Tensor forward(Tensor x)
    {
        if (!training)
            return functional.linear(x, weight_mu, bias_mu);
        var (e_in, e_out) = (Noise(weight_mu.shape[1]), Noise(weight_mu.shape[0]));
        return functional.linear(x, weight_mu + (weight_sigma * e_out.outer(e_in)), bias_mu + (bias_sigma * e_out));
    }
}

/// <summary>Advantages from the last step to the first.</summary>
internal sealed class GeneralisedAdvantage(double gamma = 0.99, double lambda = 0.95) : Module<Tensor, Tensor, Tensor, Tensor>(nameof(GeneralisedAdvantage))
{
    public override Tensor forward(Tensor rewards, Tensor values, Tensor dones)
    {
        var advantages = zeros_like(rewards);
        var running = zeros(rewards.shape[1]);
        for (var t = (int)rewards.shape[0] - 1; t >= 0; t--)
        {
            var alive = 1.0 - dones[t].to_type(ScalarType.Float32);
            var delta = rewards[t] + (gamma * values[t + 1] * alive) - values[t];
            running = delta + (gamma * lambda * alive * running);
            advantages[t] = running;
        }
        return (advantages - advantages.mean()) / (advantages.std() + 1e-8);
    }
}

internal sealed class TemporalDifference(double gamma) : Module<(Tensor State, Tensor Action, Tensor Reward, Tensor Next, Tensor Done), Tensor>(nameof(TemporalDifference))
{
    private readonly DuelingQ online = new(), target = new();

    public override Tensor forward((Tensor State, Tensor Action, Tensor Reward, Tensor Next, Tensor Done) batch)
    {
        var (state, action, reward, next, done) = batch;
        var q = online.call(state).gather(1, action.unsqueeze(1)).squeeze(1);
        using (torch.no_grad())
        {
            var choice = online.call(next).argmax(1, keepdim: true);
            var bootstrap = target.call(next).gather(1, choice).squeeze(1);
            reward = reward + (gamma * bootstrap * (1 - done.@float()));
        }
        return functional.smooth_l1_loss(q, reward);
    }
}

internal static class PolicyModules
{
    internal static readonly CorpusRow[] Rows =
    [
        new("ActorCritic", "a policy's and a value's head with names in the result", () => new ActorCritic(), () => [[randn(2, 4), tensor([0L, 2])], [randn(3, 4), tensor([1L, 1, 0])]]),
        new("CategoricalPolicy", "a distribution object over symbols, its log_prob and entropy", () => new CategoricalPolicy(), () => [[randn(2, 4), tensor([0L, 2])], [randn(3, 4), tensor([1L, 1, 0])]]),
        new("GaussianPolicy", "noise drawn at each run", () => new GaussianPolicy(), () => [[randn(2, 4)], [randn(5, 4)]]),
        new("DuelingQ", "heads made by a helper", () => new DuelingQ(), () => [[randn(2, 4)], [randn(5, 4)]]),
        new("NoisyLinear", "noise for the weights in training, written in place on what was drawn", () => new NoisyLinear(4, 3), () => [[randn(2, 4)], [randn(5, 4)]]) { Training = true },
        new("QuietLinear", "the same outside of training", () => new NoisyLinear(4, 3), () => [[randn(2, 4)], [randn(5, 4)]]),
        new("GeneralisedAdvantage", "a loop from the last step to the first, written into zeros", () => new GeneralisedAdvantage(), () => [[randn(4, 2), randn(5, 2), zeros(4, 2)], [randn(4, 3), randn(5, 3), ones(4, 3)]])
            { ByExample = true, Breaks = () => [randn(3, 2), randn(4, 2), zeros(3, 2)] },
        new("TemporalDifference", "a batch as a tuple of five, a target network, fields that nobody registered", () => new TemporalDifference(0.9), () =>
            [[(randn(2, 4), tensor([0L, 2]), randn(2), randn(2, 4), zeros(2))], [(randn(3, 4), tensor([0L, 2, 1]), randn(3), randn(3, 4), ones(3))]])
            { Unregistered = ["online (DuelingQ)", "online.value (Linear)", "online.advantage (Linear)", "target (DuelingQ)", "target.value (Linear)", "target.advantage (Linear)"] },
    ];
}
