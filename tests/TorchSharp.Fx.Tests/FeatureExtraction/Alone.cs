namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>For tests of what the whole process shares: the count of live tensors, the sink of warnings. No other test runs meanwhile.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
