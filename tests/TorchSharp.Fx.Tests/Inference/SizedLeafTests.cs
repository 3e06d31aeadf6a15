using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>Leaf functions that decide by sizes, in an optimised copy.</summary>
[Collection("Tensor counts")]
public sealed class SizedLeafTests
{
    /// <summary>How often <see cref="Halves"/> itself has run. What a trace writes stays its own.</summary>
    private static int runs;

    [Fact]
    public void Each_of_the_first_shapes_runs_a_form_of_its_own_and_further_ones_the_function()
    {
        using var model = new Model();
        using var traced = Traced(model);
        using var optimised = traced.optimize_for_inference();
        long[] sizes = [8, 9, 10, 11];
        foreach (var size in sizes.Concat(sizes))
            AssertSame(model, optimised, randn(2, size, 32), 0);
        AssertSame(model, optimised, randn(2, 12, 32), 1);
        AssertSame(model, optimised, randn(2, 8, 32), 0);
    }

    [Fact]
    public void A_clone_lives_on_without_what_it_was_cloned_from()
    {
        using var model = new Model();
        using var traced = Traced(model);
        GraphModule<Tensor, Tensor> clone;
        using (var optimised = traced.optimize_for_inference())
        {
            AssertSame(model, optimised, randn(2, 8, 32), 0);
            clone = optimised.clone();
        }
        using (clone)
        {
            AssertSame(model, clone, randn(2, 8, 32), 0);
            AssertSame(model, clone, randn(2, 9, 32), 0);
        }
    }

    [Fact]
    public void Numbers_that_depend_on_an_input_count_as_sizes()
    {
        using var traced = Traced((Tensor x) => Part(x, (int)x.shape[0]), Part);
        using var optimised = traced.optimize_for_inference();
        foreach (var rows in (long[])[2, 3, 5, 4, 6, 7])
        {
            using var x = randn(rows, 4);
            using var expected = Part(x, (int)rows);
            using var actual = optimised.call(x);
            Assert.True(expected.Equals(actual));
        }
    }

    [Fact]
    public void What_can_not_be_traced_with_sizes_either_is_run()
    {
        using var traced = Traced((Tensor x) => ByContent(x), ByContent);
        using var optimised = traced.optimize_for_inference();
        foreach (var sign in (float[])[1, -1])
        {
            using var x = full([3], sign);
            using var result = optimised.call(x);
            Assert.Equal(3, result.sum().item<float>());
        }
    }

    [Fact]
    public void A_result_that_is_the_input_survives_it()
    {
        using var traced = Traced((Tensor x) => AtLeastMatrix(x.neg()).exp(), AtLeastMatrix);
        using var optimised = traced.optimize_for_inference();
        foreach (var x in (Tensor[])[randn(3), randn(3, 2), randn(3)])
        {
            using var expected = AtLeastMatrix(x.neg()).exp();
            using var actual = optimised.call(x);
            Assert.True(expected.Equals(actual));
            x.Dispose();
        }
    }

    [Fact]
    public void Half_the_bits_are_those_of_the_whole_copy()
    {
        using var model = new Model();
        using var traced = Traced(model);
        using var optimised = traced.optimize_for_inference(ScalarType.BFloat16);
        using var x = randn(2, 9, 32);
        using var expected = model.call(x);
        using var actual = optimised.call(x);
        Assert.Equal(ScalarType.Float32, actual.dtype);
        Assert.InRange((expected - actual).abs().max().item<float>(), 1e-6, 0.1);
    }

