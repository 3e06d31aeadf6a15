namespace TorchSharp.Fx.Explorers.Tests;

/// <summary>For tests of what the whole process shares: the count of live tensors. No other test runs meanwhile.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
