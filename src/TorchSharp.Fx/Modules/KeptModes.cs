using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>
/// While a graph module's <c>train</c> sets modes: gives those back to modules that the source's own <c>train</c> doesn't reach.
/// </summary>
internal readonly struct KeptModes : IDisposable
{
    private readonly (nn.Module Module, bool Training)[]? kept;

    private KeptModes(IEnumerable<nn.Module> modules)
        => kept = [.. modules.SelectMany(module => module.modules().Prepend(module)).Select(module => (module, module.training))];

    /// <summary>The modes as they are now; of none while the program is made.</summary>
    internal static KeptModes Of(GraphProgram? program) => program?.Unregistered is { Count: > 0 } modules ? new(modules.Values) : default;

    public void Dispose()
    {
        foreach (var (module, training) in kept ?? [])
            Registry.SetMode(module, training);
    }
}
