using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Runtime.Saving;

[Collection("Tensor counts")]
public sealed class SavedLifetimeTests : IDisposable
{
    private readonly SavedFile file = new();

    public void Dispose() => file.Dispose();

    /// <summary>Without parameters: TorchSharp never stops counting the empty object that is left of the tensor which a parameter is made of.</summary>
    private sealed class Buffers : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.BatchNorm1d norm = BatchNorm1d(4, affine: false);
        private readonly Tensor table = ones(4);
        private readonly Tensor unregistered;

        internal Buffers(Tensor unregistered) : base(nameof(Buffers))
        {
            register_buffer("table", table);
            register_module("norm", norm);
            this.unregistered = unregistered;
        }

        public override Tensor forward(Tensor x) => norm.call(x + table) * unregistered;
    }

    [Fact]
    public void No_tensor_outlives_the_loaded_module_or_a_refusal()
    {
        using var constant = rand(4);
        using var source = new Buffers(constant);
        using var traced = fx.symbolic_trace(source);
        LiveTensors.AssertStay(() => fx.save(traced, file.Path), 5);
        LiveTensors.AssertStay(() =>
        {
            using var loaded = (GraphModule<Tensor, Tensor>)fx.load(file.Path);
            using var input = ones(2, 4);
            loaded.call(input).Dispose();
        }, 5);
        file.Tamper(json => ((System.Text.Json.Nodes.JsonArray)json["module"]!["graph"]!).RemoveAt(2));
        LiveTensors.AssertStay(() => Assert.Throws<InvalidDataException>(() => fx.load(file.Path)), 5);
    }

    [Fact]
    public void Parameters_go_with_the_loaded_module_and_stay_in_a_dispose_scope()
    {
        using var source = new Small();
        using var traced = fx.symbolic_trace(source);
        fx.save(traced, file.Path);
        nn.Module loaded;
        using (NewDisposeScope())
            loaded = fx.load(file.Path);
        var parameters = loaded.parameters().ToArray();
        Assert.All(parameters, parameter => Assert.False(parameter.IsInvalid));
        loaded.Dispose();
        Assert.All(parameters, parameter => Assert.True(parameter.IsInvalid));
    }
}
