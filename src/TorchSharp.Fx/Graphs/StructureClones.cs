namespace TorchSharp.Fx;

/// <summary>What a graph calls to copy a list, tuple, dictionary or record of tensors.</summary>
internal static class StructureClones
{
    /// <summary>The same value with a copy of each tensor.</summary>
    internal static T clone<T>(T value) => (T)Structure.Map(value, tensor => tensor.clone())!;
}
