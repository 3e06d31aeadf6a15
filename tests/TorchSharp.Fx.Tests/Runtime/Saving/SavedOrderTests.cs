using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Runtime.Saving;

/// <summary>How tensors lie in memory, which draws of their size go by.</summary>
public sealed class SavedOrderTests : IDisposable
{
    private readonly SavedFile file = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        file.Dispose();
    }

    private sealed class Keeping : nn.Module<Tensor, Tensor>
    {
        private readonly Tensor turned = arange(6, dtype: float32).reshape(2, 3).t();
        private readonly Tensor images = arange(24, dtype: float32).reshape(1, 3, 4, 2).permute(0, 3, 1, 2);

        internal Keeping() : base("Keeping") => RegisterComponents();

        public override Tensor forward(Tensor x) => (x + turned.sum() + images.sum()) * (arange(6).reshape(2, 3).t() + 1).sum();
    }

    private GraphModule<Tensor, Tensor> Loaded()
    {
        using var traced = fx.symbolic_trace(new Keeping());
        return (GraphModule<Tensor, Tensor>)file.Through(traced);
    }

    [Fact]
    public void Tensors_lie_in_memory_as_they_did()
    {
        using var loaded = Loaded();
        var original = new Keeping();
        foreach (var (name, buffer) in loaded.named_buffers().Where(entry => !entry.name.StartsWith('_')))
        {
            Assert.Equal(original.get_buffer(name)!.stride(), buffer.stride());
            Assert.Equal(original.get_buffer(name)!, buffer);
        }
        Assert.Equal(original.call(ones(2)), loaded.call(ones(2)));
    }

    [Theory]
    [InlineData("[0, 0]"), InlineData("[1]"), InlineData("[1, 2]"), InlineData("[1, -1]"), InlineData("[1, 0.5]")]
    public void An_order_of_other_dimensions_is_refused(string order)
    {
        Loaded().Dispose();
        file.Tamper(json => json["module"]!["tensors"]!["turned"]!["order"] = JsonNode.Parse(order));
        Assert.Contains("is none of 2 dimensions", Assert.Throws<InvalidDataException>(() => fx.load(file.Path)).Message, StringComparison.Ordinal);
    }
}
