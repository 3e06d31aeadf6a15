namespace TorchSharp.Fx;

/// <summary>
/// Marks what feature extraction takes as one node: every module and function of torchvision's ops, and the functions its model files wrap. TorchSharp.Fx looks for
/// it by its full name, so that neither library knows the other.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
internal sealed class FxLeafAttribute : Attribute;
