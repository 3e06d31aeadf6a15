namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>What seeds the generator that all tests share runs while no other test does.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
