using System.Globalization;

namespace TorchSharp.Fx.Bench;

/// <summary>A job in one process against the same job in two, starting the processes and all; they take turns.</summary>
internal static class DataSetWorkers
{
    private const int Shards = 16;

    /// <param name="args">The number of images, 256 by default; the model, resnet18 by default; the number of turns, 5 by default.</param>
    internal static int Run(string[] args)
    {
        var count = int.Parse(args.ElementAtOrDefault(0) ?? "256", CultureInfo.InvariantCulture);
        var turns = int.Parse(args.ElementAtOrDefault(2) ?? "5", CultureInfo.InvariantCulture);
        var (tool, folder) = (new InstalledTool(null), Directory.CreateTempSubdirectory("torchfx-workers-"));
        try
        {
            ImagesToFeatures.Make(folder.CreateSubdirectory("photos").FullName, count);
            var job = Path.Combine(folder.FullName, "job");
            Require(tool.Run(quiet: true, "job", "create", job, args.ElementAtOrDefault(1) ?? "resnet18", Path.Combine(folder.FullName, "photos"), "--nodes", "embedding",
                "--batch", "8", "--optimised", "--shard-size", $"{Math.Max(1, count / Shards)}"));
            var ratios = new List<double>();
            for (var turn = 0; turn <= turns; turn++)
            {
                var (one, two) = (Time(tool, job, 1), Time(tool, job, 2));
                // The first turn warms up.
                if (turn > 0)
                    ratios.Add(one / two);
            }
            ratios.Sort();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{count} images in {Shards} shards, {turns} turns: the rate of --workers 2 is {ratios[turns / 2]:F2} of one process's ({ratios[0]:F2} to {ratios[^1]:F2})"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
        return 0;
    }

    private static double Time(InstalledTool tool, string job, int workers)
    {
        foreach (var file in Directory.GetFiles(Path.Combine(job, "parts")))
            File.Delete(file);
        return Require(tool.Run(quiet: true, "job", "run", job, "--workers", $"{workers}")).TotalSeconds;
    }

    private static TimeSpan Require((TimeSpan Time, bool HasSucceeded) run) => run.HasSucceeded ? run.Time
        : throw new InvalidOperationException("The tool failed; what it says stands above.");
}
