using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace TorchSharp.Fx.Cli;

/// <summary>A process that runs one peer, a call at a time, whenever it is asked to.</summary>
internal sealed class BenchWorker : IDisposable
{
    private readonly Process process;

    /// <param name="arguments">The command line of <c>torchfx bench</c>, with one peer, batch size and number of threads.</param>
    /// <param name="threads">How many threads libtorch gets.</param>
    internal BenchWorker(IEnumerable<string> arguments, int threads)
    {
        var start = OwnProcess.Start(arguments, threads);
        (start.RedirectStandardInput, start.RedirectStandardOutput) = (true, true);
        process = Process.Start(start)!;
    }

    /// <summary>
    /// To be called before anything else: where this is a process of ONNX Runtime's, nothing loads libtorch before its memory is asked for.
    /// </summary>
    internal static void Prepare(string[] arguments)
    {
        if (arguments.SkipWhile(argument => argument != "--worker").Skip(1).FirstOrDefault() is { } peer
            && peer.StartsWith("ort", StringComparison.Ordinal))
            AppContext.SetSwitch("TorchSharp.Fx.ProcessorCaches", false);
    }

    /// <summary>How long a call takes in one turn, in ms.</summary>
    internal double Measure() => double.Parse(Ask("run"), CultureInfo.InvariantCulture);

    /// <summary>The most memory that the process has had, in MB.</summary>
    internal double PeakMemory() => double.Parse(Ask("memory"), CultureInfo.InvariantCulture);

    /// <summary>Writes what the nodes give to a file, if that is known.</summary>
    internal void Save(string path) => Ask("save " + path);

    /// <summary>How long each node takes, in order of execution; none where the peer has no nodes.</summary>
    /// <param name="calls">How many calls are measured.</param>
    /// <param name="name">The picture's title.</param>
    /// <param name="picture">The file for a flame graph; null for none.</param>
    internal IReadOnlyList<BenchNode> Profile(int calls, string name, string? picture)
        => JsonSerializer.Deserialize<BenchNode[]>(Ask("profile " + JsonSerializer.Serialize(new ProfileQuestion(calls, name, picture))))!;

    /// <summary>The other side: answers each line that comes in until there are no more.</summary>
    internal static void Serve(BenchPeer peer)
    {
        while (Console.In.ReadLine() is { } line)
            Console.Out.WriteLine(line.Split(' ', 2) switch
            {
                ["run"] => peer.Measure().ToString("R", CultureInfo.InvariantCulture),
                ["memory"] => (Process.GetCurrentProcess().PeakWorkingSet64 / 1e6).ToString("R", CultureInfo.InvariantCulture),
                ["profile", var question] =>
                    JsonSerializer.Serialize(Profiled(peer, JsonSerializer.Deserialize<ProfileQuestion>(question)!)),
                [_, var path] => Saved(peer, path),
                _ => throw new InvalidOperationException($"A benchmark's process can't answer '{line}'."),
            });
    }

    public void Dispose()
    {
        try
        {
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended, and its message is what the user is to read.
        }
        process.WaitForExit();
        process.Dispose();
    }

    private static string Saved(BenchPeer peer, string path)
    {
        peer.Save(path);
        return "saved";
    }

    private static BenchNode[] Profiled(BenchPeer peer, ProfileQuestion question)
    {
        if (peer.Profile(question.Calls) is not { } profile)
            return [];
        if (question.Picture is { } file)
            AtomicFile.Write(file, stream =>
            {
                using var writer = new StreamWriter(stream);
                writer.Write(profile.to_flame_graph(question.Name));
            });
        return [.. profile.nodes.Select(node => new BenchNode(node.node.name, node.operation, node.times.Count, node.median))];
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
        return process.StandardOutput.ReadLine()
            ?? throw new ToolException("A measuring process ended early; its own message stands above.");
    }

    private sealed record ProfileQuestion(int Calls, string Name, string? Picture);
}

/// <summary>How long one node of a peer takes.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="Operation">What it does.</param>
/// <param name="Calls">How many calls were measured.</param>
/// <param name="Median">The median time of a call, in ms.</param>
internal sealed record BenchNode(string Name, string Operation, int Calls, double Median);
