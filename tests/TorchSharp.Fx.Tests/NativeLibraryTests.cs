namespace TorchSharp.Fx.Tests;

public sealed class NativeLibraryTests
{
    [Fact]
    public void TorchSharp_loads_and_computes_on_this_system() =>
        Assert.Equal(6f, torch.ones(2, 3).sum().item<float>());
}
