using System.Globalization;

namespace TorchSharp.Fx.Bench;

/// <summary>
/// What a hundred million images take, by model and engine: measured processor time an image, and a simulation of everything else, with slow machines, machines that die and
/// shards that begin again. The same numbers come out each time.
/// </summary>
internal static class Capacity
{
    private const int Shards = 10_000, ShardSize = 10_000, Workers = 64, Cores = 4, Seeds = 20;

    // Assumptions, all of them told on the page. Seconds, unless said otherwise.
    private const double Spread = 0.15, SlowShare = 0.02, SlowBy = 3, HoursBetweenDeaths = 200, BackAfter = 120, LeaseTimeout = 60, Price = 0.04;

    private sealed record Engine(string Name, double StartOnce, double StartOfShard, bool IsFixed = false);

    private static readonly Engine[] Engines =
    [
        new("`job run`, or Hangfire", 5, 0.5),
        new("Slurm, a task a shard", 0, 6),
        new("Slurm, 64 tasks", 5, 0.5, IsFixed: true),
        new("Kubernetes, a pod a shard", 0, 15),
    ];

    /// <param name="args">Models with their milliseconds of processor time an image: resnet18=20.</param>
    internal static int Run(string[] args)
    {
        Console.WriteLine("| model | engine | core hours | at $0.04 | hours | over the ideal | computed twice |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var (model, milliseconds) in args.Select(arg => (arg.Split('=')[0], double.Parse(arg.Split('=')[1], CultureInfo.InvariantCulture))))
        {
            var shard = ShardSize * milliseconds / 1000 / Cores;
            var ideal = Shards * shard / Workers / 3600;
            foreach (var engine in Engines)
            {
                var runs = Enumerable.Range(0, Seeds).Select(seed => new Simulation(engine, shard, new(seed)).Run()).ToArray();
                var (busy, wall, lost) = (runs.Average(run => run.Busy) * Cores / 3600, runs.Average(run => run.Wall) / 3600, runs.Average(run => run.Lost));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {model} | {engine.Name} | {busy:N0} | ${busy * Price:N0} | {wall:F1} | {100 * (wall / ideal - 1):F0} % | {100 * lost / (Shards * shard):F2} % |"));
            }
        }
        return 0;
    }

    /// <summary>Workers take shards, one after the other; the next event is always that of the worker who is free first.</summary>
    private sealed class Simulation(Engine engine, double shard, Random random)
    {
        private readonly PriorityQueue<(int Worker, double Speed), double> free = new();
        private readonly PriorityQueue<int, double> open = new();
        private double busy, lost, wall;

        internal (double Busy, double Wall, double Lost) Run()
        {
            var own = Enumerable.Range(0, Workers).Select(_ => 0).ToArray();
            for (var number = 0; number < Shards; number++)
                own[number % Workers]++;
            for (var number = 0; number < Shards && !engine.IsFixed; number++)
                open.Enqueue(number, 0);
            for (var worker = 0; worker < Workers; worker++)
                free.Enqueue((worker, Speed()), engine.StartOnce);
            while (free.TryDequeue(out var next, out var now))
                if (engine.IsFixed ? own[next.Worker] > 0 : open.Count > 0)
                    Take(next, now, own);
            return (busy, wall, lost);
        }

        private void Take((int Worker, double Speed) next, double now, int[] own)
        {
            if (!engine.IsFixed)
            {
                open.TryPeek(out _, out var since);
                // What a dead worker had is not to be had before its lease is stale.
                if (since > now)
                {
                    free.Enqueue(next, since);
                    return;
                }
                open.Dequeue();
            }
            var takes = engine.StartOfShard + shard / next.Speed;
            var death = -Math.Log(1 - random.NextDouble()) * HoursBetweenDeaths * 3600;
            busy += Math.Min(takes, death);
            if (death < takes)
            {
                lost += death * next.Speed;
                if (!engine.IsFixed)
                    open.Enqueue(0, now + death + LeaseTimeout);
                // Another machine, of another speed.
                free.Enqueue((next.Worker, Speed()), now + death + BackAfter + engine.StartOnce);
                return;
            }
            own[next.Worker]--;
            wall = Math.Max(wall, now + takes);
            free.Enqueue(next, now + takes);
        }

        private double Speed()
        {
            var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            // On average one: a lognormal's mean is above its median.
            var speed = Math.Exp(Spread * normal - Spread * Spread / 2);
            return random.NextDouble() < SlowShare ? speed / SlowBy : speed;
        }
    }
}
