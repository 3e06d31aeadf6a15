using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>Figure 5 of the paper: 1 × 1, 5 × 5, twice 3 × 3 and pooling, at 35 × 35.</summary>
internal sealed class InceptionA : Module<Tensor, Tensor>
{
    private readonly BasicConv2d branch1x1;
    private readonly BasicConv2d branch5x5_1;
    private readonly BasicConv2d branch5x5_2;
    private readonly BasicConv2d branch3x3dbl_1;
    private readonly BasicConv2d branch3x3dbl_2;
    private readonly BasicConv2d branch3x3dbl_3;
    private readonly BasicConv2d branch_pool;
    private readonly FloatFunctional? myop;

    public InceptionA(long in_channels, long pool_features, Device? device, bool quantizable) : base(nameof(InceptionA))
    {
        branch1x1 = new BasicConv2d(in_channels, 64, kernel_size: 1, device: device, quantizable: quantizable);
        branch5x5_1 = new BasicConv2d(in_channels, 48, kernel_size: 1, device: device, quantizable: quantizable);
        branch5x5_2 = new BasicConv2d(48, 64, kernel_size: 5, padding: 2, device: device, quantizable: quantizable);
        branch3x3dbl_1 = new BasicConv2d(in_channels, 64, kernel_size: 1, device: device, quantizable: quantizable);
        branch3x3dbl_2 = new BasicConv2d(64, 96, kernel_size: 3, padding: 1, device: device, quantizable: quantizable);
        branch3x3dbl_3 = new BasicConv2d(96, 96, kernel_size: 3, padding: 1, device: device, quantizable: quantizable);
        branch_pool = new BasicConv2d(in_channels, pool_features, kernel_size: 1, device: device, quantizable: quantizable);
        myop = Quantizable.Functional(quantizable);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var branch1x1 = this.branch1x1.call(x);

        var branch5x5 = branch5x5_1.call(x);
        branch5x5 = branch5x5_2.call(branch5x5);

        var branch3x3dbl = branch3x3dbl_1.call(x);
        branch3x3dbl = branch3x3dbl_2.call(branch3x3dbl);
        branch3x3dbl = branch3x3dbl_3.call(branch3x3dbl);

        var branch_pool = F.avg_pool2d(x, kernel_size: 3, stride: 1, padding: 1);
        branch_pool = this.branch_pool.call(branch_pool);

        return myop.Cat([branch1x1, branch5x5, branch3x3dbl, branch_pool]);
    }
}

/// <summary>Figure 10 of the paper: halves the resolution to 17 × 17.</summary>
internal sealed class InceptionB : Module<Tensor, Tensor>
{
    private readonly BasicConv2d branch3x3;
    private readonly BasicConv2d branch3x3dbl_1;
    private readonly BasicConv2d branch3x3dbl_2;
    private readonly BasicConv2d branch3x3dbl_3;
    private readonly FloatFunctional? myop;

    public InceptionB(long in_channels, Device? device, bool quantizable) : base(nameof(InceptionB))
    {
        branch3x3 = new BasicConv2d(in_channels, 384, kernel_size: 3, stride: 2, device: device, quantizable: quantizable);
        branch3x3dbl_1 = new BasicConv2d(in_channels, 64, kernel_size: 1, device: device, quantizable: quantizable);
        branch3x3dbl_2 = new BasicConv2d(64, 96, kernel_size: 3, padding: 1, device: device, quantizable: quantizable);
        branch3x3dbl_3 = new BasicConv2d(96, 96, kernel_size: 3, stride: 2, device: device, quantizable: quantizable);
        myop = Quantizable.Functional(quantizable);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var branch3x3 = this.branch3x3.call(x);

        var branch3x3dbl = branch3x3dbl_1.call(x);
        branch3x3dbl = branch3x3dbl_2.call(branch3x3dbl);
        branch3x3dbl = branch3x3dbl_3.call(branch3x3dbl);

        var branch_pool = F.max_pool2d(x, kernel_size: 3, stride: 2);

        return myop.Cat([branch3x3, branch3x3dbl, branch_pool]);
    }
}

/// <summary>Figure 6 of the paper: 7 × 7 factored into 1 × 7 and 7 × 1, at 17 × 17.</summary>
internal sealed class InceptionC : Module<Tensor, Tensor>
{
    private readonly BasicConv2d branch1x1;
    private readonly BasicConv2d branch7x7_1;
    private readonly BasicConv2d branch7x7_2;
    private readonly BasicConv2d branch7x7_3;
    private readonly BasicConv2d branch7x7dbl_1;
    private readonly BasicConv2d branch7x7dbl_2;
    private readonly BasicConv2d branch7x7dbl_3;
    private readonly BasicConv2d branch7x7dbl_4;
    private readonly BasicConv2d branch7x7dbl_5;
    private readonly BasicConv2d branch_pool;
    private readonly FloatFunctional? myop;

