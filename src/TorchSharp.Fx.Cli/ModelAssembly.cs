using System.Reflection;
using System.Runtime.Loader;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>
/// A user's assembly, loaded with its own dependencies beside it, but with the tool's TorchSharp: two of them would know nothing of each
/// other's tensors.
/// </summary>
internal sealed class ModelAssembly : AssemblyLoadContext
{
    private const string Ending = ".dll";

    private static readonly string[] Shared = ["TorchSharp", "TorchSharp.Fx", "TorchSharp.Fx.Files", "TorchSharp.Fx.Vision"];

    private readonly AssemblyDependencyResolver dependencies;
    private readonly string path;
    private Assembly assembly = null!;

    private ModelAssembly(string path) : base(Path.GetFileName(path), isCollectible: true)
    {
        this.path = path;
        dependencies = new AssemblyDependencyResolver(Path.GetFullPath(path));
    }

    /// <summary>
    /// The path of the assembly, and the name of the type behind it, where a text names a class of one; null where it doesn't.
    /// </summary>
    internal static (string Path, string Type)? Named(string model)
        => model.IndexOf(Ending, StringComparison.OrdinalIgnoreCase) is var at and >= 0
            ? (model[..(at + Ending.Length)], model[(at + Ending.Length)..].TrimStart(':')) : null;

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
            throw new ToolException($"'{path}' does not load: it is not a .NET assembly, or it is damaged or built for another processor.",
                error);
        }
    }

    /// <summary>The full names of the module classes that can be built.</summary>
    internal IEnumerable<string> ModuleNames => Array.FindAll(Types(), IsModule).Select(Written).Order(StringComparer.Ordinal);

    /// <summary>
    /// A module class that can be built, by its full name or by the end of it where only one class ends so: <c>Encoder</c>,
    /// <c>Models.Encoder</c>, and <c>Outer.Net</c> for a class in a class.
    /// </summary>
    internal Type FindModule(string name)
    {
        var types = Types();
        if (name.Length == 0)
            throw new ToolException(
                $"'{path}' needs a type after it, as in {Path.GetFileName(path)}:Namespace.Type; {Offer(types)}.") { IsWrongUsage = true };
        var type = assembly.GetType(name) ?? Only(name, types)
            ?? throw new ToolException($"'{path}' has no type '{name}'; {Offer(types)}.");
        if (!typeof(nn.Module).IsAssignableFrom(type))
            throw new ToolException($"'{Written(type)}' of '{path}' is not a module: it does not derive from torch.nn.Module.");
        if (type.IsAbstract || type.ContainsGenericParameters)
            throw new ToolException(
                $"'{Written(type)}' of '{path}' can't be built: it is {(type.IsAbstract ? "abstract" : "generic")}; name a class that is "
                    + "not.");
        return type;
    }

    /// <summary>The one type of a name; modules come before other types of it.</summary>
    private Type? Only(string name, Type[] types)
    {
        var named = Array.FindAll(types, type => Written(type) == name);
        if (named.Length == 0)
            named = Array.FindAll(types, type => Written(type).EndsWith($".{name}", StringComparison.Ordinal));
        var modules = Array.FindAll(named, IsModule);
        return modules.Length < 2
            ? modules.FirstOrDefault() ?? named.FirstOrDefault()
            : throw new ToolException($"'{name}' could be any of {Quoted(modules)} in '{path}': write more of the name.") { IsWrongUsage =
                true };
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
            throw new ToolException($"'{path}' does not load because something it needs is missing beside it: {Failure.FirstLine(reason)}",
                error);
        }
    }

    private static bool IsModule(Type type)
        => typeof(nn.Module).IsAssignableFrom(type) && !type.IsAbstract && !type.ContainsGenericParameters;

    private static string Offer(Type[] types)
        => Array.FindAll(types, IsModule) is { Length: > 0 } modules ? $"its modules are {Quoted(modules)}" : "it has no modules at all";

    private static string Quoted(Type[] types)
        => string.Join(", ", types.Select(type => $"'{Written(type)}'").Order(StringComparer.Ordinal));

    /// <summary>A type's full name as C# writes it: a class in a class after a dot.</summary>
    private static string Written(Type type) => type.FullName!.Replace('+', '.');
}
