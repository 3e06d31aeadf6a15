using TorchSharp.Fx.Tests.FeatureExtraction;
using TorchSharp.Fx.Tests.Runtime.Saving;
using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Runtime.NativeModules;

/// <summary>
/// Modules that TorchSharp keeps in native code are saved, loaded and copied with all their settings: the other one gives the same bits in evaluation mode and, under one seed, in training
/// mode, and libtorch prints the same of both.
/// </summary>
[Collection(nameof(Alone))]
public sealed class NativeModuleTests : IDisposable
{
    private readonly SavedFile file = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        file.Dispose();
    }

    private sealed class Model<T> : nn.Module<Tensor, Tensor> where T : nn.Module
    {
        private readonly T inner;
        private readonly Func<T, Tensor, Tensor> code;

        public Model(T inner, Func<T, Tensor, Tensor> code) : base("Model")
        {
            (this.inner, this.code) = (inner, code);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => code(inner, x);
    }

    private static Model<T> Of<T>(T inner, Func<T, Tensor, Tensor> code) where T : nn.Module => new(inner, code);

    private static Model<Embedding> Tokens(Embedding inner) => Of(inner, (module, x) => module.call((x.abs() * 3).to(ScalarType.Int64)));

    private static Model<EmbeddingBag> Bags(EmbeddingBag inner) => Of(inner, (module, x) => module.call((x.abs() * 3).to(ScalarType.Int64).view(4, 6)));

    private static Model<LSTM> Long(LSTM inner) => Of(inner, (module, x) =>
    {
        var (output, hidden, cells) = module.call(x);
        return cat([output.flatten(), hidden.flatten(), cells.flatten()]);
    });

    private static Model<MultiheadAttention> Attention(MultiheadAttention inner) => Of(inner, (module, x) => module.call(x, x, x, null, true, null).Item1);

    public static TheoryData<Func<nn.Module<Tensor, Tensor>>> Models => new(
        () => Tokens(Embedding(30, 5)),
        () => Tokens(Embedding(30, 5, padding_idx: 2, max_norm: 0.5, norm_type: 1, scale_grad_by_freq: true)),
        () => Tokens(Embedding(30, 5, padding_idx: 0, sparse: true)),
        () => Bags(EmbeddingBag(30, 5)),
        () => Bags(EmbeddingBag(30, 5, mode: EmbeddingBagMode.Max, max_norm: 1)),
        () => Bags(EmbeddingBag(30, 5, mode: EmbeddingBagMode.Sum, padding_index: 3, norm_type: 3)),
        () => Long(LSTM(8, 6)),
        () => Long(LSTM(8, 6, numLayers: 3, bias: false, batchFirst: true, dropout: 0.3, bidirectional: true)),
        () => Of(GRU(8, 6, numLayers: 2, dropout: 0.123456789), (module, x) => module.call(x).Item1),
        () => Of(GRU(8, 6, bias: false, bidirectional: true), (module, x) => module.call(x).Item1),
        () => Of(RNN(8, 6, nonLinearity: NonLinearities.ReLU), (module, x) => module.call(x).Item1),
        () => Of(RNN(8, 6, numLayers: 2, batchFirst: true, bias: false, dropout: 0.5), (module, x) => module.call(x).Item1),
        () => Of(LSTMCell(8, 6, bias: false), (module, x) => module.call(x[0], (zeros(1, 6), ones(1, 6))).Item2),
        () => Of(GRUCell(8, 6), (module, x) => module.call(x[0], zeros(1, 6))),
        () => Of(RNNCell(8, 6), (module, x) => module.call(x[0] * 4, zeros(1, 6))),
        () => Of(RNNCell(8, 6, NonLinearities.ReLU, bias: false), (module, x) => module.call(x[0] * 4, zeros(1, 6))),
        () => Attention(MultiheadAttention(8, 4)),
        () => Attention(MultiheadAttention(8, 2, dropout: 0.25, bias: false)),
        () => Attention(MultiheadAttention(8, 8, add_bias_kv: true, add_zero_attn: true)),
        () => Of(MultiheadAttention(8, 2, dropout: 0.1, kdim: 3, vdim: 3), (module, x) => module.call(x, x.narrow(2, 0, 3), x.narrow(2, 4, 3), null, true, null).Item1),
        () => Of(TransformerEncoderLayer(8, 2, 16, 0.15, Activations.GELU), (module, x) => module.call(x)),
        () => Of(TransformerEncoder(TransformerEncoderLayer(8, 4, 16, 0), 2), (module, x) => module.call(x)),
        () => Of(TransformerDecoderLayer(8, 1, 12), (module, x) => module.call(x, x * 2)),
        () => Of(TransformerDecoder(TransformerDecoderLayer(8, 2, 12, 0.2, Activations.GELU), 3), (module, x) => module.call(x, x * 2)),
        () => Of(Transformer(8, 2, 1, 2, 16, 0.2), (module, x) => module.call(x, x * 2)));

    [Theory(DisableDiscoveryEnumeration = true), MemberData(nameof(Models))]
    public void A_loaded_module_is_as_the_one_that_was_saved(Func<nn.Module<Tensor, Tensor>> make)
    {
        foreach (var training in new[] { false, true })
        {
            using var model = make();
            model.train(training);
            using var traced = fx.symbolic_trace(model);
            fx.save(traced, file.Path);
            using var loaded = fx.load<GraphModule<Tensor, Tensor>>(file.Path);
            Alike(model, traced, loaded);
        }
    }

    [Theory(DisableDiscoveryEnumeration = true), MemberData(nameof(Models))]
    public void A_copy_is_as_its_original_and_shares_nothing(Func<nn.Module<Tensor, Tensor>> make)
    {
        using var model = make();
        using var traced = fx.symbolic_trace(model);
        using var copy = traced.clone();
        Alike(model, traced, copy);
        model.eval();
        using (no_grad())
            foreach (var parameter in traced.parameters())
                parameter.fill_(0.25);
        copy.eval();
        Assert.False(model.call(Input()).allclose(copy.call(Input())));
    }

    private static void Alike(nn.Module<Tensor, Tensor> model, GraphModule<Tensor, Tensor> traced, GraphModule<Tensor, Tensor> other)
    {
        Assert.Equal(Printed(traced), Printed(other));
        Assert.Equal(model.training, other.training);
        foreach (var training in new[] { true, false })
        {
            model.train(training);
            other.train(training);
            var results = new[] { model, other }.Select(one =>
            {
                manual_seed(5);
                one.zero_grad();
                var result = one.call(Input());
                result.pow(2).sum().backward();
                return (result, gradients: one.parameters().Select(parameter => parameter.grad is { is_sparse: true } sparse ? sparse.to_dense() : parameter.grad).ToArray());
            }).ToArray();
            Traced.Same(results[0].result, results[1].result);
            Assert.Equal(results[0].gradients.Select(gradient => gradient is null), results[1].gradients.Select(gradient => gradient is null));
            foreach (var (first, second) in results[0].gradients.Zip(results[1].gradients))
                if (first is not null)
                    Traced.Same(first, second!);
        }
    }

    private static Tensor Input()
    {
        manual_seed(1);
        return randn(3, 1, 8);
    }

    private static IEnumerable<string?> Printed(nn.Module module) => module.modules().Where(Registry.IsNative).Select(NativeText.Of).Where(text => text is not null && !text.Contains("Sequential"));

    [Fact]
    public void Saving_draws_no_random_number_and_leaves_the_modules_mode()
    {
        using var model = Attention(MultiheadAttention(8, 2, dropout: 0.1));
        model.eval();
        using var traced = fx.symbolic_trace(model);
        manual_seed(3);
        var expected = rand(4);
        manual_seed(3);
        fx.save(traced, file.Path);
        using var loaded = fx.load(file.Path);
        Traced.Same(expected, rand(4));
        Assert.All(model.modules(), module => Assert.False(module.training));
    }

    private sealed class TiedModel : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding embedding = Embedding(30, 8);
        private readonly Linear head = Linear(8, 30, hasBias: false);

        public TiedModel(bool headFirst) : base(nameof(TiedModel))
        {
            head.weight = embedding.weight!;
            if (headFirst)
                register_module("head", head);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => head.call(embedding.call((x.abs() * 3).to(ScalarType.Int64)));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_embedding_tied_to_a_head_stays_tied(bool headFirst)
    {
        using var model = new TiedModel(headFirst);
        using var traced = fx.symbolic_trace(model);
        fx.save(traced, file.Path);
        using var loaded = fx.load<GraphModule<Tensor, Tensor>>(file.Path);
        using var copy = traced.clone();
        foreach (var other in new[] { loaded, copy })
        {
            Traced.Same(model.call(Input()), other.call(Input()));
            using (no_grad())
                other.get_parameter("embedding.weight")!.zero_();
            Assert.Equal(0, other.call(Input()).abs().sum().item<float>());
        }
    }

    [Fact]
    public void Frozen_weights_and_other_types_of_numbers_come_back()
    {
        using var model = Long(LSTM(8, 6));
        model.to(ScalarType.Float64);
        foreach (var parameter in model.parameters())
            parameter.requires_grad = false;
        using var traced = fx.symbolic_trace(model);
        fx.save(traced, file.Path);
        using var loaded = fx.load<GraphModule<Tensor, Tensor>>(file.Path);
        Assert.All(loaded.parameters(), parameter => Assert.False(parameter.requires_grad));
        var x = Input().to(ScalarType.Float64);
        Traced.Same(model.call(x), loaded.call(x));
    }

    [Fact]
    public void A_dropout_that_can_not_be_told_is_refused()
    {
        using var traced = fx.symbolic_trace(Attention(MultiheadAttention(8, 2, dropout: 0.123)));
        Assert.Equal(
            "Module 'inner' can't be saved: its number of heads and dropout can't be determined from its results.",
            Assert.Throws<NotSupportedException>(() => fx.save(traced, file.Path)).Message);
        Assert.False(File.Exists(file.Path));
        Assert.Equal(
            "The module 'inner', a MultiheadAttention, can't be copied: its number of heads and dropout can't be determined from its results. Share it with clone(share_parameters: true), or make a model of its own and load this one's state_dict.",
            Assert.Throws<NotSupportedException>(() => traced.clone()).Message);
    }

    [Theory]
    [InlineData("LSTM", "hiddenSize", 1000000000, "its setting 'hiddenSize' is 1000000000, but its tensors have 6")]
    [InlineData("LSTM", "numLayers", 1000000000, "its setting 'numLayers' is 1000000000, but its tensors have 1")]
    [InlineData("GRU", "inputSize", 8, "its tensor 'weight_hh_l0' can't have the shape [24, 6]")]
    [InlineData("Embedding", "inputSize", 8, "Embedding has no setting 'inputSize'")]
    public void Sizes_of_a_file_are_believed_only_where_its_tensors_have_them(string type, string setting, long value, string sentence)
    {
        var settings = new Dictionary<string, object>
        {
            ["inputSize"] = 8, ["hiddenSize"] = 6, ["numLayers"] = 1, ["bias"] = false, ["batchFirst"] = false, ["dropout"] = "0", ["bidirectional"] = false, [setting] = value,
        };
        var shapes = new Dictionary<string, long[]> { ["weight_ih_l0"] = [24, 8], ["weight_hh_l0"] = [24, 6] };
        var json = System.Text.Json.JsonSerializer.SerializeToElement(settings);
        Assert.Equal(sentence, Assert.Throws<InvalidDataException>(() => Fx.Modules.ModuleSettings.Build(type, json, () => shapes)).Message);
    }
}