    public InceptionC(long in_channels, long channels_7x7, Device? device, bool quantizable) : base(nameof(InceptionC))
    {
        var c7 = channels_7x7;
        branch1x1 = new BasicConv2d(in_channels, 192, kernel_size: 1, device: device, quantizable: quantizable);
        branch7x7_1 = new BasicConv2d(in_channels, c7, kernel_size: 1, device: device, quantizable: quantizable);
        branch7x7_2 = new BasicConv2d(c7, c7, kernel_size: (1, 7), padding: (0, 3), device: device, quantizable: quantizable);
        branch7x7_3 = new BasicConv2d(c7, 192, kernel_size: (7, 1), padding: (3, 0), device: device, quantizable: quantizable);
        branch7x7dbl_1 = new BasicConv2d(in_channels, c7, kernel_size: 1, device: device, quantizable: quantizable);
        branch7x7dbl_2 = new BasicConv2d(c7, c7, kernel_size: (7, 1), padding: (3, 0), device: device, quantizable: quantizable);
        branch7x7dbl_3 = new BasicConv2d(c7, c7, kernel_size: (1, 7), padding: (0, 3), device: device, quantizable: quantizable);
        branch7x7dbl_4 = new BasicConv2d(c7, c7, kernel_size: (7, 1), padding: (3, 0), device: device, quantizable: quantizable);
        branch7x7dbl_5 = new BasicConv2d(c7, 192, kernel_size: (1, 7), padding: (0, 3), device: device, quantizable: quantizable);
        branch_pool = new BasicConv2d(in_channels, 192, kernel_size: 1, device: device, quantizable: quantizable);
        myop = Quantizable.Functional(quantizable);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var branch1x1 = this.branch1x1.call(x);

        var branch7x7 = branch7x7_1.call(x);
        branch7x7 = branch7x7_2.call(branch7x7);
        branch7x7 = branch7x7_3.call(branch7x7);

        var branch7x7dbl = branch7x7dbl_1.call(x);
        branch7x7dbl = branch7x7dbl_2.call(branch7x7dbl);
        branch7x7dbl = branch7x7dbl_3.call(branch7x7dbl);
        branch7x7dbl = branch7x7dbl_4.call(branch7x7dbl);
        branch7x7dbl = branch7x7dbl_5.call(branch7x7dbl);

        var branch_pool = F.avg_pool2d(x, kernel_size: 3, stride: 1, padding: 1);
        branch_pool = this.branch_pool.call(branch_pool);

        return myop.Cat([branch1x1, branch7x7, branch7x7dbl, branch_pool]);
    }
}

/// <summary>Halves the resolution to 8 × 8.</summary>
internal sealed class InceptionD : Module<Tensor, Tensor>
{
    private readonly BasicConv2d branch3x3_1;
    private readonly BasicConv2d branch3x3_2;
    private readonly BasicConv2d branch7x7x3_1;
    private readonly BasicConv2d branch7x7x3_2;
    private readonly BasicConv2d branch7x7x3_3;
    private readonly BasicConv2d branch7x7x3_4;
    private readonly FloatFunctional? myop;

    public InceptionD(long in_channels, Device? device, bool quantizable) : base(nameof(InceptionD))
    {
        branch3x3_1 = new BasicConv2d(in_channels, 192, kernel_size: 1, device: device, quantizable: quantizable);
        branch3x3_2 = new BasicConv2d(192, 320, kernel_size: 3, stride: 2, device: device, quantizable: quantizable);
        branch7x7x3_1 = new BasicConv2d(in_channels, 192, kernel_size: 1, device: device, quantizable: quantizable);
        branch7x7x3_2 = new BasicConv2d(192, 192, kernel_size: (1, 7), padding: (0, 3), device: device, quantizable: quantizable);
        branch7x7x3_3 = new BasicConv2d(192, 192, kernel_size: (7, 1), padding: (3, 0), device: device, quantizable: quantizable);
        branch7x7x3_4 = new BasicConv2d(192, 192, kernel_size: 3, stride: 2, device: device, quantizable: quantizable);
        myop = Quantizable.Functional(quantizable);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var branch3x3 = branch3x3_1.call(x);
        branch3x3 = branch3x3_2.call(branch3x3);

        var branch7x7x3 = branch7x7x3_1.call(x);
        branch7x7x3 = branch7x7x3_2.call(branch7x7x3);
        branch7x7x3 = branch7x7x3_3.call(branch7x7x3);
        branch7x7x3 = branch7x7x3_4.call(branch7x7x3);

        var branch_pool = F.max_pool2d(x, kernel_size: 3, stride: 2);

        return myop.Cat([branch3x3, branch7x7x3, branch_pool]);
    }
}

