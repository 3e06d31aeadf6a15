namespace TorchSharp.Fx.Tracing;

/// <summary>What reading a part of a value is.</summary>
internal enum Reading
{
    /// <summary>The part is a constant to the graph.</summary>
    Constant,
    /// <summary>The part depends on an input, and a trace has it at hand.</summary>
    Dependent,
    /// <summary>A trace would make a node to read it.</summary>
    Operation,
}
