using System.Text.RegularExpressions;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Examples;

/// <summary>Traces with example inputs: branches, loop bounds and lengths go by the example, the graph asserts what they looked at, and nothing else.</summary>
[Collection("Tensor counts")] // it seeds the generator that all share
public sealed class ExampleInputTests
{
    /// <summary>Traces by the first inputs, and checks the graph's text and both ways to run it on all.</summary>
    private static Graph Check(Module module, string? expected, params object?[][] calls)
    {
        var tracer = new Tracer();
        var graph = tracer.trace(module, example_inputs: calls[0]);
        if (expected is not null)
            Assert.Equal(expected + "\n", string.Join("\n", graph.ToString().Split('\n').Select(WithoutPlace)));
        graph.lint();
        using var compiled = new GraphModule(module, graph, tracer.tensor_constants);
        foreach (var inputs in calls)
        {
            var eager = (Tensor)Traced.Eager(module, inputs)!;
            Assert.True(eager.Equals((Tensor)new GraphInterpreter(module, graph, tracer.tensor_constants).run(inputs)!));
            Assert.True(eager.Equals((Tensor)compiled.call(inputs)!));
        }
        return graph;
    }

    /// <summary>The text without file names and lines, which are tested on their own.</summary>
    private static string WithoutPlace(string line) => Regex.Replace(line, @"( at \w+\.cs:\d+)?; trace again with example inputs like these", "");

    private static Exception Refused(Module module, params object?[] inputs)
        => Assert.ThrowsAny<Exception>(() => new Tracer().trace(module, example_inputs: inputs));

    private sealed class Ranked() : Module<Tensor, Tensor>(nameof(Ranked))
    {
        public override Tensor forward(Tensor x)
        {
            if (x.dim() == 2)
                x = x.unsqueeze(0);
            return x.reshape(x.shape[0], -1);
        }
    }

