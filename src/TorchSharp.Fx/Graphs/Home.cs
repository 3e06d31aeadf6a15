namespace TorchSharp.Fx.Graphs;

/// <summary>Whose code a type is. Every question of the kind "is it the user's?" is answered here.</summary>
internal enum Home
{
    /// <summary>The user's or another library's: interpreted.</summary>
    User,
    /// <summary>TorchSharp's: its operations become nodes.</summary>
    TorchSharp,
    /// <summary>.NET's own: run as it is.</summary>
    Platform,
}

/// <summary>Finds the home of a type by its assembly.</summary>
internal static class Homes
{
    private static readonly Memo<Type, Home> Known = new(Find);
    private static readonly string PlatformFolder = Path.GetDirectoryName(typeof(object).Assembly.Location) ?? "";

    internal static Home Of(Type type) => Known.Of(type);

    /// <summary>Whether a type is the user's or another library's, and not this library's own, such as a fused kernel.</summary>
    internal static bool IsUsers(Type? type) => type is not null && type.Assembly != typeof(Graph).Assembly && Of(type) == Home.User;

    private static Home Find(Type type)
    {
        // An array's methods are the runtime's, though its type is in the assembly of its elements.
        if (type.IsArray)
            return Home.Platform;
        var assembly = type.Assembly;
        if (assembly == typeof(torch).Assembly)
            return Home.TorchSharp;
        var isPlatform = !assembly.IsDynamic && assembly.Location.Length > 0 && Path.GetDirectoryName(assembly.Location) == PlatformFolder;
        return isPlatform || assembly.GetName().Name is "System.Private.CoreLib" ? Home.Platform : Home.User;
    }
}
