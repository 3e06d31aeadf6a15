namespace TorchSharp.Fx.Export.Tests;

/// <summary>For tests of what the whole process shares: the random generator, the count of live tensors. No other test runs
/// meanwhile.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
