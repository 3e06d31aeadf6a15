using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Explorers.Tests;

/// <summary>Two blocks with activations in place, and a classifier; weights are those of a seed.</summary>
public sealed class SmallNet : Module<Tensor, Tensor>
{
    internal readonly Block block1, block2;
    private readonly Linear fc;

    public SmallNet(int seed = 1) : base(nameof(SmallNet))
    {
        manual_seed(seed);
        (block1, block2, fc) = (new Block(3, 8), new Block(8, 16), Linear(16, 10));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => fc.call(block2.call(block1.call(x)).mean([2, 3]));

    public sealed class Block : Module<Tensor, Tensor>
    {
        internal readonly Conv2d conv;
        internal readonly BatchNorm2d bn;
        private readonly ReLU relu = ReLU(inplace: true);

        internal Block(long channels, long features) : base(nameof(Block))
        {
            (conv, bn) = (Conv2d(channels, features, 3, 2, 1), BatchNorm2d(features));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => relu.call(bn.call(conv.call(x)));
    }
}
