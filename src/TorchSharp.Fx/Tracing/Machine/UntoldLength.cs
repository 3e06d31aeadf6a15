namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The length of an array that an operation gave, or what the program computes with it and constants. A trace has nodes for that where an
/// operation is given the number; to compare with it, or to index the array from its end, is no operation.
/// </summary>
/// <param name="array">The array.</param>
internal sealed class UntoldLength(Array array)
{
    internal Array Array => array;

    /// <summary>The calculation that gives the number; null for the length itself.</summary>
    internal (UntoldLength Of, Builtin Operation, Value Left, Value Right, Value Result)? Made { get; init; }

    /// <summary>Whether the recording has been told of it.</summary>
    internal bool IsTold { get; set; }
}
