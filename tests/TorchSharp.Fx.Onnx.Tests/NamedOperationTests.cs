using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>Operations that are called by ATen's names, as programs of PyTorch's do where TorchSharp has no member for them.</summary>
[Collection(nameof(Alone))]
public sealed class NamedOperationTests
{
    private static readonly long[] None = [];

    /// <summary>Each overload with arguments; of several forms each has a letter.</summary>
    private static readonly Dictionary<string, Func<object?[]>> Rows = new(StringComparer.Ordinal)
    {
        ["embedding"] = () => [randn(7, 4), tensor(new long[] { 3, 0, 6, 3 }).reshape(2, 2)],
        ["scaled_dot_product_attention"] = () => [randn(2, 3, 5, 8), randn(2, 3, 7, 8), randn(2, 3, 7, 8), randn(2, 1, 5, 7), 0.0, false, 0.3],
        ["scaled_dot_product_attention b"] = () => [randn(2, 4, 5, 8), randn(2, 2, 5, 8), randn(2, 2, 5, 8), null, 0.0, true, null, true],
        ["new_ones"] = () => [randn(2), new long[] { 2, 3 }],
        ["new_ones b"] = () => [randn(2), new long[] { 2, 3 }, ScalarType.Int64],
        ["new_zeros"] = () => [randn(2), new long[] { 4 }],
        ["movedim.int"] = () => [randn(2, 3, 4), 0L, -1L],
        ["roll"] = () => [randn(4, 5), new long[] { 1, -2 }, new long[] { 0, 1 }],
        ["roll b"] = () => [randn(4, 5), new long[] { 3 }, None],
        ["fliplr"] = () => [randn(4, 5)],
        ["rot90"] = () => [randn(2, 4, 5), 1L, new long[] { 1, 2 }],
        ["rot90 b"] = () => [randn(4, 5), 2L, new long[] { 0, 1 }],
        ["rot90 c"] = () => [randn(4, 5), -1L, new long[] { 0, 1 }],
        ["hardtanh"] = () => [randn(4, 5), -0.5, 0.7],
        ["lerp.Scalar"] = () => [randn(4), randn(4), 0.3],
        ["rsub.Scalar"] = () => [randn(4), 2.5, 3.0],
        ["pow.Scalar"] = () => [2.0, randn(4)],
        ["float_power.Tensor_Scalar"] = () => [rand(4), 2.5],
        ["where.Scalar"] = () => [randn(4) > 0, 1.5, -2.0],
        ["where.Scalar b"] = () => [randn(4) > 0, 1L, 0L],
        ["where.ScalarOther"] = () => [randn(4) > 0, randn(4), -2.0],
        ["where.ScalarSelf"] = () => [randn(4) > 0, 0.5, randn(4)],
        ["scatter.value"] = () => [randn(3, 4), 1L, tensor(new long[] { 1, 0, 2 }).unsqueeze(1), 5.0],
        ["addr"] = () => [randn(3, 4), randn(3), randn(4), 0.5, 2.0],
        ["dist"] = () => [randn(3, 4), randn(3, 4), 3.0],
        ["trapezoid.dx"] = () => [randn(3, 4), 0.5, 0L],
        ["_weight_norm"] = () => [randn(3, 4, 2), rand(1, 1, 2), 2L],
        ["_weight_norm b"] = () => [randn(3, 4, 2), rand(3, 1, 1), 0L],
        ["xlogy.Tensor"] = () => [tensor([0f, 1f, 2f]), tensor([0f, 3f, 0.5f])],
        ["sinc"] = () => [tensor([0f, 0.3f, -1.2f])],
        ["special_expit"] = () => [randn(4)],
        ["special_entr"] = () => [tensor([0f, 0.3f, -1f])],
        ["cross"] = () => [randn(4, 3), randn(4, 3), 1L],
        ["linalg_cross"] = () => [randn(4, 3), randn(4, 3), -1L],
        ["baddbmm"] = () => [randn(2, 3, 4), randn(2, 3, 5), randn(2, 5, 4), 0.5, 2.0],
        ["addmv"] = () => [randn(3), randn(3, 4), randn(4), 0.5, 2.0],
        ["chain_matmul"] = () => [new[] { randn(2, 3), randn(3, 4), randn(4, 5) }],
        ["diff"] = () => [randn(3, 5), 2L, 1L],
        ["im2col"] = () => [randn(2, 3, 5, 6), new long[] { 2, 3 }, new long[] { 1, 1 }, new long[] { 1, 0 }, new long[] { 2, 1 }],
        ["grid_sampler"] = () => [randn(1, 2, 4, 5), (rand(1, 3, 3, 2) * 2) - 1, 0L, 1L, false],
        ["grid_sampler b"] = () => [randn(1, 2, 4, 5), (rand(1, 3, 3, 2) * 3) - 1.5, 1L, 0L, true],
        ["rms_norm"] = () => [randn(3, 4), new long[] { 4 }, rand(4), 1e-5],
        ["rms_norm b"] = () => [randn(3, 2, 4), new long[] { 2, 4 }],
        ["logsumexp"] = () => [randn(3, 4, 2) * 50, new long[] { 0, 2 }, true],
        ["logsumexp b"] = () => [randn(3, 4), new long[] { -1 }],
        ["std.correction"] = () => [randn(3, 4), new long[] { 1 }, 0L, true],
        ["var.correction"] = () => [randn(3, 4, 2), new long[] { 0, 2 }, 1L, false],
        ["var.correction b"] = () => [randn(3, 4)],
        ["std_mean.correction"] = () => [randn(3, 4), new long[] { 0 }, 1L, false],
        ["var_mean.correction"] = () => [randn(3, 4), new long[] { 0 }, 0L, true],
        ["count_nonzero"] = () => [tensor(new long[] { 0, 2, 0, 3 }).reshape(2, 2), 1L],
        ["nansum"] = () => [tensor([1f, float.NaN, 3f, 4f]).reshape(2, 2), new long[] { 1 }, true],
        ["nanmean"] = () => [tensor([1f, float.NaN, 3f, 4f]).reshape(2, 2), new long[] { 1 }, false],
        ["pairwise_distance"] = () => [randn(3, 4), randn(3, 4), 2.0, 1e-6, true],
        ["fft_rfft"] = () => [randn(2, 8), null, -1L, "ortho"],
        ["fft_irfft"] = () => [view_as_complex(randn(2, 5, 2)), 8L, -1L],
        ["fft_fft"] = () => [view_as_complex(randn(2, 8, 2))],
        ["fft_ifft"] = () => [view_as_complex(randn(2, 8, 2)), null, -1L, "forward"],
        ["stft"] = () => [randn(2, 64), 16L, 4L, 16L, hann_window(16), false, true, true],
        ["gru_cell"] = () => [randn(3, 5), randn(3, 4), randn(12, 5), randn(12, 4), randn(12), randn(12)],
        ["rnn_tanh_cell"] = () => [randn(3, 5), randn(3, 4), randn(4, 5), randn(4, 4)],
        ["rnn_relu_cell"] = () => [randn(3, 5), randn(3, 4), randn(4, 5), randn(4, 4), randn(4), randn(4)],
        ["lstm_cell"] = () => [randn(3, 5), new[] { randn(3, 4), randn(3, 4) }, randn(16, 5), randn(16, 4), randn(16), randn(16)],
        ["l1_loss"] = () => [randn(3, 4), randn(3, 4), 2L],
        ["mse_loss"] = () => [randn(3, 4), randn(3, 4), 1L],
        ["soft_margin_loss"] = () => [randn(3, 4), randn(3, 4).sign(), 0L],
        ["smooth_l1_loss"] = () => [randn(3, 4), randn(3, 4), 1L, 0.5],
        ["huber_loss"] = () => [randn(3, 4), randn(3, 4), 2L, 0.7],
        ["binary_cross_entropy_with_logits"] = () => [randn(3, 4), rand(3, 4)],
        ["kl_div"] = () => [randn(3, 4), rand(3, 4), 2L],
        ["cross_entropy_loss"] = () => [randn(3, 4), tensor(new long[] { 1, 0, 3 }), null, 1L, -100L, 0.1],
        ["nll_loss_nd"] = () => [randn(3, 4).log_softmax(1), tensor(new long[] { 1, 0, 3 })],
        ["aminmax"] = () => [randn(3, 4), 1L, true],
        ["kthvalue"] = () => [randn(3, 5), 2L, 1L, true],
        ["median.dim"] = () => [randn(3, 6), 1L],
    };

