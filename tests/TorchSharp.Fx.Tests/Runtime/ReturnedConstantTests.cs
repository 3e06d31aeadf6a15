using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Runtime;

/// <summary>A program makes a constant that it returns anew at each call: what the caller does with a result of its graph doesn't reach the next one.</summary>
public sealed class ReturnedConstantTests
{
    private sealed record Pair(Tensor A, Tensor B);

    private sealed class Constants() : Module<Tensor, Tensor>(nameof(Constants))
    {
        public override Tensor forward(Tensor x) => ones(2);
    }

    private sealed class ConstantViews() : Module<Tensor, Tensor>(nameof(ConstantViews))
    {
        public override Tensor forward(Tensor x)
        {
            var mask = tensor(new[] { 1f, 2f, 3f, 4f });
            return mask.view(2, 2)[x.shape[0] - 2];
        }
    }

    private sealed class Lists() : Module<Tensor, List<Tensor>>(nameof(Lists))
    {
        public override List<Tensor> forward(Tensor x)
        {
            var one = ones(2);
            return [one, x, one, one.unsqueeze(0)];
        }
    }

    private sealed class Records() : Module<Tensor, Pair>(nameof(Records))
    {
        public override Pair forward(Tensor x) => new(full(2, 5), x + 1);
    }

    private sealed class Chunks() : Module<Tensor, Tensor[]>(nameof(Chunks))
    {
        public override Tensor[] forward(Tensor x) => arange(4).chunk(x.shape[0], 0);
    }

    private sealed class Folded : Module<Tensor, (Tensor, Tensor)>
    {
        private readonly TorchSharp.Modules.Linear fc = Linear(2, 2);

        public Folded() : base(nameof(Folded)) => RegisterComponents();

        public override (Tensor, Tensor) forward(Tensor x) => (fc.weight! * 2, fc.call(x));
    }

    private sealed class Own : Module<Tensor, Tensor[]>
    {
        internal readonly TorchSharp.Modules.Parameter weight = new(ones(2));
        internal readonly Tensor buffer = zeros(2);

        public Own() : base(nameof(Own))
        {
            register_buffer("buffer", buffer);
            RegisterComponents();
        }

        public override Tensor[] forward(Tensor x) => [weight, buffer];
    }

    [Fact]
    public void A_constant() => Check(fx.symbolic_trace<Tensor, Tensor>(new Constants()));

    [Fact]
    public void A_view_of_a_constant() => Check(fx.symbolic_trace<Tensor, Tensor>(new ConstantViews()));

    [Fact]
    public void A_list_with_a_constant_and_its_view_and_the_input() => Check(fx.symbolic_trace<Tensor, List<Tensor>>(new Lists()));

    [Fact]
    public void A_record_with_a_constant() => Check(fx.symbolic_trace<Tensor, Pair>(new Records()));

    [Fact]
    public void An_array_of_views() => Check(fx.symbolic_trace<Tensor, Tensor[]>(new Chunks()));

    [Fact]
    public void What_was_folded_and_what_an_optimised_copy_made()
    {
        using var model = new Folded();
        model.eval();
        using var folded = fx.symbolic_trace<Tensor, (Tensor, Tensor)>(model);
        using var optimised = folded.optimize_for_inference();
        using (no_grad())
        {
            folded.fold_constants();
            Check(folded);
            Check(optimised);
        }
    }

    [Fact]
    public void An_optimised_copy_of_a_constant_and_of_an_extractor()
    {
        using var traced = fx.symbolic_trace<Tensor, Tensor>(new ConstantViews());
        traced.eval();
        Check(traced.optimize_for_inference());
        using var extractor = feature_extraction.create_feature_extractor(new ConstantViews(), ["getitem_1"]);
        Check(extractor);
        Check(extractor.optimize_for_inference());
    }

    [Fact]
    public void A_function_and_a_saved_one()
    {
        using var traced = fx.symbolic_trace((Tensor x) => ones(2));
        var path = Path.GetTempFileName();
        try
        {
            fx.save(traced, path);
            Check(fx.load<GraphModule<Tensor, Tensor>>(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Parameters_and_buffers_are_returned_themselves()
    {
        using var model = new Own();
        using var traced = fx.symbolic_trace<Tensor, Tensor[]>(model);
        using var x = rand(2);
        foreach (var results in new[] { traced.call(x), (Tensor[])new GraphInterpreter(traced).run(x)! })
        {
            Assert.Same(model.weight, results[0]);
            Assert.Same(model.buffer, results[1]);
        }
    }

    /// <summary>Changes and disposes what a call gave, in the compiled form and the evaluator, and calls again.</summary>
    private static void Check<TModule>(TModule module) where TModule : Module, IGraphModule
    {
        using var x = ones(2, 2) * 3;
        var expected = Texts(module.Program.Run(x));
        for (var i = 0; i < 2; i++)
            foreach (var result in new[] { module.Program.Run(x), new GraphInterpreter(module).run(x), module.Program.Run(x) })
            {
                Assert.Equal(expected, Texts(result));
                foreach (var tensor in Tensors(result).Where(tensor => !ReferenceEquals(tensor, x)).ToArray())
                {
                    if (!tensor.IsInvalid)
                        tensor.mul_(2);
                    tensor.Dispose();
                }
            }
    }

    private static IEnumerable<Tensor> Tensors(object? result) => result is Features features ? features.Values : result is Dictionary<string, object> named ? named.Values.Cast<Tensor>() : Structure.Tensors(result);

    private static string Texts(object? result) => string.Join("; ", Tensors(result).Select(tensor => string.Join(", ", tensor.to(ScalarType.Float32).detach().clone().flatten().data<float>().ToArray())));
}
