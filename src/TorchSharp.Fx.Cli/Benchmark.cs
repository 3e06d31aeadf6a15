namespace TorchSharp.Fx.Cli;

/// <summary>What was measured of one peer.</summary>
/// <param name="Peer">The way of running the model.</param>
/// <param name="Batch">How many samples a call has.</param>
/// <param name="Threads">How many threads it had.</param>
/// <param name="Median">The median time of a call, in ms.</param>
/// <param name="Minimum">The shortest time of a call, in ms.</param>
/// <param name="Ratio">The median against the first peer's.</param>
/// <param name="PeakMemory">The most memory that its process has had, in MB.</param>
/// <param name="Difference">How far its values are from those of <c>graph</c>, in standard deviations of the node; null where nothing is to be compared.</param>
internal sealed record BenchResult(string Peer, int Batch, int Threads, double Median, double Minimum, double Ratio, double PeakMemory, double? Difference);

/// <summary>Several ways of running a model side by side: each in a process of its own, a call each in turn, so that a busy machine is busy for all of them.</summary>
internal static class Benchmark
{
    private const int WarmUp = 3;

    // Threads that have done their work spin for a while before they sleep; those of one process must not take the next one's time.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(30);

    /// <param name="peers">The ways, by name.</param>
    /// <param name="start">Starts the process of one.</param>
    /// <param name="batch">How many samples a call has.</param>
    /// <param name="threads">How many threads each process gets.</param>
    /// <param name="rounds">How many calls of each are measured.</param>
    internal static IReadOnlyList<BenchResult> Run(string[] peers, Func<string, BenchWorker> start, int batch, int threads, int rounds)
    {
        var workers = new List<BenchWorker>();
        try
        {
            workers.AddRange(peers.Select(start));
            var times = workers.Select(_ => new List<double>()).ToArray();
            for (var round = -WarmUp; round < rounds; round++)
                for (var i = 0; i < workers.Count; i++)
                {
                    Thread.Sleep(Pause);
                    if (workers[i].Measure() is var time && round >= 0)
                        times[i].Add(time);
                }
            var differences = Differences(peers, workers);
            var medians = Array.ConvertAll(times, Median);
            return [.. peers.Select((peer, i) => new BenchResult(peer, batch, threads, medians[i], times[i].Min(), medians[i] / medians[0], workers[i].PeakMemory(), differences[i]))];
        }
        finally
        {
            foreach (var worker in workers)
                worker.Dispose();
        }
    }

    private static double Median(List<double> times)
    {
        times.Sort();
        return (times[(times.Count - 1) / 2] + times[times.Count / 2]) / 2;
    }

    /// <summary>How far each peer's features are from those of the plain graph.</summary>
    private static double?[] Differences(string[] peers, List<BenchWorker> workers)
    {
        var result = new double?[peers.Length];
        var reference = Array.IndexOf(peers, "graph");
        if (reference < 0)
            return result;
        var folder = Directory.CreateTempSubdirectory("torchfx-bench-");
        try
        {
            var files = peers.Select((_, i) => Path.Combine(folder.FullName, $"{i}.safetensors")).ToArray();
            for (var i = 0; i < peers.Length; i++)
                workers[i].Save(files[i]);
            for (var i = 0; i < peers.Length; i++)
                if (i != reference && File.Exists(files[i]))
                    result[i] = Difference(files[reference], files[i]);
            return result;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
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
