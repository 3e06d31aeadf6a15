using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>The state of the CPU's generator, put back when disposed. Counterpart: <c>torch.random.fork_rng</c>.</summary>
internal sealed class RandomState : IDisposable
{
    private readonly Tensor state = get_rng_state().DetachFromDisposeScope();

    /// <summary>Goes back to the beginning, so that the same numbers are drawn again.</summary>
    internal void Restart() => set_rng_state(state);

    public void Dispose()
    {
        Restart();
        state.Dispose();
    }
}
