using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript.Tests;

/// <summary>Tells which archives libtorch can't read. One of those ends the process that reads it, so others read them first.</summary>
internal static class LoadProbe
{
    private const string Variable = "TORCHFX_TEST_ARCHIVES";

    /// <summary>What libtorch says of each archive that it can't read, by its place in the list.</summary>
    internal static Dictionary<int, string> Refused(IReadOnlyList<string> paths)
    {
        var refused = new Dictionary<int, string>();
        for (var next = 0; next < paths.Count;)
        {
            var (read, error) = Read(paths.Skip(next));
            next += read;
            if (next < paths.Count)
                refused.Add(next++, error);
        }
        return refused;
    }

    /// <summary>How many of the archives another process reads before it ends, and why it does.</summary>
    private static (int Count, string Error) Read(IEnumerable<string> paths)
    {
        var list = Path.GetTempFileName();
        try
        {
            File.WriteAllLines(list, paths);
            var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardError = true, RedirectStandardOutput = true };
            start.Environment[Variable] = list;
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var count = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
            process.WaitForExit();
            return (count, error.Result);
        }
        finally
        {
            File.Delete(list);
        }
    }

    /// <summary>In the other process: reads the archives, with a line for each, and ends.</summary>
    [ModuleInitializer]
    internal static void Run()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } list)
            return;
        foreach (var (i, path) in File.ReadLines(list).Index())
        {
            jit.load(path).Dispose();
            Console.Out.WriteLine(i.ToString(CultureInfo.InvariantCulture));
            Console.Out.Flush();
        }
        Environment.Exit(0);
    }
}
