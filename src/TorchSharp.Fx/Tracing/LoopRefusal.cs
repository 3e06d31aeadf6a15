namespace TorchSharp.Fx.Tracing;

/// <summary>A loop turned out to do more than to collect: the trace begins again and follows it turn by turn.</summary>
internal sealed class LoopRefusal(string reason) : Exception(reason);
