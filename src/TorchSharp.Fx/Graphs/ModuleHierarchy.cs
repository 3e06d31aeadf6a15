using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Finds the modules and tensors that a graph names: by registered name, then by field, list index and dictionary key.</summary>
internal sealed class ModuleHierarchy(nn.Module root)
{
    internal nn.Module Root => root;

    /// <summary>The module at a qualified name, e.g. <c>layer1.0.conv1</c>; the root for an empty one, null where there is none.</summary>
    internal nn.Module? Find(string path) => throw new NotImplementedException();
}
