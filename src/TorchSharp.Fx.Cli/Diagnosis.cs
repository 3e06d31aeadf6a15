using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using SkiaSharp;

namespace TorchSharp.Fx.Cli;

/// <summary>One thing that was looked at.</summary>
/// <param name="What">Its name.</param>
/// <param name="State">How it is.</param>
/// <param name="Remedy">What is wrong and what to do; null where all is well.</param>
internal sealed record Finding(string What, string State, string? Remedy = null);

/// <summary>The checks of the machine that the tool runs on.</summary>
internal static class Diagnosis
{
    // One transparent pixel: the smallest image there is.
    private const string Pixel = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

    private const string Reinstall = "Install the tool again: dotnet tool update --global TorchSharp.Fx.Cli.";

    /// <summary>The processor's name in the system.</summary>
    internal static string Processor
        => (File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo")
                .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() : null)
        ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>The facts that decide how fast a model runs, under the names that JSON has.</summary>
    internal static IReadOnlyList<(string Name, string Version)> Versions =>
    [
        ("torchfx", VersionOf(typeof(Diagnosis))),
        ("torchsharp", VersionOf(typeof(torch))),
        ("libtorch", Version(Package("libtorch-cpu")) ?? "unknown"),
        ("onnxruntime", Version(Package("Microsoft.ML.OnnxRuntime/")) ?? "unknown"),
    ];

    internal static IReadOnlyList<Finding> All()
    {
        var native = Native();
        return
        [
            new("torchfx", VersionOf(typeof(Diagnosis))),
            new("TorchSharp", VersionOf(typeof(torch))),
            new(".NET", RuntimeInformation.FrameworkDescription),
            new("installed in", AppContext.BaseDirectory),
            new("system", $"{RuntimeInformation.OSDescription} ({RuntimeInformation.RuntimeIdentifier})"),
            native,
            .. native.Remedy is null ? Loaded() : [],
            Images(),
        ];
    }

    private static IEnumerable<Finding> Loaded()
    {
        yield return new("libtorch", Version(Package("libtorch-cpu")) ?? "of unknown version");
        yield return new("libtorch file", LoadedFrom(NativeFiles.LibTorch) ?? "unknown");
        yield return new("threads",
            string.Create(CultureInfo.InvariantCulture,
                $"{torch.get_num_threads()} in an operation, {torch.get_num_interop_threads()} between operations, "
                    + $"{Environment.ProcessorCount} processors"));
        yield return new("CUDA", torch.cuda_is_available() ? "available" : "not available; everything runs on the CPU");
    }

    /// <summary>
    /// Looked for, then loaded by the system, and only then by TorchSharp: so the first thing that is wrong is told by who knows it best.
    /// </summary>
    private static Finding Native()
    {
        const string What = "native library", Bad = "does not load";
        if (NativeFiles.Missing is { } file)
            return new(What, Bad, $"{file} is neither in {AppContext.BaseDirectory} nor in its runtimes folder. {Reinstall}");
        try
        {
            // Without libtorch in memory the bridge, which needs it, is not found to be sound.
            NativeLibrary.Load(NativeFiles.Find(NativeFiles.LibTorch)!);
            NativeLibrary.Load(NativeFiles.Find(NativeFiles.Bridge)!);
            using var tensor = torch.empty(1);
            return new(What, LoadedFrom(NativeFiles.Bridge) ?? "loaded");
        }
        catch (Exception error)
        {
            return new(What, Bad, Reason(error));
        }
    }

    private static string Reason(Exception error) => error.Message.Contains("GLIBCXX", StringComparison.Ordinal)
        ? $"The system's libstdc++ is older than the libraries need: {Failure.FirstLine(error.Message)} Update libstdc++6, or build the "
            + "tool on this machine."
        : error is BadImageFormatException
        ? $"The libraries are damaged or for another processor than {RuntimeInformation.ProcessArchitecture}. {Reinstall}"
        : $"{Failure.FirstLine(error.Message)} {Reinstall}";

    private static Finding Images()
    {
        try
        {
            using var codec = SKCodec.Create(SKData.CreateCopy(Convert.FromBase64String(Pixel)));
            return new("SkiaSharp", $"{VersionOf(typeof(SKCodec))}, {(codec is null ? "does not decode" : "decodes images")}");
        }
        catch (Exception error)
            when (error is DllNotFoundException or TypeInitializationException or BadImageFormatException or EntryPointNotFoundException)
        {
            return new("SkiaSharp", "does not load",
                $"{NativeFiles.Name("SkiaSharp")} does not load, so no image can be read. {Reinstall}");
        }
    }

    private static string? LoadedFrom(string file)
        => Process.GetCurrentProcess().Modules.Cast<ProcessModule>()
            .FirstOrDefault(module => module.ModuleName == file)?.FileName is { } path
            ? path.Replace(AppContext.BaseDirectory, "", StringComparison.Ordinal)
            : null;

    internal static string VersionOf(Type type)
        => type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
            ?? type.Assembly.GetName().Version!.ToString();

    /// <summary>The name and version of a package that the tool was built with.</summary>
    private static string? Package(string prefix)
    {
        var dependencies = Path.Combine(AppContext.BaseDirectory, "torchfx.deps.json");
        return File.Exists(dependencies)
            ? File.ReadLines(dependencies)
                .FirstOrDefault(line => line.TrimStart().StartsWith($"\"{prefix}", StringComparison.Ordinal)
                    && line.Contains('/', StringComparison.Ordinal)) : null;
    }

    private static string? Version(string? line) => line?.Split('"')[1].Split('/')[1];
}
