namespace TorchSharp.Fx.Fuzz;

/// <summary>For programs that draw: the generator of random numbers belongs to the whole process, and so no other test runs meanwhile.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
