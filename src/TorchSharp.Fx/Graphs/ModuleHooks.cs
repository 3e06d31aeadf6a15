using System.Collections;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>Code of the user's that runs before or after each call of a module.</summary>
internal static class ModuleHooks
{
    private static readonly Memo<Type, FieldInfo[]> Fields = new(Find);

    /// <summary>Whether a module has any.</summary>
    internal static bool On(nn.Module module)
    {
        foreach (var field in FieldsOf(module.GetType()))
            if (field.GetValue(module) is ICollection { Count: > 0 })
                return true;
        return false;
    }

    /// <summary>The fields in which a module keeps them.</summary>
    internal static FieldInfo[] FieldsOf(Type type) => Fields.Of(type);

    private static FieldInfo[] Find(Type type)
    {
        const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        var found = new List<FieldInfo>();
        for (var level = type; level is not null; level = level.BaseType)
            if (level.Assembly == TensorTypes.TorchSharp)
                found.AddRange(level.GetFields(Own).Where(field => field.Name.EndsWith("hooks", StringComparison.Ordinal)));
        return [.. found];
    }
}
