using System.Diagnostics;
using System.Globalization;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>
/// What loading resnet50's weights costs beyond reading the warm file: in time, taking turns, and in resident memory at the peak, one process each. A model's memory is there; a
/// dictionary's is new, and the system has to provide it page by page, for a plain read, too.
/// </summary>
internal static class Loading
{
    private const int Rounds = 100;

    private static readonly Dictionary<string, Func<string, IDisposable?>> Contenders = new()
    {
        ["nothing"] = _ => torch.empty(1),
        ["model"] = _ => models.resnet50(),
        ["model, weights loaded"] = path => models.resnet50().load_weights(path),
        ["Pth.load_file"] = path => new Tensors(Pth.load_file(path)),
    };

    internal static int Run(string[] args)
    {
        if (args is [var contender, var file])
            return PrintPeak(Contenders[contender](file));
        var path = args.FirstOrDefault() ?? Path.Combine(Path.GetTempPath(), $"resnet50-{Guid.NewGuid():N}.pth");
        try
        {
            using var model = models.resnet50();
            if (args.Length == 0)
                PthWriter.Write(path, model.state_dict());
            Times(path, model);
            Peaks(path, model.state_dict().Values.Sum(tensor => tensor.numel() * tensor.ElementSize) / 1e6);
        }
        finally
        {
            if (args.Length == 0)
                File.Delete(path);
        }
        return 0;
    }

    private static void Times(string path, ResNet model)
    {
        var memory = new byte[new FileInfo(path).Length];
        var actions = new (string Name, int Baseline, Action Run)[]
        {
            ("read the file", 0, () => Read(path, memory)),
            ("model.load_weights", 0, () => model.load_weights(path)),
            ("read it to new memory", 2, () => ReadToNewMemory(path, memory.Length)),
            ("Pth.load_file", 2, () => new Tensors(Pth.load_file(path)).Dispose()),
        };
        var times = actions.Select(_ => new List<double>()).ToArray();
        // Until the code that reads is compiled well.
        for (var round = -40; round < Rounds; round++)
            for (var i = 0; i < actions.Length; i++)
            {
                var watch = Stopwatch.StartNew();
                actions[i].Run();
                if (round >= 0)
                    times[i].Add(watch.Elapsed.TotalMilliseconds);
            }
        Console.WriteLine($"{memory.Length / 1e6,3:F0} MB                    min ms  ratio  median ms  ratio");
        foreach (var (action, own) in actions.Zip(times))
        {
            var baseline = times[action.Baseline];
            Console.WriteLine($"{action.Name,-24}{own.Min(),9:F1}{own.Min() / baseline.Min(),7:F2}{Median(own),11:F1}{Median(own) / Median(baseline),7:F2}");
        }
    }

    internal static void ReadToNewMemory(string path, long length)
    {
        using var memory = torch.empty(length, dtype: ScalarType.Byte);
        Read(path, memory.bytes);
    }

    internal static void Read(string path, Span<byte> memory)
    {
        using var file = File.OpenHandle(path);
        for (var done = 0; done < memory.Length;)
            done += RandomAccess.Read(file, memory[done..], done);
    }

    private static void Peaks(string path, double megabytes)
    {
        Console.WriteLine($"\nthe model's tensors: {megabytes:F1} MB     peak MB  over nothing  ratio");
        var nothing = 0.0;
        foreach (var name in Contenders.Keys)
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!, ["loading", name, path]) { RedirectStandardOutput = true };
            using var child = Process.Start(start)!;
            var peak = double.Parse(child.StandardOutput.ReadToEnd(), CultureInfo.InvariantCulture);
            child.WaitForExit();
            nothing = nothing == 0 ? peak : nothing;
            Console.WriteLine($"{name,-36}{peak,8:F1}{peak - nothing,14:F1}{(peak - nothing) / megabytes,7:F2}");
        }
    }

    private static int PrintPeak(IDisposable? kept)
    {
        using var self = Process.GetCurrentProcess();
        Console.WriteLine((self.PeakWorkingSet64 / 1e6).ToString(CultureInfo.InvariantCulture));
        kept?.Dispose();
        return 0;
    }

    private static double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);

    private sealed class Tensors(Dictionary<string, Tensor> tensors) : IDisposable
    {
        public void Dispose()
        {
            foreach (var tensor in tensors.Values)
                tensor.Dispose();
        }
    }
}
