using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Examples;

/// <summary>Inputs that are only declared, and letters for dimensions that a trace never depends on.</summary>
public sealed class FreeDimensionTests
{
    private static TraceException Refused(Module module, params object?[] inputs)
        => Assert.Throws<TraceException>(() => new Tracer().trace(module, example_inputs: [.. inputs.Select(input => input is string text ? InputShape.Parse(text) : input)]));

    private static GraphModule<Tensor, Tensor> Trace(Module<Tensor, Tensor> module, string input) => fx.symbolic_trace(module, example_inputs: [InputShape.Parse(input)]);

    private static string What(TraceException refusal) => refusal.Message.Split(" It happens in ")[0];

    private sealed class Halves() : Module<Tensor, Tensor>(nameof(Halves))
    {
        public override Tensor forward(Tensor x)
        {
            if (x.shape.Length == 2)
                x = x.unsqueeze(0);
            if (x.shape[^1] > 8)
                x = x[.., .., ..8];
            return x.reshape(x.shape[1], -1) / x.shape[1];
        }
    }

    [Fact]
    public void A_letter_stays_symbolic_and_the_rest_goes_by_the_declared_sizes()
    {
        using var traced = Trace(new Halves(), "Nx12");
        foreach (var size in new[] { 1, 2, 7 })
        {
            using var x = rand(size, 12);
            Traced.Same(new Halves().call(x), traced.call(x));
        }
        Assert.StartsWith("traced with getitem > 8 at FreeDimensionTests.cs:", Assert.Throws<GraphAssertionException>(() => traced.call(rand(2, 6))).Message, StringComparison.Ordinal);
    }

    private sealed class Batched() : Module<Tensor, Tensor>(nameof(Batched))
    {
        public override Tensor forward(Tensor x) => x.shape[0] == 1 ? x.relu() : x.mean([0]);
    }

    [Fact]
    public void A_condition_that_both_sizes_agree_on_is_asserted()
    {
        using var traced = Trace(new Batched(), "Nx4");
        using var x = rand(5, 4);
        Traced.Same(new Batched().call(x), traced.call(x));
        Assert.StartsWith("traced with getitem != 1 at FreeDimensionTests.cs:", Assert.Throws<GraphAssertionException>(() => traced.call(rand(1, 4))).Message, StringComparison.Ordinal);
    }

    private sealed class Asking(Func<Tensor, long> ask) : Module<Tensor, Tensor>(nameof(Asking))
    {
        public override Tensor forward(Tensor x)
        {
            for (var i = 0; i < 3; i++)
                x = ask(x) > 0 ? x * 2 : x;
            return x;
        }
    }

    [Fact]
    public void A_condition_on_a_letter_that_comes_up_again_is_no_loop()
    {
        using var traced = Trace(new Asking(x => x.shape[0]), "Nx4");
        using var x = rand(5, 4);
        Assert.True(traced.call(x).Equals(x * 8));
    }

    private sealed class Even() : Module<Tensor, Tensor>(nameof(Even))
    {
        public override Tensor forward(Tensor x) => x.shape[0] % 2 == 0 ? x : throw new ArgumentException("an even number, please");
    }

    [Fact]
    public void A_check_that_only_some_sizes_pass_is_refused_unless_the_sizes_to_try_pass_it()
    {
        Assert.Equal("FX019: The dimension N is declared as free, but the program needs to know whether 'mod == 0', which comes out differently for N = 2 and N = 3.", What(Refused(new Even(), "Nx4")));
        using var traced = Trace(new Even(), "N=4x4");
        Assert.Equal("an even number, please", Assert.Throws<GraphAssertionException>(() => traced.call(rand(3, 4))).Message);
    }

    private sealed class Counting(Func<Tensor, int> count) : Module<Tensor, Tensor>(nameof(Counting))
    {
        public override Tensor forward(Tensor x) => x * Enumerable.Range(0, count(x)).Sum();
    }

