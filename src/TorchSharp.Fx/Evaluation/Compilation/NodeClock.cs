using System.Diagnostics;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The clock of a compiled graph: how long each node of the last call took, the disposal of what died with it included.
/// </summary>
/// <param name="nodes">How many nodes the graph has.</param>
internal sealed class NodeClock(int nodes)
{
    private readonly long[] ticks = new long[nodes];
    private long last;

    /// <summary>How long a node took, in ms.</summary>
    internal double Milliseconds(int turn) => Stopwatch.GetElapsedTime(0, ticks[turn]).TotalMilliseconds;

    internal void Start() => last = Stopwatch.GetTimestamp();

    /// <summary>Called by the graph when a node is done.</summary>
    internal void Stop(int turn)
    {
        var now = Stopwatch.GetTimestamp();
        (ticks[turn], last) = (now - last, now);
    }
}