    [Fact]
    public void A_branch_on_the_rank_goes_by_the_example_and_sizes_stay_symbolic()
        => Check(new Ranked(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %dim : [num_users=1] = call_method[target=dim](%x)
                %eq : [num_users=1] = call_function[target=eq](%dim, 2)
                %_assert : [num_users=0] = call_function[target=_assert](%eq, 'traced with dim == 2')
                %unsqueeze : [num_users=2] = call_method[target=unsqueeze](%x, 0)
                %getattr_1 : [num_users=1] = call_function[target=getattr](%unsqueeze, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
                %reshape : [num_users=1] = call_method[target=reshape](%unsqueeze, [%getitem, -1])
                return %reshape
            """, [rand(3, 4)], [rand(5, 6)]);

    [Fact]
    public void An_input_that_would_take_another_branch_fails_with_the_condition_and_its_place()
    {
        using var traced = fx.symbolic_trace(new Ranked(), example_inputs: [rand(3, 4)]);
        var error = Assert.Throws<GraphAssertionException>(() => traced.call(rand(2, 3, 4)));
        Assert.Matches(@"^traced with dim == 2 at ExampleInputTests\.cs:\d+; trace again with example inputs like these$", error.Message);
    }

    private sealed class Typed() : Module<Tensor, Tensor>(nameof(Typed))
    {
        public override Tensor forward(Tensor x)
        {
            if (x.dtype is ScalarType.Float32 or ScalarType.Float64)
                return x * 2;
            return x.dtype is ScalarType.Byte or ScalarType.Int8 ? x + 1 : x - 1;
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32, ScalarType.Float64, ScalarType.Int64)]
    [InlineData(ScalarType.Byte, ScalarType.Int8, ScalarType.Float32)]
    [InlineData(ScalarType.Int32, ScalarType.Int64, ScalarType.Byte)]
    public void A_pattern_of_several_types_holds_for_these_only(ScalarType example, ScalarType same, ScalarType other)
    {
        Check(new Typed(), null, [ones(2, dtype: example)], [ones(2, dtype: same)]);
        using var traced = fx.symbolic_trace(new Typed(), example_inputs: [ones(2, dtype: example)]);
        Assert.Throws<GraphAssertionException>(() => traced.call(ones(2, dtype: other)));
    }

    private sealed class Steps() : Module<Tensor, Tensor>(nameof(Steps))
    {
        public override Tensor forward(Tensor x)
        {
            var state = x.select(1, 0);
            for (var t = 1; t < x.shape[1]; t++)
                state = state * 0.5 + x.select(1, t);
            return state;
        }
    }

    [Fact]
    public void A_loop_over_a_size_is_unrolled_and_the_size_asserted_once()
        => Check(new Steps(), """
            graph(%x):
                %x : [num_users=6] = placeholder[target=x]
                %select : [num_users=1] = call_method[target=select](%x, 1, 0)
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 1)
                %lt : [num_users=1] = call_function[target=lt](1, %getitem)
                %_assert : [num_users=0] = call_function[target=_assert](%lt, 'traced with 1 < getitem')
                %mul : [num_users=1] = call_function[target=mul](%select, 0.5)
                %select_1 : [num_users=1] = call_method[target=select](%x, 1, 1)
                %add : [num_users=1] = call_function[target=add](%mul, %select_1)
                %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_2, 1)
                %eq : [num_users=1] = call_function[target=eq](%getitem_1, 3)
                %_assert_1 : [num_users=0] = call_function[target=_assert](%eq, 'traced with getitem_1 == 3')
                %mul_1 : [num_users=1] = call_function[target=mul](%add, 0.5)
                %select_2 : [num_users=1] = call_method[target=select](%x, 1, 2)
                %add_1 : [num_users=1] = call_function[target=add](%mul_1, %select_2)
                %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem_2 : [num_users=0] = call_function[target=getitem](%getattr_3, 1)
                return %add_1
            """, [rand(2, 3, 4)], [rand(5, 3, 6)]);

    private sealed class Parts() : Module<Tensor, Tensor>(nameof(Parts))
    {
        public override Tensor forward(Tensor x)
        {
            var total = zeros(1);
            foreach (var part in x.chunk(3, -1))
                total = total + part.sum() / part.shape.Length;
            return total + x.shape.Where(size => size > 1).Aggregate(1L, (a, b) => a * b);
        }
    }

    [Fact]
    public void Parts_are_counted_and_a_shape_is_gone_through_by_LINQ()
        => Check(new Parts(), null, [rand(2, 6)], [rand(3, 9)]);

    private sealed class Masked() : Module<Tensor, Tensor?, Tensor>(nameof(Masked))
    {
        public override Tensor forward(Tensor x, Tensor? mask) => mask is null ? x.relu() : x.masked_fill(mask, 0);
    }

    [Fact]
    public void What_is_null_in_the_example_is_null()
        => Check(new Masked(), """
            graph(%x, %mask):
                %x : [num_users=1] = placeholder[target=x]
                %mask : [num_users=1] = placeholder[target=mask]
                %eq : [num_users=1] = call_function[target=eq](%mask, None)
                %_assert : [num_users=0] = call_function[target=_assert](%eq, 'traced with mask == None')
                %relu : [num_users=1] = call_method[target=relu](%x)
                return %relu
            """, [rand(2, 3), null]);

    [Fact]
    public void A_tensor_in_the_place_of_a_null_fails()
    {
        using var traced = fx.symbolic_trace(new Masked(), example_inputs: [rand(2, 3), null]);
        Assert.StartsWith("traced with mask == None", Assert.Throws<GraphAssertionException>(() => traced.call(rand(2, 3), ones(2, 3, dtype: ScalarType.Bool))).Message, StringComparison.Ordinal);
    }

    private sealed class Peeks() : Module<Tensor, Tensor>(nameof(Peeks))
    {
        public override Tensor forward(Tensor x) => x.max().item<float>() > 1 ? x / x.max() : x;
    }

    [Fact]
    public void A_branch_on_a_tensors_content_is_refused_unless_allowed()
    {
        var error = Assert.IsType<TraceException>(Refused(new Peeks(), ones(2) * 3));
        Assert.Equal("FX018", error.code);
        Assert.StartsWith("FX018: To go on, the program needs the value of 'item', which was read out of a tensor: for other inputs of the same shapes the graph would be wrong. It happens in the root module at ExampleInputTests.cs:", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Allow it with allow_value_specialization: true, compute with tensors (torch.where) instead, or make the method a leaf function (tracer_kwargs.autowrap_functions) or its module a leaf module (tracer_kwargs.leaf_modules).", error.Message, StringComparison.Ordinal);
        using var traced = fx.symbolic_trace(new Peeks(), example_inputs: [ones(2) * 3], allow_value_specialization: true);
        Assert.True(traced.call(ones(2) * 4).Equals(ones(2)));
        Assert.StartsWith("traced with item > 1", Assert.Throws<GraphAssertionException>(() => traced.call(ones(2))).Message, StringComparison.Ordinal);
    }

    private sealed class Codebook : Module<Tensor, Tensor>
    {
        private readonly Tensor inited = tensor(true);
        private readonly Tensor codes = ones(4);

        public Codebook() : base(nameof(Codebook)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            if (!inited.ToBoolean())
                throw new InvalidOperationException("not initialised");
            if (training)
                codes.add_(x);
            return codes.sum().item<float>() > 3 ? x + codes : x;
        }
    }

    [Fact]
    public void A_branch_on_what_a_buffer_holds_is_asserted_and_refused_where_an_input_was_written_to_it()
    {
        var model = new Codebook();
        model.eval();
        using var traced = fx.symbolic_trace(model, example_inputs: [rand(4)]);
        Assert.True(traced.call(zeros(4)).Equals(ones(4)));
        using (no_grad())
            model.get_buffer("codes")!.zero_();
        Assert.StartsWith("traced with item > 3", Assert.Throws<GraphAssertionException>(() => traced.call(ones(4))).Message, StringComparison.Ordinal);
        Assert.Contains("read out of the model's own parameters or buffers", Assert.Throws<TraceException>(() => fx.symbolic_trace(model)).Message,
            StringComparison.Ordinal);
        model.train();
        Assert.Equal("FX018", Assert.IsType<TraceException>(Refused(model, ones(4))).code);
    }

    private sealed class Batch(Tensor image, Tensor? mask, Dictionary<string, Tensor> extras)
    {
        public Tensor Image => image;

        public Tensor? Mask => mask;

        public Dictionary<string, Tensor> Extras => extras;
    }

    private sealed class OnBatch() : Module<Batch, Tensor>(nameof(OnBatch))
    {
        public override Tensor forward(Batch batch)
        {
            var sum = batch.Mask is { } mask ? batch.Image * mask : batch.Image;
            foreach (var (name, extra) in batch.Extras)
                sum = name.StartsWith('+') ? sum + extra : sum - extra;
            return sum;
        }
    }

    [Fact]
    public void Members_of_an_input_that_are_null_or_go_by_name_follow_the_example()
        => Check(new OnBatch(), null,
            [new Batch(rand(2), null, new() { ["+a"] = rand(2), ["-b"] = rand(2) })],
            [new Batch(rand(3), null, new() { ["+a"] = rand(3), ["-b"] = rand(3) })]);

    private sealed class SaysWhatItGot() : Module<Tensor, Tensor>(nameof(SaysWhatItGot))
    {
        public override Tensor forward(Tensor x)
        {
            if (x.shape[0] != 2)
                throw new ArgumentException(string.Format(System.Globalization.CultureInfo.InvariantCulture, "Two rows, not {0} of {1}.", x.shape[0], x.shape[1]));
            if (x.dim() != 2)
                throw new ArgumentException($"Two dimensions, not {x.dim(),3} for {x.shape[1]:D4}.");
            return x * 2;
        }
    }

    [Fact]
    public void What_only_a_message_shows_is_not_asserted()
    {
        var graph = Check(new SaysWhatItGot(), null, [rand(2, 3)], [rand(2, 5)]);
        Assert.Equal(2, graph.nodes.Count(node => node.target.name == "_assert"));
    }

    private sealed class Several() : Module<Tensor[], Tensor>(nameof(Several))
    {
        public override Tensor forward(Tensor[] all) => all.Length > 1 ? all[0] + all[1] : all[0];
    }

    [Fact]
    public void A_length_that_is_compared_is_asserted_once()
    {
        var graph = Check(new Several(), null, [new[] { rand(2), rand(2) }], [new[] { rand(3), rand(3) }]);
        Assert.Single(graph.nodes, node => node.target.name == "_assert");
    }

    private sealed class Checked() : Module<Tensor, Tensor>(nameof(Checked))
    {
        public override Tensor forward(Tensor x) => x.shape[1] == 3 ? x.relu() : throw new ArgumentException("three channels, please");
    }

    [Fact]
    public void A_check_that_the_example_fails_is_the_models_own_exception()
    {
        var error = Assert.IsType<TracedProgramException>(Refused(new Checked(), rand(1, 4)));
        Assert.StartsWith("The model threw ArgumentException while it was traced: three channels, please It happened in the root module at ExampleInputTests.cs:", error.Message, StringComparison.Ordinal);
    }

    private sealed class Product() : Module<Tensor, Tensor>(nameof(Product))
    {
        private readonly TorchSharp.Modules.Linear fc = Linear(4, 2);

        public override Tensor forward(Tensor x) => fc.call(x.relu());
    }

    [Fact]
    public void An_operation_that_fails_on_the_example_names_its_node()
        => Assert.Contains("Node 'fc' (fc) fails on the example inputs: ", Refused(new Product(), rand(2, 5)).Message, StringComparison.Ordinal);

    [Fact]
    public void Too_few_and_wrong_examples_are_named()
    {
        Assert.Equal("example_inputs has 0 values, but 'x' of forward is left without one. (Parameter 'example_inputs')", Assert.IsType<ArgumentException>(Refused(new Product())).Message);
        Assert.Equal("example_inputs gives 'x' a Int32, but forward takes a Tensor. (Parameter 'example_inputs')", Assert.IsType<ArgumentException>(Refused(new Product(), 3)).Message);
    }

    private sealed class Training : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.BatchNorm1d bn = BatchNorm1d(4);
        private readonly TorchSharp.Modules.Dropout drop = Dropout(0.5);
        internal readonly Tensor seen = zeros(1);

        public Training() : base(nameof(Training))
        {
            register_buffer("seen", seen);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            seen.add_(1);
            return x.shape[0] > 1 ? drop.call(bn.call(x)) : x;
        }
    }

    [Fact]
    public void The_model_the_example_and_the_random_generator_stay_as_they_are()
    {
        using var model = new Training();
        using var example = rand(3, 4);
        using var before = example.clone();
        manual_seed(3);
        using var expected = rand(2);
        manual_seed(3);
        var graph = new Tracer().trace(model, example_inputs: [example]);
        using var actual = rand(2);
        Assert.Contains(graph.nodes, node => node.name == "drop");
        Assert.True(expected.Equals(actual));
        Assert.True(before.Equals(example));
        Assert.Equal(0, model.seen.item<float>());
        Assert.True(model.named_buffers().Single(entry => entry.name == "bn.running_mean").buffer.Equals(zeros(4)));
    }

    [Fact]
    public void Features_can_be_extracted_by_example()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Steps(), ["add"], tracer_kwargs: new() { example_inputs = [rand(2, 3, 4)] });
        using var x = rand(5, 3, 4);
        using var features = extractor.call(x);
        Assert.True(features["add"].Equals(x.select(1, 0) * 0.5 + x.select(1, 1)));
    }

    [Fact]
    public void The_report_tells_what_was_assumed()
    {
        var tracer = new Tracer();
        tracer.trace(new Training(), example_inputs: [rand(3, 4)]);
        Assert.Equal(["bn", "drop"], tracer.report.leaves);
        Assert.StartsWith("traced with getitem > 1 at ExampleInputTests.cs:", Assert.Single(tracer.report.guards).text, StringComparison.Ordinal);
        Assert.Empty(tracer.report.unregistered_modules);
    }

    private sealed class Rereading() : Module<Tensor, Tensor>(nameof(Rereading))
    {
        public override Tensor forward(Tensor x)
        {
            for (var i = 0; i < x.shape[1]; i++)
                x = (x * 2 + i).relu_();
            return x;
        }
    }

    [Fact]
    public void A_bound_that_is_read_again_from_tensors_of_the_same_shape_is_asserted_once()
    {
        var module = new Rereading();
        var graph = Check(module, null, [rand(2, 6)], [rand(5, 6)]);
        Assert.Equal(2, graph.nodes.Count(node => node.target.name == "_assert"));
        Assert.Throws<GraphAssertionException>(() => new GraphInterpreter(module, graph).run(rand(2, 7)));
    }

    private sealed class Growing() : Module<Tensor, Tensor>(nameof(Growing))
    {
        public override Tensor forward(Tensor x)
        {
            for (var i = 0; i < 3 && x.shape[1] < 20; i++)
                x = cat([x, x], 1) * 2;
            return x;
        }
    }

    [Fact]
    public void One_that_is_read_from_other_shapes_is_asserted_each_time()
    {
        var module = new Growing();
        var graph = Check(module, null, [rand(2, 3)], [rand(5, 4)]);
        Assert.Equal(3, graph.nodes.Count(node => node.target.name == "_assert"));
        Assert.Throws<GraphAssertionException>(() => new GraphInterpreter(module, graph).run(rand(2, 5)));
    }

    private sealed class Masking() : Module<Tensor, Tensor?, Tensor>(nameof(Masking))
    {
        public override Tensor forward(Tensor x, Tensor? mask = null) => mask is null ? x : x * mask;
    }

    [Fact]
    public void The_report_tells_which_inputs_a_trace_by_symbols_takes_to_be_there()
    {
        var tracer = new Tracer();
        tracer.trace(new Masking());
        Assert.Equal("mask", Assert.Single(tracer.report.present_inputs).text);
        Assert.Matches(@"inputs taken to be there:\n  mask \(ExampleInputTests\.cs:\d+\)\n", tracer.report.ToString());
        tracer.trace(new Masking(), example_inputs: [rand(2), rand(2)]);
        Assert.Empty(tracer.report.present_inputs);
        Assert.Equal("mask != None", Regex.Match(Assert.Single(tracer.report.guards).text, "mask [^ ]+ None").Value);
    }
}
