using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>Numbers that a model keeps, or that are inside of its inputs, are inputs of the file, and what becomes of them outputs.</summary>
[Collection(nameof(Alone))]
public sealed class NumberInputTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly OnnxModel exported = new();

    public void Dispose()
    {
        exported.Dispose();
        scope.Dispose();
    }

    private sealed class Positions : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Embedding table = Embedding(64, 4);
        internal int seen;

        public Positions() : base(nameof(Positions)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var places = arange(seen, seen + x.shape[1]);
            seen += (int)x.shape[1];
            return x + table.call(places);
        }
    }

    private sealed class RoomyCache : Module<Tensor, Tensor>
    {
        private readonly Tensor keys = zeros(1, 32, 4);
        private long start;

        public RoomyCache() : base(nameof(RoomyCache)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var n = x.shape[1];
            keys[.., TensorIndex.Slice(start, start + n)] = x * 2;
            start += n;
            return keys[.., TensorIndex.Slice(null, start)].sum(1) + start;
        }
    }

    private sealed class NarrowCache : Module<Tensor, Tensor>
    {
        private readonly Tensor keys = zeros(1, 32, 4);
        private int length;

        public NarrowCache() : base(nameof(NarrowCache)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            keys.narrow(1, length, x.shape[1]).copy_(x);
            length += (int)x.shape[1];
            return keys.narrow(1, 0, length).cumsum(1);
        }
    }

    private sealed class Grown : Module<Tensor, Tensor>
    {
        private Tensor past = zeros(1, 2, 4);
        private int length = 2;

        public Grown() : base(nameof(Grown)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            past = cat([past, x + length], 1);
            length += (int)x.shape[1];
            return past.mean([1]) * arange(length).sum();
        }
    }

    private sealed class Fading : Module<Tensor, Tensor>
    {
        private double gain = 1;
        private float shift = 0.5f;

        public Fading() : base(nameof(Fading)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            gain *= 0.9;
            shift += 0.25f;
            return (x * gain) + shift;
        }
    }

    public static TheoryData<string> Names => [nameof(Positions), nameof(RoomyCache), nameof(NarrowCache), nameof(Grown), nameof(Fading)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_number_that_a_model_keeps_goes_in_and_comes_out(string name)
    {
        Module<Tensor, Tensor> Made() => name switch
        {
            nameof(Positions) => new Positions(), nameof(RoomyCache) => new RoomyCache(), nameof(NarrowCache) => new NarrowCache(),
            nameof(Grown) => new Grown(), _ => new Fading(),
        };
        using var model = Made();
        using var eager = Made();
        eager.load_state_dict(model.state_dict());
        using var traced = fx.symbolic_trace(model, example_inputs: [rand(1, 3, 4)]);
        var free = new Dictionary<int, string> { [1] = "n" };
        var axes = new Dictionary<string, IReadOnlyDictionary<int, string>> { ["x"] = free };
        if (name == nameof(Grown))
            axes["past"] = new Dictionary<int, string> { [1] = "past" };
        onnx.export(traced, exported.Path, [rand(1, 3, 4)], dynamic_axes: axes);
        var inputs = exported.Signature().Inputs.Select(input => input.Split(' ')[0]).ToArray();
        var state = traced.lift_state(rand(1, 3, 4)).graph.find_nodes(Opcode.placeholder).Select(node => node.target.name).Skip(1);
        Assert.Equal(["x", .. state], inputs);
        Dictionary<string, Tensor> kept = [];
        foreach (var n in (long[])[3, 1, 5])
        {
            var x = rand(1, n, 4);
            var given = exported.Run([.. inputs.Select(input => input == "x" ? x : kept.GetValueOrDefault($"{input}.next") ?? Start(input))]);
            Assert.True(allclose(eager.call(x), given["output"], 1e-5, 1e-5));
            kept = given.Where(entry => entry.Key != "output").ToDictionary();
        }

        Tensor Start(string input) => input switch
        {
            "seen" or "start" => tensor(0L), "length" => tensor(name == nameof(Grown) ? 2L : 0L), "gain" => tensor(1.0, float64), "shift" => tensor(0.5f),
            "past" => zeros(1, 2, 4), _ => zeros(1, 32, 4),
        };
    }

    public sealed record Options(double Scale, int Start, Tensor Bias);

    [Fact]
    public void Numbers_inside_of_an_input_are_constants_but_for_those_that_dynamic_axes_names()
    {
        using var traced = fx.symbolic_trace((Tensor x, Options options) => (x[.., TensorIndex.Slice(options.Start)] * options.Scale) + options.Bias,
            example_inputs: [rand(2, 6), new Options(2, 1, rand(1))]);
        onnx.export(traced, exported.Path, [rand(2, 6), new Options(2, 1, rand(1))]);
        Assert.Equal(["options.Bias", "x"], Names().Order(StringComparer.Ordinal));
        onnx.export(traced, exported.Path, [rand(2, 6), new Options(2, 1, rand(1))],
            dynamic_axes: new Dictionary<string, IReadOnlyDictionary<int, string>>
            {
                ["options.Scale"] = new Dictionary<int, string>(), ["options.Start"] = new Dictionary<int, string>(),
            });
        Assert.Equal(["options.Bias", "options.Scale", "options.Start", "x"], Names().Order(StringComparer.Ordinal));
        foreach (var (scale, start) in (ReadOnlySpan<(double, int)>)[(2, 1), (0.5, 4), (-3, 0)])
        {
            var (x, options) = (rand(2, 6), new Options(scale, start, rand(1)));
            Tensor Given(string name) => name switch
            {
                "x" => x, "options.Bias" => options.Bias, "options.Scale" => tensor(scale, float64), _ => tensor((long)start),
            };
            OnnxModel.AssertClose(traced.call(x, options), exported.Run([.. Names().Select(Given)])["output"]);
        }

        string[] Names() => [.. exported.Signature().Inputs.Select(input => input.Split(' ')[0])];
    }

    [Fact]
    public void A_number_that_dynamic_axes_names_stays_free_and_another_one_is_a_constant()
    {
        using var traced = fx.symbolic_trace((Tensor x, int start, int count) => x.narrow(1, start, count) * start, example_inputs: [rand(2, 9), 3, 3]);
        onnx.export(traced, exported.Path, [rand(2, 9), 3, 3], dynamic_axes: new Dictionary<string, IReadOnlyDictionary<int, string>>
        {
            ["start"] = new Dictionary<int, string>(),
        });
        Assert.Equal(["x [2, 9]", "start []"], exported.Signature().Inputs);
        var x = rand(2, 9);
        foreach (var start in (int[])[0, 3, 6])
            OnnxModel.AssertClose(traced.call(x, start, 3), exported.Run(x, tensor((long)start))["output"]);
    }

    private sealed class Scaled : Module<Tensor, int, Tensor>
    {
        private int seen = 3;

        public Scaled() : base(nameof(Scaled)) { }

        public override Tensor forward(Tensor x, int times)
        {
            seen += 1;
            return (x * times) + seen;
        }
    }

    [Fact]
    public void A_kept_number_that_happens_to_be_what_is_given_is_an_input_all_the_same()
    {
        using var traced = fx.symbolic_trace(new Scaled(), example_inputs: [rand(2), 3]);
        onnx.export(traced, exported.Path, [rand(2), 3]);
        Assert.Equal(["x [2]", "seen []"], exported.Signature().Inputs);
        var x = rand(2);
        var given = exported.Run(x, tensor(7L));
        OnnxModel.AssertClose((x * 3) + 8, given["output"]);
        OnnxModel.AssertClose(tensor(8L), given["seen.next"]);
    }

    private sealed class Clamped : Module<Tensor, Tensor>
    {
        private int seen = 4;

        public Clamped() : base(nameof(Clamped)) { }

        public override Tensor forward(Tensor x)
        {
            seen -= 1;
            return x + full(1, Math.Min(seen, 2)) + (seen % 3);
        }
    }

    [Fact]
    public void What_the_tried_numbers_agree_on_is_computed_all_the_same()
    {
        using var model = new Clamped();
        using var traced = fx.symbolic_trace(model, example_inputs: [rand(2)]);
        onnx.export(traced, exported.Path, [rand(2)]);
        for (var seen = 4; seen > -3; seen--)
        {
            var x = rand(2);
            var given = exported.Run([.. exported.Signature().Inputs.Select(name => name[0] == 'x' ? x : tensor((long)seen))]);
            OnnxModel.AssertClose(model.call(x), given["output"]);
        }
    }

    private sealed class Overlapping : Module<Tensor, Tensor>
    {
        private readonly Tensor rows = zeros(2, 4), first;

        public Overlapping() : base(nameof(Overlapping))
        {
            first = rows[0];
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            first.add_(1);
            return x + rows;
        }
    }

    [Fact]
    public void A_buffer_that_is_a_part_of_another_is_not_parted_from_it()
    {
        using var traced = fx.symbolic_trace(new Overlapping());
        var lifted = traced.lift_state(rand(2, 4));
        var x = rand(2, 4);
        var (result, _) = ((Tensor, Dictionary<string, object>))lifted.call(x)!;
        OnnxModel.AssertClose(x + tensor(new float[,] { { 1, 1, 1, 1 }, { 0, 0, 0, 0 } }), result);
    }

    private sealed class Tabled : Module<Tensor, Tensor>
    {
        private readonly Tensor table = rand(4);

        public Tabled() : base(nameof(Tabled)) => RegisterComponents();

        public override Tensor forward(Tensor x) => x + table;
    }

    [Fact]
    public void A_buffer_that_is_only_read_is_no_input()
    {
        using var traced = fx.symbolic_trace(new Tabled());
        onnx.export(traced, exported.Path, [rand(2, 4)]);
        Assert.Equal(["x [2, 4]"], exported.Signature().Inputs);
        Assert.Equal(["output"], exported.Signature().Outputs);
    }

    private sealed class Deciding : Module<Tensor, Tensor>
    {
        private Tensor past = zeros(1, 2, 4);
        private int position = 2;

        public Deciding() : base(nameof(Deciding)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var isFirst = position == 0;
            past = isFirst ? x : cat([past, x], 1);
            position += (int)x.shape[1];
            return position <= 8 ? past.sum(1) + position : past.mean([1]);
        }
    }

    [Fact]
    public void A_number_by_which_the_program_decides_is_checked_when_the_file_runs()
    {
        using var model = new Deciding();
        using var traced = fx.symbolic_trace(model, example_inputs: [rand(1, 1, 4)]);
        onnx.export(traced, exported.Path, [rand(1, 1, 4)], dynamic_axes: new Dictionary<string, IReadOnlyDictionary<int, string>>
        {
            ["past"] = new Dictionary<int, string> { [1] = "past" },
        });
        var names = exported.Signature().Inputs.Select(input => input.Split(' ')[0]).ToArray();
        Assert.Equal(["past", "position", "x"], names.Order(StringComparer.Ordinal));
        Tensor past = zeros(1, 2, 4), position = tensor(2L);
        for (var step = 0; step < 6; step++)
        {
            var x = rand(1, 1, 4);
            var given = exported.Run([.. names.Select(Given)]);
            OnnxModel.AssertClose(model.call(x), given["output"]);
            (past, position) = (given["past.next"], given["position.next"]);
            Tensor Given(string name) => name == "x" ? x : name == "past" ? past : position;
        }
        var late = Assert.Throws<OnnxRuntimeException>(() => exported.Run([.. names.Select(name => name == "x" ? rand(1, 1, 4)
            : name == "past" ? past : position)]));
        Assert.Contains("out of", late.Message, StringComparison.Ordinal);
        Assert.Throws<OnnxRuntimeException>(() => exported.Run([.. names.Select(name => name == "x" ? rand(1, 1, 4)
            : name == "past" ? zeros(1, 0, 4) : tensor(0L))]));
    }

    private sealed class FirstCall : Module<Tensor, Tensor>
    {
        private Tensor past = zeros(1, 0, 4);
        private int position;

        public FirstCall() : base(nameof(FirstCall)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            past = position == 0 ? x * 2 : cat([past, x], 1);
            position += (int)x.shape[1];
            return past.sum(1);
        }
    }

    [Fact]
    public void A_number_that_the_graph_holds_to_its_value_is_a_constant()
    {
        using var traced = fx.symbolic_trace(new FirstCall(), example_inputs: [rand(1, 3, 4)]);
        onnx.export(traced, exported.Path, [rand(1, 3, 4)], dynamic_axes: new Dictionary<string, IReadOnlyDictionary<int, string>>
        {
            ["x"] = new Dictionary<int, string> { [1] = "n" },
        });
        Assert.DoesNotContain(exported.Signature().Inputs, name => name.StartsWith("position", StringComparison.Ordinal));
        var x = rand(1, 5, 4);
        var given = exported.Run([.. exported.Signature().Inputs.Select(name => name[0] == 'x' ? x : zeros(1, 0, 4))]);
        OnnxModel.AssertClose(x.sum(1) * 2, given["output"]);
        OnnxModel.AssertClose(tensor(5L), given["position.next"]);
    }

    [Fact]
    public void A_size_by_which_the_program_decides_is_refused()
    {
        using var traced = fx.symbolic_trace((Tensor x) => x.shape[0] > 2 ? x * 3 : x + 1, example_inputs: [rand(5)]);
        var refused = Assert.Throws<OnnxExportException>(() => onnx.export(traced, exported.Path, [rand(5)],
            dynamic_axes: new Dictionary<string, IReadOnlyDictionary<int, string>> { ["x"] = new Dictionary<int, string> { [0] = "n" } }));
        Assert.Contains("decides by", refused.Message, StringComparison.Ordinal);
    }
}
