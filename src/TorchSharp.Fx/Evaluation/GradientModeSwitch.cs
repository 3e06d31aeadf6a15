namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The gradient mode of a compiled graph's run: each node's while that runs, the caller's again in the end, also when a node throws.
/// </summary>
internal sealed class GradientModeSwitch : IDisposable
{
    private IDisposable? entered;

    /// <summary>Enters a node's mode, the caller's for null.</summary>
    internal void To(GradientMode? mode)
    {
        Dispose();
        entered = mode?.Enter();
    }

    public void Dispose()
    {
        entered?.Dispose();
        entered = null;
    }
}
