namespace TorchSharp.Fx;

/// <summary>Marks what feature extraction lists as one node: a module's class with its subclasses, a function, or all functions of a class.</summary>
/// <remarks>The tracer matches it by its full name, so neither library references the other.</remarks>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
internal sealed class FxLeafAttribute : Attribute;