    public static TheoryData<string> Names => [.. Rows.Keys];

    [Theory, MemberData(nameof(Names))]
    public void An_operation_gives_in_ONNX_Runtime_what_it_gives_here(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (overload, arguments) = (name.Split(' ')[0], Rows[name]());
        var (graph, inputs) = (new Graph(), new List<Tensor>());
        var given = Array.ConvertAll(arguments, Given);
        var gives = AtenSchema.Find(overload)!.Returns.Length;
        var call = graph.create_node(Opcode.call_function, new FunctionTarget(typeof(aten).GetMethod(gives > 1 ? nameof(aten.call_many) : nameof(aten.call))!),
            [overload, new ListArgument([.. given], typeof(object))], gives > 1 ? typeof(Tensor[]) : typeof(Tensor));
        Argument[] results = gives == 1 ? [call] : [.. Enumerable.Range(0, gives).Select(i => (Argument)graph.create_node(Opcode.call_function,
            new BuiltinTarget(Builtin.getitem, typeof(Tensor[])), [call, i], typeof(Tensor)))];
        // Complex numbers go in and out as pairs.
        results = Array.ConvertAll(results, result => overload is "stft" or "fft_rfft" or "fft_fft" or "fft_ifft" ? graph.call_function(view_as_real, result) : result);
        graph.output(new ListArgument([.. results], typeof(Tensor)), typeof(Tensor[]));
        using var module = new GraphModule(new TracedFunction(null), graph);
        using var exported = new OnnxModel();
        onnx.export(module, exported.Path, [.. inputs]);
        var expected = (Tensor[])module.call([.. inputs])!;
        foreach (var (one, other) in expected.Zip(exported.Run([.. inputs]).Values))
            OnnxModel.AssertClose(one, other, overload);

        Argument Given(object? value) => value switch
        {
            Tensor { dtype: ScalarType.ComplexFloat32 } complex => graph.call_function(view_as_complex, Input(view_as_real(complex))),
            Tensor tensor => Input(tensor),
            Tensor[] many => new ListArgument([.. many.Select(tensor => (Argument)Input(tensor))], typeof(Tensor)),
            long[] longs => new ListArgument([.. longs.Select(number => (Argument)number)], typeof(long)),
            _ => new Literal(value),
        };

        Node Input(Tensor tensor)
        {
            inputs.Add(tensor);
            return graph.placeholder($"x{inputs.Count}", typeof(Tensor));
        }
    }

