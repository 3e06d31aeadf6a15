using System.Collections.Frozen;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>A fact about the surroundings that may be otherwise at the model's next call.</summary>
internal enum SurroundingsKind
{
    /// <summary>A value of this moment, this process or this machine: the graph keeps what it was.</summary>
    Value,
    /// <summary>Whether a module is in training mode.</summary>
    Mode,
    /// <summary>The state of a random number generator is set: the graph doesn't set it again.</summary>
    Seed,
}

/// <summary>
/// The members of .NET and TorchSharp that answer by the time, the process, the machine or a setting: what a trace asks of them, its graph
/// has for good.
/// </summary>
internal static class Surroundings
{
    private static readonly FrozenDictionary<string, SurroundingsKind> Known = new[]
    {
        (SurroundingsKind.Mode, "TorchSharp.torch+nn+Module: get_training"),
        (SurroundingsKind.Seed, "TorchSharp.torch: manual_seed set_rng_state"),
        (SurroundingsKind.Seed, "TorchSharp.torch+random: manual_seed seed set_rng_state"),
        (SurroundingsKind.Seed, "TorchSharp.torch+cuda: manual_seed manual_seed_all"),
        (SurroundingsKind.Seed, "TorchSharp.torch+Generator: manual_seed set_state"),
        (SurroundingsKind.Value,
            "TorchSharp.torch: get_default_dtype get_default_device cuda_is_available get_num_threads get_num_interop_threads initial_seed "
                + "get_rng_state"),
        (SurroundingsKind.Value, "TorchSharp.torch+random: initial_seed get_rng_state"),
        (SurroundingsKind.Value, "TorchSharp.torch+cuda: is_available device_count"),
        (SurroundingsKind.Value, "TorchSharp.torch+Generator: initial_seed get_state"),
        (SurroundingsKind.Value, "System.Random: Next NextInt64 NextDouble NextSingle NextBytes Shuffle GetItems GetString GetHexString"),
        (SurroundingsKind.Value,
            "System.Security.Cryptography.RandomNumberGenerator: Create GetBytes GetInt32 GetItems GetString GetHexString Fill Shuffle"),
        (SurroundingsKind.Value, "System.DateTime: get_Now get_UtcNow get_Today"),
        (SurroundingsKind.Value, "System.DateTimeOffset: get_Now get_UtcNow"),
        (SurroundingsKind.Value, "System.TimeProvider: GetUtcNow GetLocalNow GetTimestamp GetElapsedTime"),
        (SurroundingsKind.Value, "System.TimeZoneInfo: get_Local"),
        (SurroundingsKind.Value,
            "System.Diagnostics.Stopwatch: GetTimestamp GetElapsedTime get_Elapsed get_ElapsedMilliseconds get_ElapsedTicks"),
        (SurroundingsKind.Value, "System.Guid: NewGuid CreateVersion7"),
        (SurroundingsKind.Value, """
            System.Environment: GetEnvironmentVariable GetEnvironmentVariables ExpandEnvironmentVariables GetCommandLineArgs GetFolderPath get_CommandLine get_CurrentDirectory get_CurrentManagedThreadId
            get_MachineName get_OSVersion get_ProcessId get_ProcessPath get_ProcessorCount get_TickCount get_TickCount64 get_UserName get_UserDomainName get_Version get_WorkingSet
            """),
        (SurroundingsKind.Value, "System.AppContext: GetData TryGetSwitch get_BaseDirectory"),
        (SurroundingsKind.Value, "System.Globalization.CultureInfo: get_CurrentCulture get_CurrentUICulture"),
        (SurroundingsKind.Value, "System.Console: Read ReadLine ReadKey"),
        (SurroundingsKind.Value,
            "System.IO.File: Exists ReadAllText ReadAllLines ReadLines ReadAllBytes Open OpenRead OpenText GetLastWriteTime "
                + "GetLastWriteTimeUtc"),
        (SurroundingsKind.Value,
            "System.IO.Directory: Exists GetFiles GetDirectories EnumerateFiles EnumerateDirectories GetCurrentDirectory"),
        (SurroundingsKind.Value, "System.IO.Path: GetTempPath GetTempFileName GetRandomFileName"),
    }.SelectMany(row => Members(row.Item2).Select(member => (member, row.Item1)))
        .ToFrozenDictionary(pair => pair.member, pair => pair.Item2, StringComparer.Ordinal);

    /// <summary>The fact about the surroundings that a method tells; null if none.</summary>
    internal static SurroundingsKind? Of(MethodBase method)
        => Known.TryGetValue($"{method.DeclaringType?.FullName}.{method.Name}", out var kind) ? kind : null;

    private static IEnumerable<string> Members(string row)
    {
        var (type, members) = row.Split(':') is [var before, var after] ? (before.Trim(), after) : throw new FormatException(row);
        return members.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(member => $"{type}.{member}");
    }
}

/// <summary>A fact that a trace noted about its surroundings.</summary>
internal sealed partial class Interpreter
{
    private readonly HashSet<(SurroundingsKind, string)> heard = [];

    /// <summary>The facts that the program asked of its surroundings, each once.</summary>
    internal List<(SurroundingsKind Kind, string What, Origin? At)> Asked { get; } = [];

    private void NoteSurroundings(SurroundingsKind kind, in Invocation call, Value result)
    {
        // What the program seeded itself in this very call comes out the same in the next.
        if (call.This is Random random && Overlay.Owns(random) && !Overlay.IsCopy(random) && !unseeded.Contains(random))
            return;
        var what = call.This is torch.nn.Module module
            ? $"{Place(tracer.Attributes.PathOf(module) ?? "")} in {(result.Int32 != 0 ? "train" : "eval")} mode"
                : Untraceable.Short(call.Method);
        if (heard.Add((kind, what)))
            Asked.Add((kind, what, Here()));
    }

    private readonly HashSet<object> unseeded = new(ReferenceEqualityComparer.Instance);

    /// <summary>Notes that a tensor's type is the one that was the default while tracing.</summary>
    private void NoteDefaultType(torch.Tensor made, in Invocation call)
    {
        var position = Array.FindIndex(call.Traits.Parameters, parameter => parameter.Name == "dtype");
        if (position < 0 || !made.is_floating_point() || made.dtype != torch.get_default_dtype()
            || call.Operands[position].Reference is not null || call.Operands[position].Kind != ValueKind.Struct)
            return;
        var what = $"the default dtype {made.dtype.ToString().ToLowerInvariant()} in {Untraceable.Short(call.Method)}";
        if (heard.Add((SurroundingsKind.Value, what)))
            Asked.Add((SurroundingsKind.Value, what, Here()));
    }
}
