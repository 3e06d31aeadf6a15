using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TestModels;

/// <summary>Calls itself without an end.</summary>
public sealed class Endless() : Module<Tensor, Tensor>(nameof(Endless))
{
    public override Tensor forward(Tensor x) => Down(x).relu();

    private static Tensor Down(Tensor x) => Further(x) + 1;

    private static Tensor Further(Tensor x) => Down(x) * 2;
}

/// <summary>Counts the calls of all instances, and multiplies by the number: a graph of it has the first number for good.</summary>
public sealed class Counting() : Module<Tensor, Tensor>(nameof(Counting))
{
    private static int calls;

    public override Tensor forward(Tensor x) => x * ++calls;
}
