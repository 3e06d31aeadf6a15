using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Inception v3's results; the auxiliary logits only in training mode and with <c>aux_logits</c>, else null.</summary>
/// <remarks>torchvision returns the bare logits where there are no auxiliary ones.</remarks>
public sealed record InceptionOutputs(Tensor logits, Tensor? aux_logits = null);

/// <summary>Inception v3: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2015).</summary>
/// <remarks><c>torchvision.models.Inception3</c>. Images [N, 3, H, W] of at least 75 × 75, training ones 299 × 299, to logits [N,
/// num_classes].</remarks>
public sealed class Inception3 : Module<Tensor, InceptionOutputs>
{
    private readonly bool transform_input;
    private readonly BasicConv2d Conv2d_1a_3x3;
    private readonly BasicConv2d Conv2d_2a_3x3;
    private readonly BasicConv2d Conv2d_2b_3x3;
    private readonly MaxPool2d maxpool1;
    private readonly BasicConv2d Conv2d_3b_1x1;
    private readonly BasicConv2d Conv2d_4a_3x3;
    private readonly MaxPool2d maxpool2;
    private readonly InceptionA Mixed_5b;
    private readonly InceptionA Mixed_5c;
    private readonly InceptionA Mixed_5d;
    private readonly InceptionB Mixed_6a;
    private readonly InceptionC Mixed_6b;
    private readonly InceptionC Mixed_6c;
    private readonly InceptionC Mixed_6d;
    private readonly InceptionC Mixed_6e;
    private readonly InceptionAux? AuxLogits;
    private readonly InceptionD Mixed_7a;
    private readonly InceptionE Mixed_7b;
    private readonly InceptionE Mixed_7c;
    private readonly AdaptiveAvgPool2d avgpool;
    private readonly Dropout dropout;
    private readonly Linear fc;
    private readonly QuantStub? quant;
    private readonly DeQuantStub? dequant;

    /// <summary>Initialises random weights.</summary>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="aux_logits">Whether it has the auxiliary classifier used in training.</param>
    /// <param name="transform_input">Whether to convert images normalised with ImageNet's mean and deviation to the range that the
    /// published weights expect.</param>
    /// <param name="init_weights">Whether to initialise from a normal distribution instead of PyTorch's default.</param>
    /// <param name="dropout">The dropout probability before the classifier.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <param name="quantizable">Whether to build the quantisable variant, as in <see cref="models.quantization"/>.</param>
    public Inception3(
        long num_classes = 1000, bool aux_logits = true, bool transform_input = false, bool init_weights = true,
        double dropout = 0.5, Device? device = null, bool quantizable = false) : base(nameof(Inception3))
    {
        this.transform_input = transform_input;
        Conv2d_1a_3x3 = new BasicConv2d(3, 32, kernel_size: 3, stride: 2, device: device, quantizable: quantizable);
        Conv2d_2a_3x3 = new BasicConv2d(32, 32, kernel_size: 3, device: device, quantizable: quantizable);
        Conv2d_2b_3x3 = new BasicConv2d(32, 64, kernel_size: 3, padding: 1, device: device, quantizable: quantizable);
        maxpool1 = MaxPool2d(kernel_size: 3, stride: 2);
        Conv2d_3b_1x1 = new BasicConv2d(64, 80, kernel_size: 1, device: device, quantizable: quantizable);
        Conv2d_4a_3x3 = new BasicConv2d(80, 192, kernel_size: 3, device: device, quantizable: quantizable);
        maxpool2 = MaxPool2d(kernel_size: 3, stride: 2);
        Mixed_5b = new InceptionA(192, pool_features: 32, device, quantizable);
        Mixed_5c = new InceptionA(256, pool_features: 64, device, quantizable);
        Mixed_5d = new InceptionA(288, pool_features: 64, device, quantizable);
        Mixed_6a = new InceptionB(288, device, quantizable);
        Mixed_6b = new InceptionC(768, channels_7x7: 128, device, quantizable);
        Mixed_6c = new InceptionC(768, channels_7x7: 160, device, quantizable);
        Mixed_6d = new InceptionC(768, channels_7x7: 160, device, quantizable);
        Mixed_6e = new InceptionC(768, channels_7x7: 192, device, quantizable);
        if (aux_logits) AuxLogits = new InceptionAux(768, num_classes, device, quantizable);
        Mixed_7a = new InceptionD(768, device, quantizable);
        Mixed_7b = new InceptionE(1280, device, quantizable);
        Mixed_7c = new InceptionE(2048, device, quantizable);
        avgpool = AdaptiveAvgPool2d((1, 1));
        this.dropout = Dropout(dropout);
        fc = Linear(2048, num_classes, device: device);
        if (quantizable) (quant, dequant) = (new(), new());
        RegisterComponents();
        if (init_weights) InitWeights();
    }

    /// <inheritdoc/>
    public override InceptionOutputs forward(Tensor x)
    {
        if (transform_input) x = InceptionInput.Transform(x);

        if (quant is not null) x = quant.call(x);
        x = Conv2d_1a_3x3.call(x);
        x = Conv2d_2a_3x3.call(x);
        x = Conv2d_2b_3x3.call(x);
        x = maxpool1.call(x);
        x = Conv2d_3b_1x1.call(x);
        x = Conv2d_4a_3x3.call(x);
        x = maxpool2.call(x);

        x = Mixed_5b.call(x);
        x = Mixed_5c.call(x);
        x = Mixed_5d.call(x);
        x = Mixed_6a.call(x);
        x = Mixed_6b.call(x);
        x = Mixed_6c.call(x);
        x = Mixed_6d.call(x);
        x = Mixed_6e.call(x);

        Tensor? aux = null;
        if (AuxLogits is not null && training) aux = AuxLogits.call(x);

        x = Mixed_7a.call(x);
        x = Mixed_7b.call(x);
        x = Mixed_7c.call(x);

        x = avgpool.call(x);
        x = dropout.call(x);
        x = torch.flatten(x, 1);
        x = fc.call(x);
        if (dequant is not null) x = dequant.call(x);
        return new InceptionOutputs(x, aux);
    }

    // torchvision truncates these normal distributions at ±2, which is too many deviations away to happen. Batch norms keep
    // TorchSharp's own initial values, which are the same ones and zeros. torchvision means to give the
    // auxiliary conv1 a deviation of 0.01, but sets it where nothing reads it: it gets 0.1 as the others do.
    private void InitWeights()
    {
        foreach (var module in modules())
            switch (module)
            {
                case Conv2d conv: init.normal_(conv.weight, 0, 0.1); break;
                case Linear linear: init.normal_(linear.weight, 0, linear == AuxLogits?.classifier ? 0.001 : 0.1); break;
            }
    }
}

public static partial class models
{
    private static ModelInfo[] inceptions =>
    [
        new("inception_v3", 27_161_264, [3, 299, 299],
            (classes, device) => inception_v3(classes, device: device)) { pretrained = (_, device) =>
                inception_v3(transform_input: true, init_weights: false, device: device) },
    ];

    /// <summary>Inception v3. <c>torchvision.models.inception_v3</c></summary>
    public static Inception3 inception_v3(
        long num_classes = 1000, bool aux_logits = true, bool transform_input = false, bool init_weights = true,
        double dropout = 0.5, Device? device = null) =>
        new(num_classes, aux_logits, transform_input, init_weights, dropout, device);
}
