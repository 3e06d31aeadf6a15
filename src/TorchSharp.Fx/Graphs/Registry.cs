using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// The parameters, buffers and modules that TorchSharp's modules have registered. Only they can replace or forget an entry, hence the
/// accessors.
/// </summary>
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

    /// <summary>Registers a module, in the place of one of the same name.</summary>
    internal static void Set(nn.Module module, string name, nn.Module child)
    {
        Remove(module, name);
        module.register_module(name, child);
    }

    /// <summary>Forgets a registered module; false for none.</summary>
    internal static bool Remove(nn.Module module, string name) => Modules(module).ContainsKey(name) && Modules(module).Remove(name);

    /// <summary>Forgets everything, so that disposing the module disposes nothing but itself.</summary>
    internal static void Clear(nn.Module module)
    {
        Parameters(module).clear();
        Buffers(module).clear();
        Modules(module).clear();
    }

    /// <summary>Sets the mode of a module without that of its children.</summary>
    internal static void SetMode(nn.Module module, bool training)
    {
        ref var children = ref Modules(module);
        var all = children;
        children = [];
        try
        {
            module.train(training);
        }
        finally
        {
            children = all;
        }
    }

    /// <summary>Whether a module's state and code are TorchSharp's native ones, which only its constructor can make.</summary>
    internal static bool IsNative(nn.Module module) => Native["_forwardNative"].GetValue(module) is null && !IsContainer(module.GetType());

    /// <summary>
    /// Whether a class is one of TorchSharp's that hold modules or parameters, or derives from one. A sequence has a native half that
    /// nobody uses: what it holds, and its code, are C#'s.
    /// </summary>
    internal static bool IsContainer(Type? type) => type is not null && (type.Assembly == typeof(nn.Module).Assembly
        && type.Name.Split('`')[0] is "Sequential" or "ModuleList" or "ModuleDict" or "ParameterList" or "ParameterDict"
            || IsContainer(type.BaseType));

    /// <summary>Gives a bare copy of a module the native half of another module, which is of no use afterwards.</summary>
    internal static void GiveHandle(nn.Module donor, nn.Module copy)
    {
        foreach (var field in Native.Values)
            field.SetValue(copy, field.GetValue(donor));
#pragma warning disable CA1816 // The donor has nothing left to finalize.
        GC.SuppressFinalize(donor);
#pragma warning restore CA1816
    }

    /// <summary>Whether a field of a module belongs to its native half.</summary>
    internal static bool IsNative(FieldInfo field) => Native.ContainsValue(field);

    private static readonly Dictionary<string, FieldInfo> Native = new[] { "handle", "boxedModule", "_forwardNative" }
        .ToDictionary(name => name, name => typeof(nn.Module).GetField(name, BindingFlags.Instance | BindingFlags.NonPublic)!);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_internal_params")]
    private static extern ref OrderedDict<string, Parameter> Parameters(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_internal_buffers")]
    private static extern ref OrderedDict<string, (Tensor, bool)> Buffers(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_internal_submodules")]
    private static extern ref OrderedDict<string, nn.Module> Modules(nn.Module module);
}
