using System.Collections;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Corpus;

/// <summary>What a module keeps between calls where a graph of it reads or writes, to be put back before the next run.</summary>
internal sealed class KeptBefore(nn.Module module, params Graph[] graphs)
{
    private readonly ModuleHierarchy hierarchy = new(module);
    private readonly Dictionary<string, object?> values = KeptState.PathsOf(graphs).ToDictionary(path => path, path => Copy(KeptState.Read(new(module), path)));

    internal void Restore()
    {
        foreach (var (path, value) in values)
            KeptState.Write(hierarchy, null, new(value is ICollection ? path + StateTarget.Content : path, value?.GetType() ?? typeof(object), IsWritten: true), Copy(value));
    }

    private static object? Copy(object? value) => new StructureCopy(tensor => tensor.clone()).Of(value);
}
