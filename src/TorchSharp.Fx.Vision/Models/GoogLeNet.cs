using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>GoogLeNet's results; the auxiliary logits only in training mode and with <c>aux_logits</c>, else null.</summary>
/// <remarks>
/// torchvision returns the bare logits where there are no auxiliary ones. It also swaps the two: its <c>aux_logits2</c> holds
/// what <c>aux1</c> computed. Here each holds its own head's.
/// </remarks>
public sealed record GoogLeNetOutputs(Tensor logits, Tensor? aux_logits2 = null, Tensor? aux_logits1 = null);

/// <summary>GoogLeNet, Inception v1: Szegedy et al., "Going Deeper with Convolutions" (2014).</summary>
/// <remarks><c>torchvision.models.GoogLeNet</c>. Images [N, 3, H, W] of at least 15 × 15, training ones 224 × 224, to logits [N,
/// num_classes].</remarks>
public sealed class GoogLeNet : Module<Tensor, GoogLeNetOutputs>
{
    private readonly bool transform_input;
    private readonly BasicConv2d conv1;
    private readonly MaxPool2d maxpool1;
    private readonly BasicConv2d conv2;
    private readonly BasicConv2d conv3;
    private readonly MaxPool2d maxpool2;
    private readonly GoogLeNetInception inception3a;
    private readonly GoogLeNetInception inception3b;
    private readonly MaxPool2d maxpool3;
    private readonly GoogLeNetInception inception4a;
    private readonly GoogLeNetInception inception4b;
    private readonly GoogLeNetInception inception4c;
    private readonly GoogLeNetInception inception4d;
    private readonly GoogLeNetInception inception4e;
    private readonly MaxPool2d maxpool4;
    private readonly GoogLeNetInception inception5a;
    private readonly GoogLeNetInception inception5b;
    private readonly GoogLeNetAux? aux1;
    private readonly GoogLeNetAux? aux2;
    private readonly AdaptiveAvgPool2d avgpool;
    private readonly Dropout dropout;
    private readonly Linear fc;
    private readonly QuantStub? quant;
    private readonly DeQuantStub? dequant;

    /// <summary>Initialises random weights.</summary>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="aux_logits">Whether it has the two auxiliary classifiers used in training.</param>
    /// <param name="transform_input">Whether to convert images normalised with ImageNet's mean and deviation to the range that the
    /// published weights expect.</param>
    /// <param name="init_weights">Whether to initialise from a normal distribution instead of PyTorch's default.</param>
    /// <param name="dropout">The dropout probability before the classifier.</param>
    /// <param name="dropout_aux">The dropout probability in the auxiliary classifiers.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <param name="quantizable">Whether to build the quantisable variant, as in <see cref="models.quantization"/>.</param>
    public GoogLeNet(
        long num_classes = 1000, bool aux_logits = true, bool transform_input = false, bool init_weights = true,
        double dropout = 0.2, double dropout_aux = 0.7, Device? device = null, bool quantizable = false) : base(nameof(GoogLeNet))
    {
        this.transform_input = transform_input;

        conv1 = new BasicConv2d(3, 64, kernel_size: 7, stride: 2, padding: 3, device: device, quantizable: quantizable);
        maxpool1 = MaxPool2d(3, stride: 2, ceil_mode: true);
        conv2 = new BasicConv2d(64, 64, kernel_size: 1, device: device, quantizable: quantizable);
        conv3 = new BasicConv2d(64, 192, kernel_size: 3, padding: 1, device: device, quantizable: quantizable);
        maxpool2 = MaxPool2d(3, stride: 2, ceil_mode: true);

        inception3a = new GoogLeNetInception(192, 64, 96, 128, 16, 32, 32, device, quantizable);
        inception3b = new GoogLeNetInception(256, 128, 128, 192, 32, 96, 64, device, quantizable);
        maxpool3 = MaxPool2d(3, stride: 2, ceil_mode: true);

        inception4a = new GoogLeNetInception(480, 192, 96, 208, 16, 48, 64, device, quantizable);
        inception4b = new GoogLeNetInception(512, 160, 112, 224, 24, 64, 64, device, quantizable);
        inception4c = new GoogLeNetInception(512, 128, 128, 256, 24, 64, 64, device, quantizable);
        inception4d = new GoogLeNetInception(512, 112, 144, 288, 32, 64, 64, device, quantizable);
        inception4e = new GoogLeNetInception(528, 256, 160, 320, 32, 128, 128, device, quantizable);
        maxpool4 = MaxPool2d(2, stride: 2, ceil_mode: true);

        inception5a = new GoogLeNetInception(832, 256, 160, 320, 32, 128, 128, device, quantizable);
        inception5b = new GoogLeNetInception(832, 384, 192, 384, 48, 128, 128, device, quantizable);

        if (aux_logits)
        {
            aux1 = new GoogLeNetAux(512, num_classes, dropout_aux, device, quantizable);
            aux2 = new GoogLeNetAux(528, num_classes, dropout_aux, device, quantizable);
        }

        avgpool = AdaptiveAvgPool2d((1, 1));
        this.dropout = Dropout(dropout);
        fc = Linear(1024, num_classes, device: device);
        if (quantizable) (quant, dequant) = (new(), new());
        RegisterComponents();
        if (init_weights) InitWeights();
    }

