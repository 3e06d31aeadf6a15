using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>Stages and embedding of models that nobody has told the library about.</summary>
public sealed class FeatureInfoTests
{
    private static string Stages(nn.Module model, string input)
        => string.Join(", ", feature_extraction.feature_info(model, [InputShape.Parse(input)]).stages.Select(stage => $"{stage.name} {stage.channels}/{stage.reduction}"));

    private static string? Embedding(nn.Module model, string input)
        => feature_extraction.feature_info(model, [InputShape.Parse(input)]).embedding is { } found ? $"{found.name} {found.channels}" : null;

    private sealed class Residual : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv1;
        private readonly Conv2d conv2;
        private readonly Conv2d shortcut;

        public Residual(int before, int channels) : base(nameof(Residual))
        {
            (conv1, conv2) = (Conv2d(before, channels, 1), Conv2d(channels, channels, 3, stride: 2, padding: 1));
            shortcut = Conv2d(before, channels, 1, stride: 2);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => shortcut.call(x) + conv2.call(conv1.call(x).relu());
    }

    private sealed class Classifier : Module<Tensor, Tensor>
    {
        private readonly Conv2d stem = Conv2d(3, 4, 3, stride: 2, padding: 1);
        private readonly Residual block1 = new(4, 8);
        private readonly Residual block2 = new(8, 16);
        private readonly Dropout dropout = Dropout(0.5);
        private readonly Module<Tensor, Tensor> fc;

        public Classifier(bool hasHead = true) : base(nameof(Classifier))
        {
            fc = hasHead ? Linear(16, 5) : Identity();
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => fc.call(dropout.call(block2.call(block1.call(stem.call(x))).mean([2, 3])));
    }

    [Fact]
    public void A_block_that_halves_belongs_to_the_stage_it_leads_to()
    {
        // block1.conv1 still has stem's resolution, and is no stage's end.
        Assert.Equal("stem 4/2, block1 8/4, block2 16/8", Stages(new Classifier(), "1x3x64x64"));
        Assert.Equal("stem 4/2, block1 8/4, block2 16/8", Stages(new Classifier(), "2x3x50x70"));
    }

    [Fact]
    public void The_embedding_is_what_the_classifier_reads_without_dropout()
    {
        Assert.Equal("mean 16", Embedding(new Classifier(), "1x3x64x64"));
        Assert.Equal("fc 16", Embedding(new Classifier(hasHead: false), "1x3x64x64"));
        Assert.Equal("stem 4/2, block1 8/4, block2 16/8", Stages(new Classifier(hasHead: false), "1x3x64x64"));
    }

    [Fact]
    public void Stages_and_embedding_can_be_extracted_as_they_are()
    {
        var model = new Classifier();
        var info = feature_extraction.feature_info(model, [zeros(1, 3, 64, 64)]);
        Assert.True(model.training);
        using var extractor = feature_extraction.create_feature_extractor(model, [.. info.stages, info.embedding!]);
        using var features = extractor.call(rand(2, 3, 64, 64));
        Assert.Equal("stem block1 block2 mean", features.Keys());
        Assert.All(info.stages, stage => Assert.Equal(stage.shape[1..], features[stage.name].shape[1..]));
    }

    private sealed class UNet : Module<Tensor, Tensor>
    {
        private readonly Sequential inc = Sequential(Conv2d(3, 4, 3, padding: 1), ReLU());
        private readonly Sequential down1 = Sequential(MaxPool2d(2), Conv2d(4, 8, 3, padding: 1), ReLU());
        private readonly Sequential down2 = Sequential(MaxPool2d(2), Conv2d(8, 16, 3, padding: 1), ReLU());
        private readonly Conv2d up1 = Conv2d(24, 8, 3, padding: 1);
        private readonly Conv2d up2 = Conv2d(12, 4, 3, padding: 1);
        private readonly Conv2d outc = Conv2d(4, 2, 1);

        public UNet() : base(nameof(UNet)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var x1 = inc.call(x);
            var x2 = down1.call(x1);
            var x3 = down2.call(x2);
            x = up1.call(cat([x2, Larger(x3)], 1));
            x = up2.call(cat([x1, Larger(x)], 1));
            return outc.call(x);
        }

