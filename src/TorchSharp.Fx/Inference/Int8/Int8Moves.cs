using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>The operations that only move or choose values, so that they do the same to steps.</summary>
internal static class Int8Moves
{
    private static readonly HashSet<string> Names =
    [
        "cat", "stack", "flatten", "reshape", "view", "permute", "transpose", "squeeze", "unsqueeze", "contiguous", "narrow",
        "repeat_interleave", "pixel_shuffle", "pixel_unshuffle",
        "max_pool1d", "max_pool2d", "chunk", "split", "getitem", "roll",
    ];

    /// <summary>Whether a node is one.</summary>
    internal static bool Has(Node node, Func<Node, nn.Module> moduleOf) => node.target switch
    {
        ModuleTarget => moduleOf(node) is Flatten or Identity or MaxPool1d or MaxPool2d or PixelShuffle or PixelUnshuffle,
        BuiltinTarget { Operation: Builtin.getitem } => true,
        FunctionTarget { Method: var method } => method.DeclaringType?.Assembly == TensorTypes.TorchSharp
            && Names.Contains(node.target.name),
        MethodTarget { Method: var method } => method.DeclaringType?.Assembly == TensorTypes.TorchSharp && Names.Contains(node.target.name),
        _ => false,
    };
}
