namespace TorchSharp.Fx;

/// <summary>
/// Marks what feature extraction lists as one node: a module's class with its subclasses, a function, or all functions of a class.
/// </summary>
/// <remarks>
/// The tracer matches it by its full name, so neither library references the other. What is marked returns a value and does no more, but
/// for statistics and dropout of the modules in it, unless the mark says so.
/// </remarks>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
internal sealed class FxLeafAttribute : Attribute
{
    /// <summary>
    /// Whether a trace can't follow it, so that it is one node in each, also where feature extraction's defaults don't hold.
    /// </summary>
    public bool Always { get; init; }

    /// <summary>Whether its result has as many elements as the arguments' elements make it have.</summary>
    public bool ShapedByElements { get; init; }

    /// <summary>Whether its own code draws random numbers in training.</summary>
    public bool Draws { get; init; }

    /// <summary>Whether its own code may write to what it is given.</summary>
    public bool Writes { get; init; }
}
