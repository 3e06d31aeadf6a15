using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace TorchSharp.Fx.Tests;

/// <summary>Tells from an assembly's embedded debug information in which folder of its project each top-level type is written.</summary>
internal static class ArchitectureFolders
{
    // A type without code, such as an interface or an enum, names its documents in a record of this kind.
    private static readonly Guid TypeDefinitionDocuments = new("932E74BC-DBA9-4478-8D46-0F32A7BAB3D3");

    /// <summary>The folder of each type, <c>Tracing/Host</c>; of a type that is written in several the one that they have in common.</summary>
    public static Dictionary<Type, string> Of(Assembly assembly, string project)
    {
        using var file = new PEReader(File.OpenRead(assembly.Location));
        var embedded = file.ReadDebugDirectory().Single(entry => entry.Type == DebugDirectoryEntryType.EmbeddedPortablePdb);
        using var provider = file.ReadEmbeddedPortablePdbDebugDirectoryData(embedded);
        var symbols = provider.GetMetadataReader();

        var written = from type in assembly.GetTypes()
                      from document in Documents(type, symbols)
                      let path = symbols.GetString(symbols.GetDocument(document).Name).Replace('\\', '/')
                      let start = path.LastIndexOf($"/src/{project}/", StringComparison.Ordinal)
                      where start >= 0 && !path.Contains("/obj/")
                      let folder = path[(start + project.Length + 6)..].Split('/')[..^1]
                      group folder by Outermost(type);
        return written.ToDictionary(type => type.Key, type => string.Join('/', type.Aggregate(Common)));
    }

    private static string[] Common(string[] one, string[] other) => [.. one.Zip(other).TakeWhile(pair => pair.First == pair.Second).Select(pair => pair.First)];

    /// <summary>The type that stands in no other one: closures, iterators and other nested types count as part of it.</summary>
    public static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    private static IEnumerable<DocumentHandle> Documents(Type type, MetadataReader symbols)
    {
        foreach (var handle in symbols.GetCustomDebugInformation(MetadataTokens.EntityHandle(type.MetadataToken)))
        {
            var information = symbols.GetCustomDebugInformation(handle);
            if (symbols.GetGuid(information.Kind) != TypeDefinitionDocuments) continue;
            for (var reader = symbols.GetBlobReader(information.Value); reader.RemainingBytes > 0;)
                yield return MetadataTokens.DocumentHandle(reader.ReadCompressedInteger());
        }

        foreach (var method in ArchitectureUses.Methods(type))
        {
            var information = symbols.GetMethodDebugInformation(MetadataTokens.MethodDefinitionHandle(method.MetadataToken & 0xffffff));
            foreach (var point in information.GetSequencePoints()) yield return point.Document;
        }
    }
}
