using System.Reflection;
using System.Runtime.Loader;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>A user's assembly, loaded with its own dependencies beside it, but with the tool's TorchSharp: two of them would know nothing of each other's tensors.</summary>
internal sealed class ModelAssembly : AssemblyLoadContext
{
    private static readonly string[] Shared = ["TorchSharp", "TorchSharp.Fx", "TorchSharp.Fx.Files", "TorchSharp.Fx.Vision"];

    private readonly AssemblyDependencyResolver dependencies;
    private readonly string path;
    private Assembly assembly = null!;

    private ModelAssembly(string path) : base(Path.GetFileName(path), isCollectible: true)
    {
        this.path = path;
        dependencies = new AssemblyDependencyResolver(Path.GetFullPath(path));
    }

    internal static ModelAssembly Load(string path)
    {
        if (!File.Exists(path))
            throw new ToolException($"There is no assembly '{path}'.");
        try
        {
            var context = new ModelAssembly(path);
            context.assembly = context.LoadFromAssemblyPath(Path.GetFullPath(path));
            return context;
        }
        catch (Exception error) when (error is BadImageFormatException or FileLoadException or InvalidOperationException)
        {
            throw new ToolException($"'{path}' does not load: it is not a .NET assembly, or it is damaged or built for another processor.", error);
        }
    }

    /// <summary>A module class that can be built, by its full name, or its plain one where only one class has that.</summary>
    internal Type FindModule(string name)
    {
        var types = Types();
        var modules = types.Where(IsModule).Select(type => type.FullName!).Order(StringComparer.Ordinal).ToArray();
        if (name.Length == 0)
            throw new ToolException($"'{path}' needs a type after it, as in {Path.GetFileName(path)}:Namespace.Type; {Offer(modules)}.") { IsWrongUsage = true };
        var type = assembly.GetType(name) ?? types.Where(type => type.Name == name).ToArray() switch { [var only] => only, _ => null }
            ?? throw new ToolException($"'{path}' has no type '{name}'; {Offer(modules)}.");
        if (!typeof(nn.Module).IsAssignableFrom(type))
            throw new ToolException($"'{type.FullName}' of '{path}' is not a module: it does not derive from torch.nn.Module.");
        if (type.IsAbstract || type.ContainsGenericParameters)
            throw new ToolException($"'{type.FullName}' of '{path}' can't be built: it is {(type.IsAbstract ? "abstract" : "generic")}; name a class that is not.");
        return type;
    }

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (Shared.Contains(assemblyName.Name))
            return null;
        return dependencies.ResolveAssemblyToPath(assemblyName) is { } found ? LoadFromAssemblyPath(found) : null;
    }

    protected override nint LoadUnmanagedDll(string unmanagedDllName)
        => dependencies.ResolveUnmanagedDllToPath(unmanagedDllName) is { } found ? LoadUnmanagedDllFromPath(found) : 0;

    private Type[] Types()
    {
        try
        {
            return assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException error)
        {
            var reason = error.LoaderExceptions.OfType<Exception>().Select(inner => inner.Message).FirstOrDefault() ?? error.Message;
            throw new ToolException($"'{path}' does not load because something it needs is missing beside it: {Failure.FirstLine(reason)}", error);
        }
    }

    private static bool IsModule(Type type) => typeof(nn.Module).IsAssignableFrom(type) && !type.IsAbstract && !type.ContainsGenericParameters;

    private static string Offer(string[] modules) => modules.Length == 0 ? "it has no modules at all" : $"its modules are {string.Join(", ", modules.Select(name => $"'{name}'"))}";
}
