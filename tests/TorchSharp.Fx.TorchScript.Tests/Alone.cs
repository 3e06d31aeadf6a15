namespace TorchSharp.Fx.TorchScript.Tests;

/// <summary>Tests that compare random draws: all share one generator, so none may run beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
