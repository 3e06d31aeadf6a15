using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>Tests of kernels: without gradients, with what they make in one scope, and the number of threads as it was afterwards.</summary>
public abstract class KernelTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable mode = no_grad();
    private readonly int threads = get_num_threads();

    public void Dispose()
    {
        set_num_threads(threads);
        mode.Dispose();
        scope.Dispose();
        GC.SuppressFinalize(this);
    }
}
