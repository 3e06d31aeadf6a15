using System.Collections;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>A module's state at the places that graphs read and write, to be put back.</summary>
internal sealed class KeptBefore
{
    private readonly ModuleHierarchy hierarchy;
    private readonly Dictionary<string, object?> values;

    internal KeptBefore(nn.Module module, params ReadOnlySpan<Graph> graphs)
    {
        hierarchy = new(module);
        values = KeptState.PathsOf(graphs).ToDictionary(path => path, path => Copy(KeptState.Read(hierarchy, path)));
    }

    /// <summary>Puts it back. A collection stays the same object.</summary>
    internal void Restore()
    {
        foreach (var (path, value) in values)
            KeptState.Write(hierarchy, null,
                new(value is ICollection ? path + StateTarget.Content : path, value?.GetType() ?? typeof(object), IsWritten: true),
                Copy(value));
    }

    private static object? Copy(object? value) => new StructureCopy(tensor => tensor.detach().clone()).Of(value);
}
