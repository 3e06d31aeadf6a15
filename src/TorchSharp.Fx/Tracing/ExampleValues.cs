using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// What the symbols of a trace are for one example of the inputs: every node is computed as soon as it is made. With it the interpreter can go on where it
/// needs a number, and says so in the graph.
/// </summary>
internal abstract class ExampleValues : IDisposable
{
    /// <summary>The name of the argument that gives them.</summary>
    internal const string Parameter = "example_inputs";

    /// <summary>Whether a number that was read out of a tensor may decide a branch, under a guard.</summary>
    internal bool AllowsValues { get; init; }

    /// <summary>The same example with another size of one free dimension each: what comes out differently there can't be taken from the example.</summary>
    internal IReadOnlyList<(FreeDimension Dimension, ExampleValues Values)> Others { get; init; } = [];

    /// <summary>The example of an input.</summary>
    internal abstract void Input(Node placeholder, ParameterInfo parameter);

    /// <summary>Computes a node that was just made.</summary>
    internal abstract void Compute(Node node);

    /// <summary>Gives up the tensor of a node that the program disposes: it can't read it any more.</summary>
    internal abstract void Release(Node node);

    /// <summary>What an argument is for the example.</summary>
    internal abstract object? Of(Argument argument);

    /// <inheritdoc/>
    public abstract void Dispose();
}