/// <summary>Figure 7 of the paper: 3 × 3 expanded into 1 × 3 and 3 × 1 side by side, at 8 × 8.</summary>
internal sealed class InceptionE : Module<Tensor, Tensor>
{
    private readonly BasicConv2d branch1x1;
    private readonly BasicConv2d branch3x3_1;
    private readonly BasicConv2d branch3x3_2a;
    private readonly BasicConv2d branch3x3_2b;
    private readonly BasicConv2d branch3x3dbl_1;
    private readonly BasicConv2d branch3x3dbl_2;
    private readonly BasicConv2d branch3x3dbl_3a;
    private readonly BasicConv2d branch3x3dbl_3b;
    private readonly BasicConv2d branch_pool;
    private readonly FloatFunctional? myop1;
    private readonly FloatFunctional? myop2;
    private readonly FloatFunctional? myop3;

    public InceptionE(long in_channels, Device? device, bool quantizable) : base(nameof(InceptionE))
    {
        branch1x1 = new BasicConv2d(in_channels, 320, kernel_size: 1, device: device, quantizable: quantizable);
        branch3x3_1 = new BasicConv2d(in_channels, 384, kernel_size: 1, device: device, quantizable: quantizable);
        branch3x3_2a = new BasicConv2d(384, 384, kernel_size: (1, 3), padding: (0, 1), device: device, quantizable: quantizable);
        branch3x3_2b = new BasicConv2d(384, 384, kernel_size: (3, 1), padding: (1, 0), device: device, quantizable: quantizable);
        branch3x3dbl_1 = new BasicConv2d(in_channels, 448, kernel_size: 1, device: device, quantizable: quantizable);
        branch3x3dbl_2 = new BasicConv2d(448, 384, kernel_size: 3, padding: 1, device: device, quantizable: quantizable);
        branch3x3dbl_3a = new BasicConv2d(384, 384, kernel_size: (1, 3), padding: (0, 1), device: device, quantizable: quantizable);
        branch3x3dbl_3b = new BasicConv2d(384, 384, kernel_size: (3, 1), padding: (1, 0), device: device, quantizable: quantizable);
        branch_pool = new BasicConv2d(in_channels, 192, kernel_size: 1, device: device, quantizable: quantizable);
        (myop1, myop2, myop3) =
            (Quantizable.Functional(quantizable), Quantizable.Functional(quantizable), Quantizable.Functional(quantizable));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var branch1x1 = this.branch1x1.call(x);

        var branch3x3 = branch3x3_1.call(x);
        branch3x3 = myop1.Cat([branch3x3_2a.call(branch3x3), branch3x3_2b.call(branch3x3)]);

        var branch3x3dbl = branch3x3dbl_1.call(x);
        branch3x3dbl = branch3x3dbl_2.call(branch3x3dbl);
        branch3x3dbl = myop2.Cat([branch3x3dbl_3a.call(branch3x3dbl), branch3x3dbl_3b.call(branch3x3dbl)]);

        var branch_pool = F.avg_pool2d(x, kernel_size: 3, stride: 1, padding: 1);
        branch_pool = this.branch_pool.call(branch_pool);

        return myop3.Cat([branch1x1, branch3x3, branch3x3dbl, branch_pool]);
    }
}

/// <summary>A classifier on the 17 × 17 features, used in training.</summary>
internal sealed class InceptionAux : Module<Tensor, Tensor>
{
    private readonly BasicConv2d conv0;
    private readonly BasicConv2d conv1;
    private readonly Linear fc;

    public InceptionAux(long in_channels, long num_classes, Device? device, bool quantizable) : base(nameof(InceptionAux))
    {
        conv0 = new BasicConv2d(in_channels, 128, kernel_size: 1, device: device, quantizable: quantizable);
        conv1 = new BasicConv2d(128, 768, kernel_size: 5, device: device, quantizable: quantizable);
        fc = Linear(768, num_classes, device: device);
        RegisterComponents();
    }

    internal Linear classifier => fc;

    public override Tensor forward(Tensor x)
    {
        x = F.avg_pool2d(x, kernel_size: 5, stride: 3);
        x = conv0.call(x);
        x = conv1.call(x);
        x = F.adaptive_avg_pool2d(x, (1, 1));
        x = torch.flatten(x, 1);
        x = fc.call(x);
        return x;
    }
}
