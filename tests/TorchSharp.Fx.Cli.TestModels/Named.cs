using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TestModels.Small
{
    /// <summary>One of two classes of this name.</summary>
    public sealed class Twin() : Module<Tensor, Tensor>(nameof(Twin))
    {
        public override Tensor forward(Tensor x) => x.relu();
    }
}

namespace TestModels.Large
{
    /// <summary>The other class of this name.</summary>
    public sealed class Twin() : Module<Tensor, Tensor>(nameof(Twin))
    {
        public override Tensor forward(Tensor x) => x.tanh();
    }

    /// <summary>Has a class inside.</summary>
    public static class Outer
    {
        /// <summary>A class in a class.</summary>
        public sealed class Net() : Module<Tensor, Tensor>(nameof(Net))
        {
            public override Tensor forward(Tensor x) => x.sigmoid();
        }
    }
}
