using System.Diagnostics;
using System.Globalization;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>
/// What opening resnet50's file with its graph costs beyond reading the warm file: in time, taking turns, and in resident memory at the
/// peak, one process each. The weights' memory is new, and the system has to provide it page by page, for a plain read, too.
/// </summary>
internal static class Opening
{
    private const int Rounds = 40, WarmUp = 20;

    private static readonly string[] Kinds = [".pt2", ".onnx", ".safetensors"];

    internal static int Run(string[] args)
    {
        if (args is [var file])
            return PrintPeak(file == "nothing" ? Small() : fx.load(file));
        var folder = Directory.CreateTempSubdirectory("opening");
        try
        {
            using var model = models.resnet50();
            model.eval();
            using var graph = fx.symbolic_trace(model);
            using var example = rand(2, 3, 224, 224);
            var paths = Kinds.ToDictionary(kind => kind, kind => Path.Combine(folder.FullName, "resnet50" + kind));
            export.save(graph, paths[".pt2"], [example]);
            Onnx.onnx.export(graph, paths[".onnx"], [example]);
            fx.save(graph, paths[".safetensors"]);
            var megabytes = model.state_dict().Values.Sum(tensor => tensor.numel() * tensor.ElementSize) / 1e6;
            var nothing = PeakOf("nothing");
            Console.WriteLine($"resnet50, {megabytes:F1} MB   min ms: read, to new memory, open   ratios   median ms   ratios   peak MB over nothing : weights");
            foreach (var path in paths.Values)
            {
                var times = Times(path, () => fx.load(path).Dispose());
                var peak = PeakOf(path) - nothing;
                Console.WriteLine($"{Path.GetExtension(path),-14}{Row(times, own => own.Min())}   {Row(times, own => own.Order().ElementAt(own.Count / 2))}   {peak,7:F1} {peak / megabytes,5:F2}");
            }
            using var images = rand(1, 3, 224, 224);
            var mapped = Times(paths[".pt2"], () => export.load(paths[".pt2"], mmap: true).Dispose());
            Console.WriteLine($".pt2 mapped   {Row(mapped, own => own.Min())}   {Row(mapped, own => own.Order().ElementAt(own.Count / 2))}");
            foreach (var (kind, mmap) in new[] { ("read", false), ("mapped", true) })
                Console.WriteLine($".pt2 {kind}, opened and called once, min ms: {FirstCall(paths[".pt2"], images, mmap):F1}");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
        return 0;
    }

    private static string Row(List<double>[] times, Func<List<double>, double> of)
    {
        var (read, fresh, open) = (of(times[0]), of(times[1]), of(times[2]));
        return string.Create(CultureInfo.InvariantCulture, $"{read,6:F1} {fresh,6:F1} {open,6:F1}   {open / read,5:F2} {open / fresh,5:F2}");
    }

    /// <summary>Weights that are mapped are read by the first call.</summary>
    private static double FirstCall(string path, Tensor images, bool mmap) => Enumerable.Range(0, Rounds).Min(_ =>
    {
        using var mode = no_grad();
        var watch = Stopwatch.StartNew();
        using var module = export.load<GraphModule<Tensor, Tensor>>(path, mmap);
        module.call(images).Dispose();
        return watch.Elapsed.TotalMilliseconds;
    });

    private static List<double>[] Times(string path, Action open)
    {
        var memory = new byte[new FileInfo(path).Length];
        Action[] actions = [() => Loading.Read(path, memory), () => Loading.ReadToNewMemory(path, memory.Length), open];
        var times = Array.ConvertAll(actions, _ => new List<double>());
        for (var round = -WarmUp; round < Rounds; round++)
            for (var i = 0; i < actions.Length; i++)
            {
                var watch = Stopwatch.StartNew();
                actions[i]();
                if (round >= 0)
                    times[i].Add(watch.Elapsed.TotalMilliseconds);
            }
        return times;
    }

    /// <summary>The process with all that has to be loaded for a graph, but none of its weights.</summary>
    private static GraphModule<Tensor, Tensor> Small()
    {
        using var layer = nn.Linear(1, 1);
        return fx.symbolic_trace(layer);
    }

    private static double PeakOf(string file)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["opening", file]) { RedirectStandardOutput = true };
        using var child = Process.Start(start)!;
        var peak = double.Parse(child.StandardOutput.ReadToEnd(), CultureInfo.InvariantCulture);
        child.WaitForExit();
        return peak;
    }

    private static int PrintPeak(nn.Module kept)
    {
        using var self = Process.GetCurrentProcess();
        Console.WriteLine((self.PeakWorkingSet64 / 1e6).ToString(CultureInfo.InvariantCulture));
        kept.Dispose();
        return 0;
    }
}