    [Fact]
    public async Task Several_threads_may_call_it_with_new_shapes()
    {
        using var model = new Model();
        using var traced = Traced(model);
        using var optimised = traced.optimize_for_inference();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(() =>
        {
            using var mode = no_grad();
            for (var i = 0; i < 20; i++)
            {
                using var x = randn(2, 8 + (i + worker) % 6, 32);
                using var expected = model.call(x);
                using var actual = optimised.call(x);
                Assert.True(expected.allclose(actual, 1e-4, 1e-4));
            }
        })));
    }

    [Fact]
    public void The_copy_outlives_the_model()
    {
        var model = new Model();
        var traced = Traced(model);
        using var optimised = traced.optimize_for_inference();
        using var x = randn(2, 9, 32);
        using var expected = model.call(x);
        traced.Dispose();
        model.Dispose();
        using var actual = optimised.call(x);
        Assert.True(expected.allclose(actual, 1e-4, 1e-4));
    }

    [Fact]
    public void Calls_and_the_copy_itself_leave_no_tensor_behind()
    {
        using var mode = no_grad();
        using var model = new Model();
        using var traced = Traced(model);
        using var x = randn(2, 9, 32);
        using var optimised = traced.optimize_for_inference();
        LiveTensors.AssertStay(() => optimised.call(x).Dispose(), 20);
        LiveTensors.AssertStay(() =>
        {
            using var another = traced.optimize_for_inference();
            another.call(x).Dispose();
        }, 5);
    }

    [Fact]
    public void Forms_share_their_weights()
    {
        using var mode = no_grad();
        using var model = new Model();
        using var traced = Traced(model);
        using Tensor first = randn(2, 8, 32), second = randn(2, 16, 32);
        using var optimised = traced.optimize_for_inference();
        optimised.call(first).Dispose();
        // What is multiplied by places is constant for a size; weight and bias are those of the first form.
        Assert.Equal(1, LiveTensors.Added(() => optimised.call(second).Dispose()));
    }

    [Fact]
    public void A_result_that_is_constant_is_new_at_each_call()
    {
        using var mode = no_grad();
        using var traced = Traced((Tensor x) => Places(x), Places);
        using var optimised = traced.optimize_for_inference();
        using var x = randn(3, 2);
        for (var i = 0; i < 3; i++)
        {
            using var result = optimised.call(x);
            Assert.Equal([0, 1, 2], result.data<long>().ToArray());
            result.add_(1);
        }
    }

    private static GraphModule<Tensor, Tensor> Traced(Model model) => new(model, new Tracer([Halves]).trace(model));

    private static GraphModule<Tensor, Tensor> Traced(Func<Tensor, Tensor> function, Delegate leaf) => new(new Dictionary<string, object>(), new Tracer([leaf]).trace(function));

    private static void AssertSame(Model model, GraphModule<Tensor, Tensor> optimised, Tensor x, int expectedRuns)
    {
        using var mode = no_grad();
        using var expected = model.call(x);
        var before = runs;
        using var actual = optimised.call(x);
        Assert.Equal(expectedRuns, runs - before);
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(expected.allclose(actual, 1e-4, 1e-4));
        x.Dispose();
    }

    /// <summary>Pads to an even number of tokens and adds the second half's layer to the first's: [N, L, C] to [N, ceil(L / 2), C].</summary>
    private static Tensor Halves(Tensor x, Tensor weight, Tensor? bias, long step)
    {
        runs++;
        using var scope = NewDisposeScope();
        var missing = (step - x.shape[1] % step) % step;
        if (missing > 0)
            x = functional.pad(x, [0, 0, 0, missing]);
        var half = x.shape[1] / step;
        var y = functional.linear(x, weight, bias).relu();
        var place = arange(half, dtype: x.dtype).unsqueeze(1) / half;
        return (y.narrow(1, 0, half) + y.narrow(1, half, half) * place).MoveToOuterDisposeScope();
    }

    private static Tensor Places(Tensor x) => x.shape[0] > 1 ? arange(x.shape[0]) : x;

    private static Tensor Part(Tensor x, int rows) => rows > 3 ? x.narrow(0, 0, 3) * rows : x.exp();

    private static Tensor ByContent(Tensor x) => x.sum().item<float>() > 0 ? x.abs() : x.neg();

    private static Tensor AtLeastMatrix(Tensor x) => x.dim() < 2 ? x.unsqueeze(0) : x;

    private sealed class Model : Module<Tensor, Tensor>
    {
        private readonly Linear first = Linear(32, 32);
        private readonly Parameter weight = new(randn(32, 32) / 6);
        private readonly Parameter bias = new(randn(32));

        internal Model() : base(nameof(Model))
        {
            RegisterComponents();
            eval();
        }

        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            return Halves(first.call(x), weight, bias, 2).sigmoid().MoveToOuterDisposeScope();
        }
    }
}