    [Fact]
    public void Numbers_and_lengths_that_hang_on_a_letter_are_refused()
    {
        Assert.Equal("FX019: The dimension H is declared as free, but the program needs 'getitem' as a number, which comes out differently for H = 5 and H = 7.", What(Refused(new Counting(x => (int)x.shape[1]), "NxH")));
        Assert.Equal("FX019: The dimension N is declared as free, but the program needs the number of elements of 'unbind', which comes out differently for N = 2 and N = 3.", What(Refused(new Counting(x => x.unbind(0).Length), "NxH")));
        using var traced = Trace(new Counting(x => (int)x.shape[1]), "Nx4");
        Assert.True(traced.call(ones(7, 4)).Equals(ones(7, 4) * 6));
    }

    private sealed class Adding() : Module<Tensor, Tensor, Tensor>(nameof(Adding))
    {
        private readonly TorchSharp.Modules.Linear fc = Linear(4, 4);

        public override Tensor forward(Tensor x, Tensor y) => x.reshape(2, -1, 4)[0] + y;
    }

    [Fact]
    public void A_letter_is_one_size_in_all_inputs_and_an_operation_that_fails_for_another_says_so()
    {
        using var traced = fx.symbolic_trace(new Joining(), example_inputs: [InputShape.Parse("Nx4"), InputShape.Parse("Nx4")]);
        Assert.True(traced.call(ones(6, 4), ones(6, 4)).Equals(ones(6, 4) * 2));
        var error = Assert.Throws<TracedProgramException>(() => new Tracer().trace(new Adding(), example_inputs: [InputShape.Parse("Nx4"), InputShape.Parse("1x4")]));
        Assert.StartsWith("The model threw InvalidOperationException while it was traced: Node 'reshape' (reshape) fails on the example inputs with N = 3: ", error.Message, StringComparison.Ordinal);
    }

    private sealed class Joining() : Module<Tensor, Tensor, Tensor>(nameof(Joining))
    {
        public override Tensor forward(Tensor x, Tensor y) => x + y;
    }

    private sealed class Typed() : Module<Tensor, Tensor>(nameof(Typed))
    {
        public override Tensor forward(Tensor x) => x.dtype == ScalarType.Int64 && x.shape[0] == 3 ? functional.one_hot(x, 4) : x;
    }

    [Fact]
    public void Types_are_declared_after_a_colon()
        => Assert.Equal("one_hot", new Tracer().trace(new Typed(), example_inputs: [InputShape.Parse("3xN:int64")]).nodes.Reverse().Skip(1).First().name);

    [Theory]
    [InlineData("1x3xab", "The input '1x3xab' can't be read: 'ab' is neither a size nor a capital letter. Write sizes with x between them, as in 1x3x224x224, Nx3x224x224 (N stays free) or 1x16:int64.")]
    [InlineData("0x3", "The input '0x3' can't be read: '0' is neither a size nor a capital letter. Write sizes with x between them, as in 1x3x224x224, Nx3x224x224 (N stays free) or 1x16:int64.")]
    [InlineData("3:int", "The input '3:int' can't be read: there is no type 'int'. The types are byte, int8, int16, int32, int64, float16, float32, float64, complexfloat32, complexfloat64, bool, bfloat16.")]
    public void What_is_no_shape_is_told(string text, string sentence) => Assert.Equal(sentence, Assert.Throws<FormatException>(() => InputShape.Parse(text)).Message);

    [Fact]
    public void Two_sizes_for_one_letter_are_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => new Tracer().trace(new Joining(), example_inputs: [InputShape.Parse("N=4x4"), InputShape.Parse("N=8x4")]));
        Assert.Equal("The free dimension N is to be tried with 4 and with 8; a letter is one size in all inputs.", error.Message);
    }

    [Fact]
    public void Features_can_be_extracted_by_declared_inputs()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Halves(), ["reshape"], tracer_kwargs: new() { example_inputs = [InputShape.Parse("Nx12")] });
        using var x = rand(3, 12);
        using var features = extractor.call(x);
        Assert.Equal([3, 8], features["reshape"].shape);
    }
}
