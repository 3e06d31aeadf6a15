namespace TorchSharp.Fx.Graphs;

/// <summary>The rows of TorchSharp's modules, by class; a subclass of TorchSharp's own has its base class's row.</summary>
internal static partial class Operations
{
    private static (Operation Row, string Names)[] ModuleRows =>
    [
        (Operation.View, "Identity Flatten Unflatten Hardtanh ChannelShuffle PixelShuffle PixelUnshuffle PadBase"),
        (new(Effects.DrawsInTraining, Views: Operands.First), "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout"),
        (new(Effects.DrawsInTraining),
            "RReLU MultiheadAttention RNN LSTM GRU Transformer TransformerEncoder TransformerEncoderLayer TransformerDecoder "
                + "TransformerDecoderLayer"),
        (new(Effects.Draws), "FractionalMaxPool2d FractionalMaxPool3d"),
        (new(Effects.UpdatesInTraining), "NormBase"),
        // With a largest norm, which can't be asked for, the rows that are looked up are scaled down to it, in training or not.
        (new(Effects.Updates), "Embedding EmbeddingBag"),
        (Operation.Pure, """
            AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d AvgPool1d AvgPool2d
            AvgPool3d LPPool1d LPPool2d MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d
            Bilinear Convolution GRUCell LSTMCell RNNCell Linear
            CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish LeakyReLU LogSigmoid LogSoftmax Mish PReLU ReLU ReLU6 SELU SiLU Sigmoid
            Softmax Softmax2d Softmin Softplus Softshrink Softsign Tanh Tanhshrink Threshold
            CosineSimilarity Fold GroupNorm LayerNorm LocalResponseNorm PairwiseDistance Unfold Upsample
            BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss HingeEmbeddingLoss HuberLoss KLDivLoss
            L1Loss MSELoss MarginRankingLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss PoissonNLLLoss
            SmoothL1Loss SoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss
            """),
    ];

    /// <summary>Modules that only call the modules in them.</summary>
    private const string Containers = "Sequential ModuleList ModuleDict";
}
