using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>What a model asks of its own parameters and buffers is the same for all inputs: no input's example is needed, and the graph asserts it.</summary>
public sealed class ModelFactTests
{
    private sealed class Asking : nn.Module<Tensor, Tensor>
    {
        private readonly Func<Asking, Tensor, Tensor> run;
        public readonly TorchSharp.Modules.Parameter w;
        public readonly Tensor table;

        public Asking(Func<Asking, Tensor, Tensor> run) : base(nameof(Asking))
        {
            this.run = run;
            w = Parameter(Traced.Sample(3, 4, 6));
            table = Traced.Sample(4, 3, 4);
            register_buffer(nameof(table), table);
            register_parameter(nameof(w), w);
        }

        public override Tensor forward(Tensor x) => run(this, x);
    }

    public static TheoryData<string> Rows => [.. Programs.Keys];

    private static readonly Dictionary<string, Func<Asking, Tensor, Tensor>> Programs = new()
    {
        ["a size"] = (m, x) => m.w.shape[0] > 2 ? x * 2 : x * 3,
        ["a size from the end"] = (m, x) => m.w.shape[^1] > 5 ? x * 2 : x * 3,
        ["an int"] = (m, x) => (int)m.w.shape[1] == 6 ? x * 2 : x * 3,
        ["a nint"] = (m, x) => (nint)m.w.shape[1] > 5 ? x * 2 : x * 3,
        ["a double"] = (m, x) => (double)m.w.shape[0] / 8 >= 0.5 ? x * 2 : x * 3,
        ["arithmetic"] = (m, x) => (m.w.shape[0] * 3 + 1) % 5 == 3 && (m.w.shape[0] >> 1) - 2 == 0 ? x * 2 : x * 3,
        ["size(i)"] = (m, x) => m.w.size(0) == m.table.size(1) ? x * 2 : x * 3,
        ["dim"] = (m, x) => m.w.dim() == 2 && m.table.ndim == 2 ? x * 2 : x * 3,
        ["numel"] = (m, x) => m.w.numel() < 20 ? x * 2 : x * 3,
        ["a length"] = (m, x) => m.table.shape.Length == 3 ? x * 2 : x * 3,
        ["sizes as a list"] = (m, x) => m.w.shape.SequenceEqual([4L, 6L]) ? x * 2 : x * 3,
        ["sizes as a query"] = (m, x) => x * m.w.shape.Where(size => size > 4).Sum(),
        ["a loop"] = (m, x) =>
        {
            var sum = x * 0;
            for (var i = 0; i < m.table.shape[0]; i++)
                sum += x * m.table[i].sum();
            return sum;
        },
        ["a loop over sizes"] = (m, x) =>
        {
            foreach (var size in m.w.shape)
                x = x + size;
            return x;
        },
        ["a range"] = (m, x) => Enumerable.Range(0, (int)m.table.shape[0]).Aggregate(x, (sum, i) => sum + i),
        ["a C# array"] = (m, x) =>
        {
            var steps = new float[m.w.shape[0]];
            for (var i = steps.Length - 1; i >= 0; i--)
                steps[i] = i / 2f;
            return x * tensor(steps);
        },
        ["an array of sizes"] = (m, x) =>
        {
            var order = new long[m.w.shape[0]];
            for (var i = order.Length - 1; i >= 0; i--)
                order[i] = order.Length - 1 - i;
            return x.index_select(1, tensor(order));
        },
        ["a type"] = (m, x) => m.w.dtype == ScalarType.Float32 ? x * 2 : x * 3,
        ["a switch over types"] = (m, x) => m.table.dtype switch { ScalarType.Float64 => x * 2, ScalarType.Float32 => x * 5, _ => x },
        ["is_floating_point"] = (m, x) => m.w.is_floating_point() ? x * 2 : x * 3,
        ["element_size"] = (m, x) => m.w.element_size() == 4 ? x * 2 : x * 3,
        ["a device"] = (m, x) => m.w.device.type == DeviceType.CPU ? x * 2 : x * 3,
        ["a device's type"] = (m, x) => m.table.device_type == DeviceType.CUDA ? x * 2 : x * 3,
        ["is_cuda"] = (m, x) => m.w.is_cuda ? x * 2 : x * 3,
        ["requires_grad of a parameter"] = (m, x) => m.w.requires_grad ? x * 2 : x * 3,
        ["requires_grad of a buffer"] = (m, x) => m.table.requires_grad ? x * 2 : x * 3,
        ["is_contiguous"] = (m, x) => m.w.is_contiguous() ? x * 2 : x * 3,
        ["a view"] = (m, x) => m.w.t().shape[0] == 6 && m.w[0].shape[0] == 6 ? x * 2 : x * 3,
        ["what is computed of parameters"] = (m, x) => m.table.matmul(m.w).shape[1] == 6 ? x * 2 : x * 3,
        ["a text"] = (m, x) => $"{m.w.shape[0]}x{m.w.shape[1]}" == "4x6" ? x * 2 : x * 3,
        ["a key"] = (m, x) => x * new Dictionary<long, float> { [4] = 2, [6] = 3 }[m.w.shape[1]],
        ["a guard that passes"] = (m, x) => m.w.shape[0] != 4 ? throw new ArgumentException("four") : x * 2,
        ["a guard of two"] = (m, x) => m.w.shape[0] == 4 && x.shape[0] == 77 ? throw new ArgumentException("both") : x * 2,
        ["sizes beside the input's"] = (m, x) => m.w.shape[0] > 2 ? x.reshape(-1, m.w.shape[0] / 2) : x,
        ["a conditional operand"] = (m, x) => x * (m.w.shape[0] > 2 ? 3 : 5) + Math.Max(m.w.shape[0], 5),
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_question_to_the_model_is_answered_by_symbols(string program)
    {
        using var scope = NewDisposeScope();
        using var model = new Asking(Programs[program]);
        Traced.Runs(model, [Traced.Sample(1, 2, 4)], [Traced.Sample(2, 5, 4)]);
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_question_to_the_model_is_answered_by_example(string program)
    {
        using var scope = NewDisposeScope();
        using var model = new Asking(Programs[program]);
        using var traced = fx.symbolic_trace(model, example_inputs: [Traced.Sample(1, 2, 4)]);
        foreach (var rows in new[] { 2, 5 })
        {
            var x = Traced.Sample(5, rows, 4);
            Traced.Same(model.call(x), traced.call(x));
        }
    }

    [Fact]
    public void The_graph_asserts_what_the_model_was()
    {
        using var scope = NewDisposeScope();
        using var model = new Asking((m, x) => m.w.dtype == ScalarType.Float32 ? x * 2 : x * 3);
        using var traced = fx.symbolic_trace(model);
        model.to(ScalarType.Float64);
        var error = Assert.ThrowsAny<Exception>(() => traced.call(ones(2, 4)));
        Assert.Contains("traced with getattr_1 == torch.float32 at ModelFactTests.cs:", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("as the model's parameters and buffers had it; trace the model again after a change of them", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_frozen_parameter_is_noticed()
    {
        using var scope = NewDisposeScope();
        using var model = new Asking((m, x) => m.w.requires_grad ? x * 2 : x * 3);
        using var traced = fx.symbolic_trace(model);
        Traced.Same(ones(2) * 2, traced.call(ones(2)));
        model.w.requires_grad = false;
        Assert.Contains("getattr_1 == True", Assert.ThrowsAny<Exception>(() => traced.call(ones(2))).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_buffer_that_is_reshaped_in_place_is_asked_anew()
    {
        using var scope = NewDisposeScope();
        using var model = new Asking((m, x) =>
        {
            var before = m.table.shape[0] == 3 ? 1 : 10;
            m.table.unsqueeze_(0);
            return m.table.shape[0] == 3 ? x * before : x * before * 7;
        });
        var error = Assert.Throws<TraceException>(() => new Tracer().trace(model));
        Assert.Equal("FX001", error.code);
    }

    [Fact]
    public void A_question_to_the_input_is_still_refused()
    {
        using var scope = NewDisposeScope();
        foreach (var program in new Func<Asking, Tensor, Tensor>[]
        {
            (m, x) => x.shape[1] == m.w.shape[0] ? x * 2 : x * 3,
            (m, x) => (x + m.table[0]).shape[0] > 2 ? x * 2 : x * 3,
            (m, x) => m.w.sum().item<float>() > 0 ? x * 2 : x * 3,
            (m, x) => m.w.nonzero().shape[0] > 3 ? x * 2 : x * 3,
        })
        {
            using var model = new Asking(program);
            Assert.Contains(Assert.Throws<TraceException>(() => new Tracer().trace(model)).code, (string[])["FX001", "FX018"]);
        }
    }

    [Fact]
    public void A_guard_that_the_model_fails_throws_as_it_does_in_eager()
    {
        using var scope = NewDisposeScope();
        using var model = new Asking((m, x) => m.w.shape[0] == 4 ? throw new ArgumentException("four") : x);
        Assert.Equal("four", Assert.Throws<TracedProgramException>(() => new Tracer().trace(model)).InnerException!.Message);
    }

    [Fact]
    public void The_model_decides_in_modules_of_its_own_and_in_features()
    {
        using var scope = NewDisposeScope();
        using var model = Sequential(("first", new Asking((m, x) => m.w.shape[0] > 2 ? x * 2 : x)), ("second", new Asking((m, x) => x.to(m.w.dtype) + m.w.shape[1])));
        using var features = feature_extraction.create_feature_extractor(model, ["first.mul", "second"]);
        var x = Traced.Sample(1, 2, 4);
        Traced.Same(model.call(x), features.call(x).Values.Last());
        Traced.Same(x * 2, features.call(x).Values.First());
    }

    [Fact]
    public void A_long_program_is_asked_no_deeper_than_it_is_long()
    {
        static Tensor Forward(Tensor x)
        {
            for (var i = 0; i < 30_000; i++)
                x = x + 1;
            return x.shape[0] == 3 ? x : x.neg();
        }
        var graph = new Tracer().trace((Func<Tensor, Tensor>)Forward, [torch.zeros(3)]);
        Assert.Contains(graph.nodes, node => node.target.name == "_assert");
    }
}
