using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

/// <summary>What operations are given and make beside tensors: arrays of several dimensions, distributions, texts.</summary>
public sealed class ConstructionTests
{
    private sealed class Rectangle() : nn.Module<Tensor, Tensor>(nameof(Rectangle))
    {
        public override Tensor forward(Tensor x) => x[0, 0] * tensor(new float[,] { { 1, 2, 3 }, { 4, 5, 6 } }, dtype: x.dtype);
    }

    [Fact]
    public void An_array_of_several_dimensions_is_a_list_of_lists()
    {
        using var module = new Rectangle();
        var graph = Traced.Runs(module, [Traced.Sample(0, 2, 4)], [Traced.Sample(1, 3, 3).to(float64)]);
        Assert.Contains("[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]", graph.ToString(), StringComparison.Ordinal);
    }

    private sealed class Box() : nn.Module<Tensor, Tensor>(nameof(Box))
    {
        public override Tensor forward(Tensor x) => x[0, 0] * tensor(new long[,,] { { { 1 }, { 2 } }, { { 3 }, { 4 } }, { { 5 }, { 6 } } }, device: x.device);
    }

    [Fact]
    public void An_array_of_three_dimensions_is_made_again()
    {
        using var module = new Box();
        Traced.Runs(module, [Traced.Sample(0, 2, 4)], [Traced.Sample(1, 3, 3)]);
    }

    private sealed class Likelihood() : nn.Module<Tensor, Tensor>(nameof(Likelihood))
    {
        public override Tensor forward(Tensor x) => new TorchSharp.Modules.Normal(x.mean(), x.std()).log_prob(x);
    }

    [Fact]
    public void A_distribution_of_symbols_is_made_by_a_node()
    {
        using var module = new Likelihood();
        var graph = Traced.Runs(module, [Traced.Sample(0, 2, 4)], [Traced.Sample(1, 3, 3)]);
        Assert.Contains("call_function[target=Normal](%mean, %std, None)", graph.ToString(), StringComparison.Ordinal);
    }

    private sealed class Talk() : nn.Module<Tensor, Tensor>(nameof(Talk))
    {
        public override Tensor forward(Tensor x)
        {
            var y = x.relu();
            throw new InvalidOperationException(y.str() + y.npstr());
        }
    }

    [Fact]
    public void The_text_of_a_symbol_is_its_name()
    {
        using var module = new Talk();
        Assert.Equal("<relu><relu>", Assert.Throws<TracedProgramException>(() => new Tracer().trace(module)).InnerException!.Message);
    }

    private sealed class Counted() : nn.Module<Tensor, Tensor>(nameof(Counted))
    {
        public override Tensor forward(Tensor x) => histogram(x, 4, out var counted).hist + counted.hist;
    }

    [Fact]
    public void A_result_through_a_reference_is_refused()
    {
        using var module = new Counted();
        Assert.Equal("FX007", Assert.Throws<TraceException>(() => new Tracer().trace(module)).code);
    }
}