        private static Tensor Larger(Tensor x) => functional.interpolate(x, scale_factor: [2, 2]);
    }

    [Fact]
    public void A_decoder_has_no_stages()
    {
        Assert.Equal("inc 4/1, down1 8/2, down2 16/4", Stages(new UNet(), "1x3x32x32"));
        Assert.Null(Embedding(new UNet(), "1x3x32x32"));
    }

    [Fact]
    public void An_encoders_last_convolution_is_a_stage_and_not_a_classifier()
        => Assert.Equal("0 4/2, 1 8/4", Stages(Sequential(Conv2d(3, 4, 3, 2, 1), Conv2d(4, 8, 2, 2)), "1x3x32x32"));

    private sealed class Pooled(Module<Tensor, Tensor> layers, params long[] places) : Module<Tensor, Tensor>(nameof(Pooled))
    {
        private readonly Module<Tensor, Tensor> layers = layers;

        public override Tensor forward(Tensor x) => layers.call(x).mean(places);
    }

    [Fact]
    public void A_convolution_over_several_places_is_no_classifier_also_where_its_result_is_pooled()
    {
        Assert.Equal("layers.0 4/2, layers 8/4", Stages(new Pooled(Sequential(Conv2d(3, 4, 3, 2, 1), Conv2d(4, 8, (2, 1), (2, 2))), 2, 3), "1x3x32x32"));
        Assert.Equal("layers.0 4/2, layers 8/4", Stages(new Pooled(Sequential(Conv1d(3, 4, 3, 2, 1), Conv1d(4, 8, 2, 2)), 2), "1x3x32"));
    }

    [Fact]
    public void A_convolution_over_one_place_classifies_what_was_pooled()
    {
        var model = Sequential(Conv2d(3, 4, 3, 2, 1), AdaptiveAvgPool2d(1), Conv2d(4, 5, 1), Flatten());
        Assert.Equal("0 4/2", Stages(model, "1x3x32x32"));
        Assert.Equal("1 4", Embedding(model, "1x3x32x32"));
    }

    private sealed class ChannelsLast : Module<Tensor, Tensor>
    {
        private readonly Conv2d patches = Conv2d(3, 8, 4, stride: 4);
        private readonly Linear merge = Linear(8, 12);
        private readonly Linear head = Linear(12, 2);

        public ChannelsLast() : base(nameof(ChannelsLast)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = patches.call(x).permute(0, 2, 3, 1).relu();
            x = merge.call(x[TensorIndex.Ellipsis, TensorIndex.Slice(null, null, 2), TensorIndex.Slice(null, null, 2), TensorIndex.Colon]);
            return head.call(x.flatten(1, 2).mean([1]));
        }
    }

    [Fact]
    public void Channels_may_come_last_and_places_in_a_row()
    {
        Assert.Equal("relu 8/4, flatten 12/8", Stages(new ChannelsLast(), "1x3x64x64"));
        Assert.Equal("mean 12", Embedding(new ChannelsLast(), "1x3x64x64"));
    }

    private sealed class SqueezeAndExcite : Module<Tensor, Tensor>
    {
        private readonly Conv1d conv = Conv1d(2, 4, 4, stride: 4);
        private readonly AdaptiveAvgPool1d pool = AdaptiveAvgPool1d(2);
        private readonly Conv1d scale = Conv1d(4, 4, 2);

        public SqueezeAndExcite() : base(nameof(SqueezeAndExcite)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = conv.call(x);
            return x * scale.call(pool.call(x)).sigmoid();
        }
    }

    [Fact]
    public void What_is_pooled_to_a_fixed_size_is_no_stage_and_signals_have_stages_too()
        => Assert.Equal("mul 4/4", Stages(new SqueezeAndExcite(), "1x2x256"));

    [Fact]
    public void A_model_of_vectors_has_an_embedding_alone()
    {
        var mlp = Sequential(Linear(4, 8), ReLU(), Linear(8, 2));
        Assert.Equal("", Stages(mlp, "1x4"));
        Assert.Equal("1 8", Embedding(mlp, "1x4"));
        Assert.Equal(new FeatureInfo([], null).stages, feature_extraction.feature_info(Sequential(ReLU()), [InputShape.Parse("1x4")]).stages);
    }
}