    /// <inheritdoc/>
    public override GoogLeNetOutputs forward(Tensor x)
    {
        if (transform_input) x = InceptionInput.Transform(x);

        if (quant is not null) x = quant.call(x);
        x = conv1.call(x);
        x = maxpool1.call(x);
        x = conv2.call(x);
        x = conv3.call(x);
        x = maxpool2.call(x);

        x = inception3a.call(x);
        x = inception3b.call(x);
        x = maxpool3.call(x);

        x = inception4a.call(x);
        Tensor? aux1 = null;
        if (this.aux1 is not null && training) aux1 = this.aux1.call(x);

        x = inception4b.call(x);
        x = inception4c.call(x);
        x = inception4d.call(x);
        Tensor? aux2 = null;
        if (this.aux2 is not null && training) aux2 = this.aux2.call(x);

        x = inception4e.call(x);
        x = maxpool4.call(x);

        x = inception5a.call(x);
        x = inception5b.call(x);

        x = avgpool.call(x);
        x = torch.flatten(x, 1);
        x = dropout.call(x);
        x = fc.call(x);
        if (dequant is not null) x = dequant.call(x);
        return new GoogLeNetOutputs(x, aux2, aux1);
    }

    // torchvision truncates these normal distributions at ±2, which is too many deviations away to happen. Batch norms keep
    // TorchSharp's own initial values, which are the same ones and zeros.
    private void InitWeights()
    {
        foreach (var module in modules())
            switch (module)
            {
                case Conv2d conv: init.normal_(conv.weight, 0, 0.01); break;
                case Linear linear: init.normal_(linear.weight, 0, 0.01); break;
            }
    }
}

/// <summary>Four branches side by side: figure 2(b) of the paper. <c>torchvision.models.googlenet.Inception</c></summary>
internal sealed class GoogLeNetInception : Module<Tensor, Tensor>
{
    private readonly BasicConv2d branch1;
    private readonly Sequential branch2;
    private readonly Sequential branch3;
    private readonly Sequential branch4;
    private readonly FloatFunctional? cat;

    public GoogLeNetInception(long in_channels, long ch1x1, long ch3x3red, long ch3x3, long ch5x5red, long ch5x5, long pool_proj,
        Device? device, bool quantizable) : base("Inception")
    {
        branch1 = new BasicConv2d(in_channels, ch1x1, kernel_size: 1, device: device, quantizable: quantizable);
        branch2 = Sequential(
            new BasicConv2d(in_channels, ch3x3red, kernel_size: 1, device: device, quantizable: quantizable),
            new BasicConv2d(ch3x3red, ch3x3, kernel_size: 3, padding: 1, device: device, quantizable: quantizable));
        // The paper's kernel is 5 × 5; torchvision's is 3 × 3, and its published weights with it.
        branch3 = Sequential(
            new BasicConv2d(in_channels, ch5x5red, kernel_size: 1, device: device, quantizable: quantizable),
            new BasicConv2d(ch5x5red, ch5x5, kernel_size: 3, padding: 1, device: device, quantizable: quantizable));
        branch4 = Sequential(
            MaxPool2d(kernel_size: 3, stride: 1, padding: 1, ceil_mode: true),
            new BasicConv2d(in_channels, pool_proj, kernel_size: 1, device: device, quantizable: quantizable));
        cat = Quantizable.Functional(quantizable);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var branch1 = this.branch1.call(x);
        var branch2 = this.branch2.call(x);
        var branch3 = this.branch3.call(x);
        var branch4 = this.branch4.call(x);
        return cat.Cat([branch1, branch2, branch3, branch4]);
    }
}

/// <summary>A classifier on an intermediate feature, used in training. <c>torchvision.models.googlenet.InceptionAux</c></summary>
internal sealed class GoogLeNetAux : Module<Tensor, Tensor>
{
    private readonly BasicConv2d conv;
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly Dropout dropout;
    private readonly ReLU? relu;

    public GoogLeNetAux(long in_channels, long num_classes, double dropout, Device? device, bool quantizable) : base("InceptionAux")
    {
        conv = new BasicConv2d(in_channels, 128, kernel_size: 1, device: device, quantizable: quantizable);
        fc1 = Linear(2048, 1024, device: device);
        fc2 = Linear(1024, num_classes, device: device);
        this.dropout = Dropout(dropout);
        relu = quantizable ? ReLU() : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = F.adaptive_avg_pool2d(x, (4, 4));
        x = conv.call(x);
        x = torch.flatten(x, 1);
        x = fc1.call(x);
        x = relu is null ? F.relu(x, inplace: true) : relu.call(x);
        x = dropout.call(x);
        x = fc2.call(x);
        return x;
    }
}

public static partial class models
{
    private static ModelInfo[] googlenets =>
    [
        new("googlenet", 13_004_888, imagenet, (classes, device) => googlenet(classes, device: device))
        {
            // The published auxiliary classifiers aren't trained.
            pretrained = (_, device) => googlenet(aux_logits: false, transform_input: true, init_weights: false, device: device),
            unused = ["aux1.", "aux2."],
        },
    ];

    /// <summary>GoogLeNet. <c>torchvision.models.googlenet</c></summary>
    public static GoogLeNet googlenet(
        long num_classes = 1000, bool aux_logits = true, bool transform_input = false, bool init_weights = true,
        double dropout = 0.2, double dropout_aux = 0.7, Device? device = null) =>
        new(num_classes, aux_logits, transform_input, init_weights, dropout, dropout_aux, device);
}
