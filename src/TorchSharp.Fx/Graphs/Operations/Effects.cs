namespace TorchSharp.Fx.Graphs;

/// <summary>An operation's effects beside its value, and how the value is made.</summary>
[Flags]
internal enum Effects
{
    None = 0,

    /// <summary>Draws random numbers: two calls are two values, and each moves the generator on.</summary>
    Draws = 1,

    /// <summary>Draws in training only, and only where its probability isn't zero: dropout.</summary>
    DrawsInTraining = 1 << 1,

    /// <summary>Reads what belongs to the thread or the process: the generator's state, the gradient mode, a default.</summary>
    ReadsState = 1 << 2,

    /// <summary>
    /// Changes what belongs to the thread or the process, or does something that no value shows: it throws, disposes, prints, or writes a
    /// file or gradients.
    /// </summary>
    WritesState = 1 << 3,

    /// <summary>A module that changes parameters or buffers of its own when it runs.</summary>
    Updates = 1 << 4,

    /// <summary>The same in training only: statistics.</summary>
    UpdatesInTraining = 1 << 5,

    /// <summary>
    /// Has to do with memory, files or the whole process rather than with the content of tensors; no graph may have it as a node.
    /// </summary>
    Outside = 1 << 6,

    /// <summary>Hands out the memory, handle or content of a tensor to code that a graph doesn't see.</summary>
    Exposes = 1 << 7,

    /// <summary>Gives a text.</summary>
    Text = 1 << 8,

    /// <summary>Tells of a tensor's shape alone.</summary>
    ReadsShape = 1 << 9,

    /// <summary>Tells of the type of a tensor's elements or of its device, without reading content.</summary>
    ReadsType = 1 << 10,

    /// <summary>Tells of a tensor's layout, names or part in automatic differentiation, without reading content.</summary>
    ReadsLayout = 1 << 11,

    /// <summary>Makes a tensor by the shape and type of another, without reading content.</summary>
    MakesAlike = 1 << 12,

    /// <summary>The result's shape is that of the tensors, broadcast to each other.</summary>
    Pointwise = 1 << 13,

    /// <summary>The result's shape is decided by elements.</summary>
    ShapedByElements = 1 << 14,

    /// <summary>Gives a tensor another shape in place.</summary>
    Reshapes = 1 << 15,

    /// <summary>Nobody knows its effects: it may do anything.</summary>
    Opaque = 1 << 16,

    /// <summary>Makes, seeds or reads a generator of random numbers: a part of the program in each run, whatever it depends on.</summary>
    Generators = 1 << 17,

    /// <summary>Tells of a tensor without reading its content.</summary>
    ReadsMetadata = ReadsShape | ReadsType | ReadsLayout,

    /// <summary>The effects for which a call can't be dropped.</summary>
    Lasting = Draws | DrawsInTraining | WritesState | Updates | UpdatesInTraining | Outside | Opaque,
}
