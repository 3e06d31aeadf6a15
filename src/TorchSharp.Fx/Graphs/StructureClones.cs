using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// The functions that a graph calls to copy a list, tuple, dictionary or record of tensors, or to hand out a tensor that may be null.
/// </summary>
internal static class StructureClones
{
    /// <summary>The same value with a copy of each tensor.</summary>
    internal static T clone<T>(T value) => (T)Structure.Map(value, tensor => tensor.clone())!;

    /// <summary>An object of its own for a tensor of others; null of null.</summary>
    internal static Tensor? alias(Tensor? value) => value?.alias();
}
