namespace TorchSharp.Fx.Tracing;

/// <summary>A dimension that the trace must not depend on.</summary>
/// <param name="Letter">Its name.</param>
/// <param name="Size">Its size in the example.</param>
/// <param name="Other">Another size that the program is held against.</param>
internal sealed record FreeDimension(string Letter, long Size, long Other);
