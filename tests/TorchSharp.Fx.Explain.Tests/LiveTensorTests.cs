using TorchSharp.Fx.Tests;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Explain.Tests;

/// <summary>Explanations leave nothing behind but what they return. A probe is not among them: TorchSharp's <c>Linear</c> leaves two
/// handles wherever it is made.</summary>
[Collection(nameof(Alone))]
public sealed class LiveTensorTests
{
    private static readonly Tensor Cam = zeros(3, 3).DetachFromDisposeScope();

    private static readonly Dictionary<string, Action<Module<Tensor, Tensor>, Tensor, Tensor>> Calls = new()
    {
        ["grad_cam"] = (model, x, _) => explain.grad_cam(model, x, "conv").Dispose(),
        ["grad_cam_plus_plus"] = (model, x, _) => explain.grad_cam_plus_plus(model, x, "relu").Dispose(),
        ["layer_cam"] = (model, x, _) => explain.layer_cam(model, x, "relu").Dispose(),
        ["integrated_gradients"] = (model, x, _) => explain.integrated_gradients(model, x, n_steps: 2).Dispose(),
        ["occlusion"] = (model, x, _) => explain.occlusion(model, x, [3, 3, 3], [3, 3, 3]).Dispose(),
        ["attention_rollout"] = (_, x, _) => explain.attention_rollout([x, x]).Dispose(),
        ["show_cam_on_image"] = (_, _, map) => feature_visualization.show_cam_on_image(map, Cam).Dispose(),
        ["channel_grid"] = (_, _, map) => feature_visualization.channel_grid(map).Dispose(),
        ["principal_components"] = (_, _, map) => feature_visualization.principal_components(map).Dispose(),
        ["cka"] = (_, _, map) => similarity.cka(map, map),
        ["rsa"] = (_, _, map) => similarity.rsa(map, map),
    };

    public static TheoryData<string> Names => [.. Calls.Keys];

    [Theory, MemberData(nameof(Names))]
    public void No_tensor_is_left(string name)
    {
        using var model = Sequential(("conv", Conv2d(3, 4, 3, padding: 1)), ("relu", ReLU(inplace: true)), ("pool", AdaptiveAvgPool2d(1)),
            ("flat", Flatten()), ("fc", Linear(4, 3)));
        using var x = rand(1, 3, 6, 6);
        using var map = rand(3, 6, 6);
        LiveTensors.AssertStay(() => Calls[name](model, x, map), 5);
    }
}
