namespace TorchSharp.Fx.Cil;

/// <summary>The kind of an <see cref="ExceptionRegion"/>'s handler.</summary>
internal enum RegionKind { Catch, Filter, Finally, Fault }

/// <summary>
/// A protected region and its handler, in instruction indices with exclusive ends.
/// <paramref name="FilterStart"/> is -1 without a filter; <paramref name="CatchType"/> is null unless <paramref name="Kind"/> is Catch.
/// </summary>
internal sealed record ExceptionRegion(
    RegionKind Kind, int TryStart, int TryEnd, int HandlerStart, int HandlerEnd, int FilterStart, Type? CatchType);
