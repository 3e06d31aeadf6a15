using TorchSharp.Fx.Tests.Runtime.Saving;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>What a program computes under a gradient mode is computed under that mode by its graph, in whatever form, and the caller gets its own mode back.</summary>
public sealed class GradientModeTests
{
    /// <summary>A value, whether it takes part in differentiation, and the gradients of its sum.</summary>
    private sealed record Outcome(float[] Value, bool Requires, float[]? Input, float[]?[] Parameters);

    private static Outcome Run(Func<Tensor, Tensor> run, nn.Module owner, bool callerRecords)
    {
        using var scope = NewDisposeScope();
        using var mode = set_grad_enabled(callerRecords);
        var x = Traced.Sample(3, 2, 3).requires_grad_();
        owner.zero_grad();
        using var result = run(x);
        Assert.Equal(callerRecords, is_grad_enabled());
        Assert.False(is_inference_mode_enabled());
        using var recording = enable_grad();
        if (result.requires_grad)
            result.sum().backward();
        return new(Values(result)!, result.requires_grad, Values(x.grad), [.. owner.named_parameters().OrderBy(entry => entry.name, StringComparer.Ordinal).Select(entry => Values(entry.parameter.grad))]);
    }

    private static float[]? Values(Tensor? tensor)
    {
        using var detached = tensor?.detach();
        return detached?.data<float>().ToArray();
    }

    private static void Same(Outcome expected, Outcome actual, string form)
    {
        Assert.True(expected.Value.SequenceEqual(actual.Value), form);
        Assert.True(expected.Requires == actual.Requires, form);
        Assert.Equal(expected.Input, actual.Input);
        Assert.Equal(expected.Parameters, actual.Parameters);
    }

    /// <summary>Eager, and every form of the graph, under both modes of the caller.</summary>
    private static void Check(nn.Module<Tensor, Tensor> module)
    {
        using var traced = fx.symbolic_trace(module);
        using var exemplified = fx.symbolic_trace(module, example_inputs: [ones(2, 3)]);
        using var shortened = traced.clone(share_parameters: true);
        shortened.graph.eliminate_common_subexpressions(shortened);
        shortened.graph.eliminate_dead_code(shortened);
        shortened.recompile();
        using var transformed = new GraphModule<Tensor, Tensor>(module, new GraphTransformer(traced).transform());
        var firstHalf = traced.graph.nodes.Take(traced.graph.Count / 2).ToHashSet();
        using var split = traced.split_module(node => firstHalf.Contains(node));
        using var copied = traced.clone();
        using var file = new SavedFile();
        using var loaded = (GraphModule<Tensor, Tensor>)file.Through(traced);
        foreach (var records in new[] { true, false })
        {
            var eager = Run(module.call, module, records);
            Same(eager, Run(x => (Tensor)new GraphInterpreter(traced).run(x)!, module, records), "evaluator");
            Same(eager, Run(traced.call, module, records), "compiled");
            Same(eager, Run(exemplified.call, module, records), "by example");
            Same(eager, Run(shortened.call, module, records), "shortened");
            Same(eager, Run(transformed.call, module, records), "transformed");
            Same(eager, Run(split.call, module, records), "split");
            Same(eager, Run(copied.call, copied, records), "copied");
            Same(eager, Run(loaded.call, loaded, records), "loaded");
        }
    }

    private sealed class Centred() : Module<Tensor, Tensor>(nameof(Centred))
    {
        public override Tensor forward(Tensor x)
        {
            Tensor mean;
            using (no_grad())
                mean = x.mean();
            return x - mean;
        }
    }

    [Fact]
    public void What_no_grad_computed_is_a_constant()
    {
        using var module = new Centred();
        Check(module);
        Assert.All(Run(module.call, module, true).Input!, gradient => Assert.Equal(1f, gradient));
        Assert.Equal("""
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %mean : [num_users=1, gradient_mode=no_grad] = call_method[target=mean](%x)
                %sub : [num_users=1] = call_function[target=sub](%x, %mean)
                return %sub

            """.ReplaceLineEndings("\n"), Traced.Graph(module).ToString());
    }

    private sealed class WritesUnderAView : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> inner = Linear(3, 3);

