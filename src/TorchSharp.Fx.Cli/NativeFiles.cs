namespace TorchSharp.Fx.Cli;

/// <summary>The native libraries that TorchSharp needs, looked for where .NET looks.</summary>
/// <remarks>
/// Where one is missing TorchSharp must not even be asked to load: it would copy half a gigabyte from the package cache into the tool's
/// folder and write its search to the terminal.
/// </remarks>
internal static class NativeFiles
{
    /// <summary>TorchSharp's own library, which calls libtorch.</summary>
    internal static string Bridge { get; } = Name("LibTorchSharp");

    /// <summary>The part of libtorch that computes.</summary>
    internal static string LibTorch { get; } = Name("torch_cpu");

    /// <summary>The first library that is not there; null when all are.</summary>
    internal static string? Missing => new[] { Bridge, LibTorch }.FirstOrDefault(file => Find(file) is null);

    /// <summary>Where a library is; null where it is not.</summary>
    internal static string? Find(string file)
    {
        var folders =
            ((string?)AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") ?? "").Split(Path.PathSeparator,
                StringSplitOptions.RemoveEmptyEntries);
        return folders.Append(AppContext.BaseDirectory).Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);
    }

    /// <summary>Refuses to go on without one.</summary>
    internal static void Require()
    {
        if (Missing is { } file)
            throw new ToolException(
                $"{file} is missing from the tool's folder, and without it no model can be made; 'torchfx doctor' says how to get it.");
    }

    internal static string Name(string library)
        => OperatingSystem.IsWindows() ? $"{library}.dll" : OperatingSystem.IsMacOS() ? $"lib{library}.dylib" : $"lib{library}.so";
}
