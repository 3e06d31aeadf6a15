namespace TorchSharp.Fx.Graphs;

/// <summary>Some of the arguments of a call.</summary>
internal enum Operands
{
    None,

    /// <summary>The receiver or, without one, the first argument.</summary>
    First,

    /// <summary>All that may hold a tensor.</summary>
    All,

    /// <summary>The tensor of a list that has no other.</summary>
    Alone,

    /// <summary>The tensor that is given as <c>out</c>.</summary>
    Out,

    /// <summary>The running mean and variance.</summary>
    Statistics,
}
