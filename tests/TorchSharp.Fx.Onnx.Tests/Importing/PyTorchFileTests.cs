using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>Models that PyTorch's exporter wrote give here what they gave in PyTorch.</summary>
public sealed class PyTorchFileTests(PyTorchFiles files) : IClassFixture<PyTorchFiles>
{
    public static TheoryData<string> Names => PyTorchFiles.Names;

    [Theory, MemberData(nameof(Names))]
    public void A_model_gives_what_it_gave_in_PyTorch(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var module = onnx.load(files.Path(name));
        ((IGraphModule)module).graph.lint(module);
        foreach (var (inputs, expected) in files.Sets(name))
        {
            AssertClose(expected, Run(module, inputs), 1e-5, name);
            AssertClose(expected, (torch.Tensor)new GraphInterpreter((IGraphModule)module).run([.. inputs])!, 1e-5, name);
        }
    }

    internal static torch.Tensor Run(nn.Module module, torch.Tensor[] inputs) => (module, inputs) switch
    {
        (nn.Module<torch.Tensor, torch.Tensor> one, [var x]) => one.call(x),
        (nn.Module<torch.Tensor, torch.Tensor, torch.Tensor> two, [var x, var y]) => two.call(x, y),
        _ => (torch.Tensor)((GraphModule)module).call([.. inputs])!,
    };

    internal static void AssertClose(torch.Tensor expected, torch.Tensor actual, double tolerance, string what)
    {
        Assert.Equal((what, string.Join('x', expected.shape)), (what, string.Join('x', actual.shape)));
        var difference = (expected - actual).abs().max().item<float>() / Math.Max(expected.std().item<float>(), 1e-6f);
        Assert.True(difference <= tolerance, $"{what}: the difference is {difference} of the standard deviation");
    }
}
