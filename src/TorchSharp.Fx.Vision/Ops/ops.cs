namespace TorchSharp.Fx.Vision;

/// <summary>torchvision's operators as functions. <c>torchvision.ops</c></summary>
/// <remarks>Feature extraction lists each call as one node, as torchvision's does.</remarks>
[FxLeaf]
public static partial class ops;
