namespace TorchSharp.Fx.Graphs;

/// <summary>
/// A module whose methods behave as TorchSharp's own operations do: a result is new, unless the method's name ends in an underscore, which
/// says that the first argument is written to and may be returned.
/// </summary>
internal interface IOperation : IKeepsNothing;

/// <summary>
/// A module that returns nothing that it keeps: what it returns is new, or one of its arguments, or shares memory with one.
/// </summary>
internal interface IKeepsNothing;
