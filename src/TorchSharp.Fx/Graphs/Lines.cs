namespace TorchSharp.Fx.Graphs;

/// <summary>Queues and stacks, which have no indices.</summary>
internal static class Lines
{
    /// <summary>Puts items into one that is empty, in the order in which it gives them.</summary>
    internal static void Fill(object line, IReadOnlyList<object?> items)
    {
        if (line.GetType().GetMethod("Enqueue") is { } enqueue)
            foreach (var item in items)
                enqueue.Invoke(line, [item]);
        else if (line.GetType().GetMethod("Push") is { } push)
            foreach (var item in items.Reverse())
                push.Invoke(line, [item]);
    }
}
