using System.Text.RegularExpressions;
using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>The order in which a forward calls its submodules: what torchvision's node names list, without any tracer.</summary>
public sealed partial class ModelCallOrderTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    // The second and third numbers are the smallest image in eval and in training mode.
    [Theory]
    [InlineData("alexnet", 63, 63)]
    [InlineData("vgg11_bn", 32, 32)]
    [InlineData("vgg19", 32, 32)]
    [InlineData("resnet18", 32, 32)]
    [InlineData("resnet34", 32, 32)]
    [InlineData("resnet50", 32, 32)]
    [InlineData("resnet101", 32, 32)]
    [InlineData("resnext50_32x4d", 32, 32)]
    [InlineData("wide_resnet50_2", 32, 32)]
    [InlineData("inception_v3", 75, 299)]
    public void Submodules_are_called_in_torchvisions_order(string name, long evalSize, long trainSize)
    {
        var model = models.get_model(name, num_classes: 2);
        var calls = new List<string>();
        var leaves = Leaves(model).ToDictionary(leaf => leaf.name, leaf => leaf.module);
        foreach (var (path, leaf) in leaves) leaf.register_forward_pre_hook((_, x) => { calls.Add(path); return x; });
        using var _ = no_grad();

        model.eval();
        Call(model, torch.rand(2, 3, evalSize, evalSize));
        Assert.Equal(ModuleNodes(train: false), calls);

        calls.Clear();
        model.train();
        Call(model, torch.rand(2, 3, trainSize, trainSize));
        Assert.Equal(ModuleNodes(train: true), calls);

        // A second call of one module is listed with a suffix.
        IEnumerable<string> ModuleNodes(bool train) => Golden.NodeNames(name, train)
            .Select(node => leaves.ContainsKey(node) ? node : Suffix().Replace(node, "")).Where(leaves.ContainsKey);
    }

    private static IEnumerable<(string name, Module<Tensor, Tensor> module)> Leaves(nn.Module model) =>
        model.named_modules().Where(item => !item.module.named_children().Any()).Select(item => (item.name, (Module<Tensor, Tensor>)item.module));

    private static void Call(nn.Module model, Tensor x)
    {
        if (model is Inception3 inception) inception.call(x);
        else ((Module<Tensor, Tensor>)model).call(x);
    }

    [GeneratedRegex(@"_\d+$")]
    private static partial Regex Suffix();
}