    [Fact]
    public void Every_operation_of_the_table_has_a_row()
        => Assert.Empty(NamedOperations.Overloads.Except(Rows.Keys.Select(name => name.Split(' ')[0])));

    /// <summary>Layers whose weights are arguments are ONNX's layers; the program keeps the weights.</summary>
    private sealed class Layers(string overload, int gates, bool both, bool biases) : nn.Module<Tensor, Tensor, Tensor>(nameof(Layers))
    {
        private readonly TorchSharp.Modules.ParameterList weights = new([.. Enumerable.Range(0, 2).SelectMany(layer => Enumerable.Range(0, both ? 2 : 1).SelectMany(_ =>
            new long[][] { [gates * 4, layer == 0 ? 5 : both ? 8 : 4], [gates * 4, 4], [gates * 4], [gates * 4] }.Take(biases ? 4 : 2))).Select(shape => nn.Parameter(randn(shape)))]);

        internal Layers Registered()
        {
            RegisterComponents();
            return this;
        }

        public override Tensor forward(Tensor x, Tensor state)
        {
            object first = overload == "lstm.input" ? new[] { state, state * 2 } : state;
            var results = aten.call_many(overload, x, first, weights.ToArray(), biases, 2L, 0.0, false, both, true);
            var all = cat([results[0].flatten(), results[1].flatten()], 0);
            return overload == "lstm.input" ? cat([all, results[2].flatten()], 0) : all;
        }
    }

    [Theory, InlineData("lstm.input", 4, true, true), InlineData("gru.input", 3, false, true), InlineData("gru.input", 3, true, false), InlineData("rnn_tanh.input", 1, true, true), InlineData("rnn_relu.input", 1, false, false)]
    public void Recurrent_layers_are_those_of_ONNX(string overload, int gates, bool both, bool biases)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = new Layers(overload, gates, both, biases).Registered();
        Tensor[] inputs = [randn(3, 6, 5), randn(both ? 4 : 2, 3, 4)];
        using var traced = fx.symbolic_trace(model);
        using var exported = new OnnxModel();
        onnx.export(traced, exported.Path, inputs);
        OnnxModel.AssertClose(model.call(inputs[0], inputs[1]), exported.Run(inputs).Values.Single(), overload);
    }

    [Fact]
    public void An_operation_without_a_form_is_refused_by_its_name()
    {
        using var traced = fx.symbolic_trace<Tensor, Tensor>(x => aten.call("histc", x, 5L, -1.0, 1.0));
        using var exported = new OnnxModel();
        Assert.Contains("there is no converter for 'aten::histc'",
            Assert.Throws<OnnxExportException>(() => onnx.export(traced, exported.Path, [randn(4)])).Message, StringComparison.Ordinal);
    }
}