        internal WritesUnderAView() : base(nameof(WritesUnderAView)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var y = x * 2;
            var row = y[0];
            using (enable_grad())
                y.copy_(inner.call(x));
            return row.clone();
        }
    }

    [Fact]
    public void An_example_runs_where_the_program_does()
    {
        using var module = new WritesUnderAView();
        using var traced = fx.symbolic_trace(module, example_inputs: [ones(2, 3)]);
        Same(Run(module.call, module, true), Run(traced.call, module, true), "by example");
    }

    private sealed class Distilled : Module<Tensor, Tensor>
    {
        private sealed class Head : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> inner = Linear(3, 3);

            internal Head() : base(nameof(Head)) => RegisterComponents();

            public override Tensor forward(Tensor x) => inner.call(x).sigmoid();
        }

        private readonly Module<Tensor, Tensor> teacher = Sequential(Linear(3, 3), new Head());
        private readonly Module<Tensor, Tensor> student = Linear(3, 3);

        private readonly bool isIdle;

        internal Distilled(bool isIdle = false) : base(nameof(Distilled))
        {
            this.isIdle = isIdle;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => (student.call(x) - Taught(x)).pow(2);

        private Tensor Taught(Tensor x)
        {
            using var mode = no_grad();
            if (isIdle)
                return x;
            return teacher.call(x);
        }
    }

    [Fact]
    public void A_frozen_teacher_gets_no_gradients()
    {
        using var module = new Distilled();
        Check(module);
        Assert.Equal(4, Run(module.call, module, true).Parameters.Count(gradient => gradient is null));
        using var idle = new Distilled(isIdle: true);
        using var traced = fx.symbolic_trace(idle);
        Same(Run(idle.call, idle, true), Run(traced.call, idle, true), "idle");
    }

    private sealed class Nested() : Module<Tensor, Tensor>(nameof(Nested))
    {
        public override Tensor forward(Tensor x)
        {
            using var outer = no_grad();
            var scale = x.exp();
            using (enable_grad())
            {
                x = x * scale;
                using (set_grad_enabled(false))
                    scale = x.sin();
                x = x * scale;
            }
            scale = scale * x.cos();
            outer.Dispose();
            return x + scale * x;
        }
    }

    private sealed class Again() : Module<Tensor, Tensor>(nameof(Again))
    {
        public override Tensor forward(Tensor x)
        {
            var mode = enable_grad(false);
            var y = x * 3;
            var inner = set_grad_enabled(true);
            mode.Dispose();
            y = y * x;
            inner.Dispose();
            y = y + x.exp() * x;
            mode.Dispose();
            return y * x;
        }
    }

    private sealed class Failing() : Module<Tensor, Tensor>(nameof(Failing))
    {
        public override Tensor forward(Tensor x)
        {
            var y = x;
            try
            {
                using (no_grad())
                {
                    y = x.exp();
                    throw new InvalidOperationException("no");
                }
            }
            catch (InvalidOperationException)
            {
                y = y * x;
            }
            return y;
        }
    }

    private sealed class InInference() : Module<Tensor, Tensor>(nameof(InInference))
    {
        public override Tensor forward(Tensor x)
        {
            Tensor mean, kept;
            using (inference_mode())
            {
                mean = x.mean();
                using (inference_mode(false))
                    kept = x * 2;
                using (enable_grad())
                    mean = mean + x.max();
            }
            return x - mean + kept;
        }
    }

    private sealed class WithoutGradientOutsideInference() : Module<Tensor, Tensor>(nameof(WithoutGradientOutsideInference))
    {
        public override Tensor forward(Tensor x)
        {
            Tensor kept;
            using (inference_mode())
            using (inference_mode(false))
            using (no_grad())
                kept = x.exp();
            return x * kept;
        }
    }

    private sealed class Result() : Module<Tensor, Tensor>(nameof(Result))
    {
        public override Tensor forward(Tensor x)
        {
            using (inference_mode())
                return x * 2;
        }
    }

    private sealed class WritingInPlace() : Module<Tensor, Tensor>(nameof(WritingInPlace))
    {
        public override Tensor forward(Tensor x)
        {
            var y = x * x;
            using (no_grad())
                y[0].mul_(3);
            return y * x;
        }
    }

    private sealed class Detached() : Module<Tensor, Tensor>(nameof(Detached))
    {
        public override Tensor forward(Tensor x)
        {
            var y = x.detach() * 2;
            y.requires_grad_();
            using (no_grad())
                x = x.exp().requires_grad_() * y;
            return x * y;
        }
    }

    private sealed class TheSameTwice() : Module<Tensor, Tensor>(nameof(TheSameTwice))
    {
        public override Tensor forward(Tensor x)
        {
            var a = x.exp();
            using var mode = no_grad();
            var b = x.exp();
            using (enable_grad())
                return a * b + x.exp();
        }
    }

    private sealed class Asking() : Module<Tensor, Tensor>(nameof(Asking))
    {
        public override Tensor forward(Tensor x)
        {
            using (no_grad())
                x = is_grad_enabled() ? x : x * 2;
            using (enable_grad())
                x = is_grad_enabled() ? x.exp() : x;
            using (inference_mode())
                return is_inference_mode_enabled() ? x * 3 : x;
        }
    }

    public static TheoryData<Type> Modules { get; } =
    [
        typeof(Nested), typeof(Again), typeof(Failing), typeof(InInference), typeof(WithoutGradientOutsideInference), typeof(Result),
        typeof(WritingInPlace), typeof(Detached), typeof(TheSameTwice), typeof(Asking),
    ];

    [Theory]
    [MemberData(nameof(Modules))]
    public void Every_form_of_a_graph_has_the_programs_gradients(Type type)
    {
        using var module = (Module<Tensor, Tensor>)Activator.CreateInstance(type)!;
        Check(module);
    }

    private sealed class Deciding() : Module<Tensor, Tensor>(nameof(Deciding))
    {
        public override Tensor forward(Tensor x) => is_grad_enabled() ? x : -x;
    }

    [Fact]
    public void The_callers_mode_is_a_question_to_the_caller()
    {
        using var module = new Deciding();
        Assert.StartsWith("FX001: The program branches on 'is_grad_enabled != 0'", Assert.Throws<TraceException>(() => fx.symbolic_trace(module)).Message);
        using var traced = fx.symbolic_trace(module, example_inputs: [ones(2)]);
        using var x = ones(2);
        Assert.Equal([1f, 1f], traced.call(x).data<float>().ToArray());
        using var mode = no_grad();
        Assert.Throws<GraphAssertionException>(() => traced.call(x));
    }

    private sealed class Throwing() : Module<Tensor, Tensor, Tensor>(nameof(Throwing))
    {
        public override Tensor forward(Tensor x, Tensor y)
        {
            using var mode = no_grad();
            using var inference = inference_mode();
            return x.reshape(y.shape);
        }
    }

    [Fact]
    public void The_caller_gets_its_mode_back_when_a_node_throws()
    {
        using var module = new Throwing();
        using var traced = fx.symbolic_trace(module);
        using var x = ones(2, 3);
        using var y = ones(5);
        Assert.Throws<NodeExecutionException>(() => traced.call(x, y));
        Assert.Throws<NodeExecutionException>(() => new GraphInterpreter(traced).run(x, y));
        Assert.True(is_grad_enabled());
        Assert.False(is_inference_mode_enabled());
    }

    [Fact]
    public void Features_are_computed_in_their_modes()
    {
        using var module = new Distilled();
        using var extractor = feature_extraction.create_feature_extractor(module, new() { ["student"] = "student", ["teacher"] = "teacher" });
        using var features = extractor.call(ones(2, 3));
        Assert.True(features["student"].requires_grad);
        Assert.False(features["teacher"].requires_grad);
        using var fast = extractor.optimize_for_inference();
        using var same = fast.call(ones(2, 3));
        Assert.True(allclose(features["teacher"], same["teacher"], atol: 1e-5));
    }

    [Fact]
    public void A_pattern_keeps_its_mode_and_is_not_replaced_across_modes()
    {
        using var module = new Centred();
        using var traced = fx.symbolic_trace(module);
        Assert.Empty(subgraph_rewriter.replace_pattern(traced, (Func<Tensor, Tensor>)(x => x - x.mean()), (Func<Tensor, Tensor>)(x => x * 2)));
        Assert.Single(subgraph_rewriter.replace_pattern(traced, (Func<Tensor, Tensor>)(x => x.mean()), (Func<Tensor, Tensor>)(x => x.exp().amax([0, 1]))));
        var result = Run(traced.call, module, true);
        Assert.All(result.Input!, gradient => Assert.Equal(1f, gradient));
    }

    [Fact]
    public void Code_has_using_blocks()
    {
        using var simple = new Centred();
        Assert.Contains("""
                public Tensor forward(Tensor x)
                {
                    Tensor mean;
                    using (no_grad())
                    {
                        mean = x.mean();
                    }
                    var sub = x - mean;
                    return sub;
                }
            """.ReplaceLineEndings("\n"), Traced.Graph(simple).csharp_code());
    }
}
