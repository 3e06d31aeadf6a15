namespace TorchSharp.Fx.Tracing;

/// <summary>The kind of read of a value's part.</summary>
internal enum Reading
{
    /// <summary>The part is a constant to the graph.</summary>
    Constant,
    /// <summary>The part depends on an input, and a trace has it at hand.</summary>
    Dependent,
    /// <summary>A trace would make a node to read it.</summary>
    Operation,
}
