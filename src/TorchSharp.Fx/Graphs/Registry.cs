using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>What TorchSharp's modules have registered. Only they can replace or forget an entry, hence the accessors.</summary>
internal static class Registry
{
    /// <summary>The tensor registered under a name; null for none.</summary>
    internal static Tensor? Get(nn.Module module, string name) => module.get_parameter(name) ?? module.get_buffer(name);

    /// <summary>Puts another tensor in the place of a registered one.</summary>
    internal static void Replace(nn.Module module, string name, Tensor tensor)
    {
        if (tensor is Parameter parameter && Parameters(module).ContainsKey(name))
            Parameters(module)[name] = parameter;
        else if (Buffers(module).TryGetValue(name, out var entry))
            Buffers(module)[name] = (tensor, entry.Item2);
    }

    /// <summary>Forgets everything, so that disposing the module disposes nothing but itself.</summary>
    internal static void Clear(nn.Module module)
    {
        Parameters(module).clear();
        Buffers(module).clear();
        Modules(module).clear();
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_internal_params")]
    private static extern ref OrderedDict<string, Parameter> Parameters(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_internal_buffers")]
    private static extern ref OrderedDict<string, (Tensor, bool)> Buffers(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_internal_submodules")]
    private static extern ref OrderedDict<string, nn.Module> Modules(nn.Module module);
}
