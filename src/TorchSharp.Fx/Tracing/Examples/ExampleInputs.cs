namespace TorchSharp.Fx.Tracing;

/// <summary>The inputs that a trace by example goes by.</summary>
/// <param name="Inputs">A value for each input, in order, or an <see cref="InputShape"/> where only sizes matter.</param>
/// <param name="AllowsValues">Whether a number that was read out of a tensor may decide a branch, too.</param>
internal sealed record ExampleInputs(IReadOnlyList<object?> Inputs, bool AllowsValues);
