using System.Collections.Concurrent;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>Virtual dispatch: which method runs when a virtual or interface method is called on an object of some type.</summary>
internal static class Overrides
{
    private const BindingFlags Declared =
        BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
    private static readonly Memo<Type, ConcurrentDictionary<MethodBase, MethodBase>> Found = new(_ => new());

    internal static MethodBase Find(MethodBase method, Type type)
        => method is MethodInfo { IsVirtual: true } info && method.DeclaringType != type
            ? Found.Of(type).GetOrAdd(info, static (method, type) => Search((MethodInfo)method, type), type)
            : method;

    private static MethodBase Search(MethodInfo method, Type type)
    {
        var open = method.IsGenericMethod ? method.GetGenericMethodDefinition() : method;
        var found = method.DeclaringType!.IsInterface ? OfInterface(open, type) : OfClass(open, type);
        return method.IsGenericMethod && found.IsGenericMethodDefinition ? found.MakeGenericMethod(method.GetGenericArguments()) : found;
    }

    private static MethodInfo OfInterface(MethodInfo method, Type type)
    {
        // Arrays implement their generic interfaces in the runtime: there is no map, and no user code to find.
        if (type.IsArray || type.IsInterface || !method.DeclaringType!.IsAssignableFrom(type))
            return method;
        var map = type.GetInterfaceMap(method.DeclaringType);
        for (var i = 0; i < map.InterfaceMethods.Length; i++)
            if (Same(map.InterfaceMethods[i], method))
                return map.TargetMethods[i];
        return method;
    }

    private static MethodInfo OfClass(MethodInfo method, Type type)
    {
        var slot = method.GetBaseDefinition();
        for (var current = type; current is not null && current != method.DeclaringType; current = current.BaseType)
            foreach (var candidate in current.GetMethods(Declared))
                if (candidate.IsVirtual && candidate.Name == method.Name && Same(candidate.GetBaseDefinition(), slot))
                    return candidate;
        return method;
    }

    private static bool Same(MethodInfo a, MethodInfo b)
        => a.MetadataToken == b.MetadataToken && a.Module == b.Module && a.DeclaringType == b.DeclaringType;
}
