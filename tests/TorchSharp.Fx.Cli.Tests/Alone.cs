namespace TorchSharp.Fx.Cli.Tests;

/// <summary>TorchSharp has one generator of random numbers a process: who compares with weights of a seed is alone while it draws them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
