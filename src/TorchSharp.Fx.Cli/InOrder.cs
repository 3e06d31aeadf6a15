namespace TorchSharp.Fx.Cli;

/// <summary>Work that several threads share, and whose results are taken in its own order.</summary>
internal static class InOrder
{
    /// <param name="items">What there is to do.</param>
    /// <param name="workers">How many threads do it.</param>
    /// <param name="work">Does one; several at once.</param>
    /// <param name="take">Takes a result, on the calling thread. After a failure, which ends the run, also those that were finished behind
    /// it.</param>
    internal static void Run<T, TResult>(IEnumerable<T> items, int workers, Func<T, TResult> work, Action<TResult> take)
    {
        var threads = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, workers).ConcurrentScheduler;
        using var stop = new CancellationTokenSource();
        var ahead = new Queue<Task<TResult>>();
        try
        {
            foreach (var item in items)
            {
                // Twice as many as can run, so that none waits for the first to be taken.
                if (ahead.Count == 2 * workers)
                    take(ahead.Dequeue().GetAwaiter().GetResult());
                ahead.Enqueue(Task.Factory.StartNew(() => work(item), stop.Token, TaskCreationOptions.None, threads));
            }
            while (ahead.TryDequeue(out var next))
                take(next.GetAwaiter().GetResult());
        }
        finally
        {
            stop.Cancel();
            Task.WhenAll(ahead).ContinueWith(_ => { }, TaskScheduler.Default).Wait();
            foreach (var left in ahead.Where(task => task.IsCompletedSuccessfully))
                take(left.Result);
        }
    }
}
