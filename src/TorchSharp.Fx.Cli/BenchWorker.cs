using System.Diagnostics;
using System.Globalization;

namespace TorchSharp.Fx.Cli;

/// <summary>A process that runs one peer, a call at a time, whenever it is asked to.</summary>
internal sealed class BenchWorker : IDisposable
{
    private readonly Process process;

    /// <param name="arguments">The command line of <c>torchfx bench</c>, with one peer, batch size and number of threads.</param>
    /// <param name="threads">How many threads libtorch gets.</param>
    internal BenchWorker(IEnumerable<string> arguments, int threads)
    {
        // The tool runs as a program of its own, or as a library that dotnet runs.
        var self = Environment.ProcessPath!;
        var library = Path.GetFileNameWithoutExtension(self) == "dotnet" ? new[] { Path.Combine(AppContext.BaseDirectory, "torchfx.dll") } : [];
        var start = new ProcessStartInfo(self, [.. library, .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["OMP_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        process = Process.Start(start)!;
    }

    /// <summary>How long one call takes, in ms.</summary>
    internal double Measure() => double.Parse(Ask("run"), CultureInfo.InvariantCulture);

    /// <summary>The most memory that the process has had, in MB.</summary>
    internal double PeakMemory() => double.Parse(Ask("memory"), CultureInfo.InvariantCulture);

    /// <summary>Writes what the nodes give to a file.</summary>
    internal void Save(string path) => Ask("save " + path);

    /// <summary>The other side: answers each line that comes in until there are no more.</summary>
    internal static void Serve(BenchPeer peer)
    {
        while (Console.In.ReadLine() is { } line)
            Console.Out.WriteLine(line switch
            {
                "run" => peer.Measure().ToString("R", CultureInfo.InvariantCulture),
                "memory" => (Process.GetCurrentProcess().PeakWorkingSet64 / 1e6).ToString("R", CultureInfo.InvariantCulture),
                _ => Saved(peer, line["save ".Length..]),
            });
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }

    private static string Saved(BenchPeer peer, string path)
    {
        peer.Save(path);
        return "saved";
    }

    private string Ask(string question)
    {
        try
        {
            process.StandardInput.WriteLine(question);
            process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It has ended; so has its output.
        }
        return process.StandardOutput.ReadLine() ?? throw new ToolException("A measuring process ended early; its own message stands above.");
    }
}
