using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Cil;

/// <summary>The portable PDB of one module: embedded in its file, or beside it.</summary>
internal sealed class Pdb
{
    private static readonly ConditionalWeakTable<Module, Lazy<Pdb?>> Cache = [];

    private readonly MetadataReaderProvider provider; // owns the memory that the reader points into
    private readonly MetadataReader reader;

    private Pdb(MetadataReaderProvider provider)
    {
        this.provider = provider;
        reader = provider.GetMetadataReader();
    }

    /// <summary>The PDB that belongs to a module; null if there is none, or it is of another build or damaged.</summary>
    public static Pdb? Of(Module module) => Cache.GetValue(module, static m => new(() => OrNull(m, Open))).Value;

    /// <summary>The visible sequence points of a method, null if it has none.</summary>
    public SequencePoints? SequencePointsOf(MethodBase method) => OrNull(method, Read);

    private static Pdb? Open(Module module)
    {
        var path = module.Assembly.IsDynamic ? "" : module.Assembly.Location;
        if (path.Length == 0 || !File.Exists(path)) return null;
        using var file = new PEReader(File.OpenRead(path));
        if (!IsLoadedFrom(module, file)) return null;

        DebugDirectoryEntry codeView = default, embedded = default;
        foreach (var entry in file.ReadDebugDirectory())
        {
            if (entry.Type == DebugDirectoryEntryType.CodeView) codeView = entry;
            if (entry.Type == DebugDirectoryEntryType.EmbeddedPortablePdb) embedded = entry;
        }

        if (codeView.DataSize == 0) return null;
        var id = new BlobContentId(file.ReadCodeViewDebugDirectoryData(codeView).Guid, codeView.Stamp);
        if (embedded.DataSize != 0) return Matching(file.ReadEmbeddedPortablePdbDebugDirectoryData(embedded), id);
        var beside = Path.ChangeExtension(path, ".pdb");
        return File.Exists(beside) ? Matching(MetadataReaderProvider.FromPortablePdbImage([.. File.ReadAllBytes(beside)]), id) : null;
    }

    private static Pdb? Matching(MetadataReaderProvider provider, BlobContentId id)
    {
        var pdb = new Pdb(provider);
        return pdb.reader.DebugMetadataHeader is { } header && new BlobContentId(header.Id) == id ? pdb : null;
    }

    /// <summary>A rebuild may have replaced the file since the process loaded it.</summary>
    private static bool IsLoadedFrom(Module module, PEReader file)
    {
        var metadata = file.GetMetadataReader();
        return metadata.GetGuid(metadata.GetModuleDefinition().Mvid) == module.ModuleVersionId;
    }

    private SequencePoints? Read(MethodBase method)
    {
        var handle = (MethodDefinitionHandle)MetadataTokens.EntityHandle(method.MetadataToken);
        var offsets = new List<int>();
        var lines = new List<SourceLine>();
        var document = default(DocumentHandle);
        var file = "";
        foreach (var point in reader.GetMethodDebugInformation(handle).GetSequencePoints())
        {
            if (point.IsHidden) continue;
            if (point.Document != document) file = reader.GetString(reader.GetDocument(document = point.Document).Name);
            offsets.Add(point.Offset);
            lines.Add(new SourceLine(file, point.StartLine));
        }

        return new SequencePoints([.. offsets], [.. lines]);
    }

    /// <summary>Damaged debug information fails in many ways; lines only decorate a message, so each means "no line".</summary>
    private static TResult? OrNull<T, TResult>(T subject, Func<T, TResult?> read) where TResult : class
    {
        try
        {
            return read(subject);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return null;
        }
    }
}
