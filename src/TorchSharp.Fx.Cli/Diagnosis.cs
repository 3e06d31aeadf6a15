using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Cli;

/// <summary>One thing that was looked at.</summary>
/// <param name="What">Its name.</param>
/// <param name="State">How it is.</param>
/// <param name="Remedy">What is wrong and what to do; null where all is well.</param>
internal sealed record Finding(string What, string State, string? Remedy = null);

/// <summary>What the tool needs of the machine it runs on.</summary>
internal static class Diagnosis
{
    // One transparent pixel: the smallest image there is.
    private const string Pixel = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

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
        yield return new("libtorch file", LoadedFrom("torch_cpu") ?? "unknown");
        yield return new("threads", string.Create(CultureInfo.InvariantCulture, $"{torch.get_num_threads()} in an operation, {torch.get_num_interop_threads()} between operations, {Environment.ProcessorCount} processors"));
        yield return new("CUDA", torch.cuda_is_available() ? "available" : "not available; everything runs on the CPU");
    }

    /// <summary>TorchSharp loads its native library when the first tensor is made.</summary>
    private static Finding Native()
    {
        var file = Library("LibTorchSharp");
        try
        {
            using var tensor = torch.empty(1);
            return new("native library", LoadedFrom("LibTorchSharp") ?? "loaded");
        }
        catch (Exception error)
        {
            return new("native library", "does not load", Remedy(file, error));
        }
    }

    private static string Remedy(string file, Exception error)
    {
        var torch = Library("torch_cpu");
        if (Find(file) is not { } bridge)
            return $"{file} is not in {AppContext.BaseDirectory} or its runtimes folder. Install the tool again: dotnet tool update --global TorchSharp.Fx.Cli.";
        if (Find(torch) is null)
            return $"{torch} is not in {AppContext.BaseDirectory} or its runtimes folder: libtorch is missing. Install the tool again: dotnet tool update --global TorchSharp.Fx.Cli.";
        return Reason(bridge) is var reason && reason.Contains("GLIBCXX", StringComparison.Ordinal)
            ? $"The system's libstdc++ is too old for {bridge} ({reason}). Build the tool on this machine, or update libstdc++6."
            : $"{bridge} does not load: {reason ?? Failure.FirstLine(error.Message)}.";
    }

    /// <summary>What the system's own loader says.</summary>
    private static string Reason(string library)
    {
        try
        {
            NativeLibrary.Free(NativeLibrary.Load(library));
            return "the system loads it, but TorchSharp does not";
        }
        catch (DllNotFoundException error)
        {
            return Failure.FirstLine(error.Message).TrimEnd('.');
        }
        catch (BadImageFormatException)
        {
            return "it is for another processor or damaged";
        }
    }

    private static Finding Images()
    {
        try
        {
            using var image = io.decode_image(Convert.FromBase64String(Pixel));
            return new("SkiaSharp", $"{VersionOf(typeof(SkiaSharp.SKCodec))}, decodes images");
        }
        catch (Exception error) when (error is DllNotFoundException or TypeInitializationException or BadImageFormatException or EntryPointNotFoundException)
        {
            return new("SkiaSharp", "does not load", $"{Library("SkiaSharp")} does not load ({Failure.Sentence(error)}), so no image can be read. Install the tool again: dotnet tool update --global TorchSharp.Fx.Cli.");
        }
    }

    private static string Library(string name)
        => OperatingSystem.IsWindows() ? $"{name}.dll" : OperatingSystem.IsMacOS() ? $"lib{name}.dylib" : $"lib{name}.so";

    private static string? Find(string file)
    {
        var paths = ((string?)AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Append(AppContext.BaseDirectory);
        return paths.Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);
    }

    private static string? LoadedFrom(string name)
        => Process.GetCurrentProcess().Modules.Cast<ProcessModule>().FirstOrDefault(module => module.ModuleName == Library(name))?.FileName is { } path
            ? path.Replace(AppContext.BaseDirectory, "", StringComparison.Ordinal)
            : null;

    private static string VersionOf(Type type)
        => type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? type.Assembly.GetName().Version!.ToString();

    /// <summary>The name and version of a package that the tool was built with.</summary>
    private static string? Package(string prefix)
    {
        var dependencies = Path.Combine(AppContext.BaseDirectory, "torchfx.deps.json");
        return File.Exists(dependencies) ? File.ReadLines(dependencies).FirstOrDefault(line => line.TrimStart().StartsWith($"\"{prefix}", StringComparison.Ordinal) && line.Contains('/', StringComparison.Ordinal)) : null;
    }

    private static string? Version(string? line) => line?.Split('"')[1].Split('/')[1];
}
