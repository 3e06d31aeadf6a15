namespace TorchSharp.Fx.Cli;

/// <summary>The measurements of one peer.</summary>
/// <param name="Peer">The way of running the model.</param>
/// <param name="Batch">How many samples a call has.</param>
/// <param name="Threads">How many threads it had.</param>
/// <param name="Median">The median time of a call, in ms.</param>
/// <param name="Minimum">The shortest time of a call, in ms.</param>
/// <param name="Ratio">The median against that of the peer that all are compared with.</param>
/// <param name="PeakMemory">The most memory that its process has had, in MB.</param>
/// <param name="Difference">How far its values are from the reference's, in standard deviations of the node; null where nothing is to be
/// compared.</param>
/// <param name="Nodes">How long each node takes, in order of execution; none where nobody asked.</param>
internal sealed record BenchResult(string Peer, int Batch, int Threads, double Median, double Minimum, double Ratio, double PeakMemory,
    double? Difference, IReadOnlyList<BenchNode> Nodes)
{
    /// <summary>Where the picture of its nodes is; null for none.</summary>
    internal string? Picture { get; init; }
}

/// <summary>The peers, sizes and turns to measure.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Peers">The ways of running the model.</param>
/// <param name="Against">The one that ratios are against.</param>
/// <param name="Rounds">How many turns of each are measured.</param>
/// <param name="Profiles">Whether nodes are measured, too.</param>
/// <param name="Picture">Names the file for the flame graph of a peer, batch and number of threads; null for none.</param>
internal sealed record BenchOrder(string Model, string[] Peers, string Against, int Rounds, bool Profiles,
    Func<string, int, int, string>? Picture)
{
    internal const int WarmUp = 3;

    /// <summary>How many turns there are, for one batch size and number of threads.</summary>
    internal int Turns => Peers.Length * (WarmUp + Rounds);
}

/// <summary>
/// Several ways of running a model side by side: each in a process of its own, taking turns, so that a busy machine is busy for all of
/// them.
/// </summary>
/// <param name="order">What is to be measured.</param>
/// <param name="start">Starts the process of a peer, for a batch size and a number of threads.</param>
/// <param name="files">Where processes leave their values.</param>
/// <param name="advance">Called after each turn.</param>
/// <param name="token">Stops before the next one.</param>
internal sealed class Benchmark(BenchOrder order, Func<string, int, int, BenchWorker> start, BenchFiles files, Action advance,
    CancellationToken token)
{
    // Threads that have done their work spin for a while before they sleep; those of one process must not take the next one's time.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(30);

    internal IReadOnlyList<BenchResult> Run(int batch, int threads)
    {
        var workers = new List<BenchWorker>();
        try
        {
            workers.AddRange(order.Peers.Select(peer => start(peer, batch, threads)));
            var times = Times(workers);
            // Before anything else is asked of the processes, which would take memory.
            var memory = workers.ConvertAll(worker => worker.PeakMemory());
            var differences = Differences(workers);
            var medians = Array.ConvertAll(times, NodeTime.MedianOf);
            var unit = medians[Array.IndexOf(order.Peers, order.Against)];
            return [.. order.Peers.Select((peer, i) =>
            {
                var picture = BenchPeer.Graphs.Contains(peer) ? order.Picture?.Invoke(peer, batch, threads) : null;
                var nodes = order.Profiles
                    ? workers[i].Profile(order.Rounds, $"{order.Model}, {peer}, batch {batch}, threads {threads}", picture) : [];
                return new BenchResult(peer, batch, threads, medians[i], times[i].Min(), medians[i] / unit, memory[i], differences[i],
                    nodes) { Picture = picture };
            })];
        }
        finally
        {
            foreach (var worker in workers)
                worker.Dispose();
        }
    }

    private List<double>[] Times(List<BenchWorker> workers)
    {
        var times = workers.Select(_ => new List<double>()).ToArray();
        for (var round = -BenchOrder.WarmUp; round < order.Rounds; round++)
            for (var i = 0; i < workers.Count; i++)
            {
                token.ThrowIfCancellationRequested();
                Thread.Sleep(Pause);
                if (workers[i].Measure() is var time && round >= 0)
                    times[i].Add(time);
                advance();
            }
        return times;
    }

    /// <summary>How far each peer's features are from those of the plain graph, or of the first that has any.</summary>
    private double?[] Differences(List<BenchWorker> workers)
    {
        var saved = order.Peers.Select(files.Result).ToArray();
        foreach (var (worker, file) in workers.Zip(saved))
        {
            File.Delete(file);
            worker.Save(file);
        }
        var reference = saved.Prepend(files.Result("graph")).FirstOrDefault(File.Exists);
        return Array.ConvertAll(saved, file => file != reference && File.Exists(file) ? Difference(reference!, file) : (double?)null);
    }

    private static double Difference(string expectedFile, string actualFile)
    {
        using var scope = torch.NewDisposeScope();
        var (expected, actual) = (Safetensors.load_file(expectedFile), Safetensors.load_file(actualFile));
        return expected.Max(node => Spread(node.Value, actual[node.Key]));
    }

    /// <summary>The greatest difference, in standard deviations; as it is where all elements are the same.</summary>
    private static double Spread(torch.Tensor expected, torch.Tensor actual)
    {
        var deviation = expected.numel() > 1 ? expected.std().to(torch.ScalarType.Float64).item<double>() : 0;
        return (expected - actual).abs().max().to(torch.ScalarType.Float64).item<double>() / (deviation > 0 ? deviation : 1);
    }
}
