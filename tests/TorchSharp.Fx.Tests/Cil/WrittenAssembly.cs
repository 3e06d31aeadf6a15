using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;

namespace TorchSharp.Fx.Tests.Cil;

/// <summary>An assembly with one method, <c>T.M</c>, written byte by byte, and the PDB that belongs to it.</summary>
internal sealed class WrittenAssembly
{
    private static int written;
    private readonly string name;

    /// <param name="name">The assembly's name.</param>
    /// <param name="il">The whole body.</param>
    /// <param name="points">Offsets and lines of the PDB's sequence points, ascending; line 0 is a hidden one.</param>
    public WrittenAssembly(string name, byte[] il, (int Offset, int Line)[]? points = null)
    {
        this.name = name;
        var metadata = new MetadataBuilder();
        var bodies = new MethodBodyStreamEncoder(new BlobBuilder());
        var code = new BlobBuilder();
        code.WriteBytes(il);
        var body = bodies.AddMethodBody(new InstructionEncoder(code), maxStack: 8);
        AddMethod(metadata, name, body);

        var pdb = new PortablePdbBuilder(Pdb(points ?? []), metadata.GetRowCounts(), default);
        var pdbBytes = new BlobBuilder();
        var id = pdb.Serialize(pdbBytes);
        Symbols = pdbBytes.ToArray();

        var debug = new DebugDirectoryBuilder();
        debug.AddCodeViewEntry($"C:\\src\\{name}.pdb", id, 0x100);
        var image = new BlobBuilder();
        new ManagedPEBuilder(new PEHeaderBuilder(imageCharacteristics: Characteristics.Dll), new MetadataRootBuilder(metadata), bodies.Builder,
            debugDirectoryBuilder: debug).Serialize(image);
        Image = image.ToArray();
    }

    public byte[] Image { get; }

    public byte[] Symbols { get; }

    public MethodInfo LoadFromBytes() =>
        MethodOf(new AssemblyLoadContext(null, isCollectible: true).LoadFromStream(new MemoryStream(Image)));

    /// <summary>Loads the assembly from a file, with <paramref name="symbols"/> beside it.</summary>
    public MethodInfo LoadFromFile(byte[]? symbols)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "written", $"{Interlocked.Increment(ref written)}");
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, name + ".dll");
        // Left over from an earlier run, which may have had other symbols.
        File.Delete(Path.ChangeExtension(path, ".pdb"));
        File.WriteAllBytes(path, Image);
        if (symbols is not null) File.WriteAllBytes(Path.ChangeExtension(path, ".pdb"), symbols);
        return MethodOf(new AssemblyLoadContext(null, isCollectible: true).LoadFromAssemblyPath(path));
    }

    private static MethodInfo MethodOf(Assembly assembly) => assembly.GetType("T", throwOnError: true)!.GetMethod("M")!;

    private static void AddMethod(MetadataBuilder metadata, string name, int body)
    {
        var runtime = typeof(object).Assembly.GetName();
        metadata.AddModule(0, metadata.GetOrAddString(name + ".dll"), metadata.GetOrAddGuid(Guid.NewGuid()), default, default);
        metadata.AddAssembly(metadata.GetOrAddString(name), new Version(1, 0), default, default, 0, AssemblyHashAlgorithm.None);
        var corlib = metadata.AddAssemblyReference(metadata.GetOrAddString(runtime.Name!), runtime.Version!, default,
            metadata.GetOrAddBlob(runtime.GetPublicKeyToken()!), 0, default);
        var parent = metadata.AddTypeReference(corlib, metadata.GetOrAddString("System"), metadata.GetOrAddString("Object"));
        var signature = new BlobBuilder();
        new BlobEncoder(signature).MethodSignature().Parameters(0, r => r.Void(), _ => { });
        var method = metadata.AddMethodDefinition(MethodAttributes.Public | MethodAttributes.Static, MethodImplAttributes.IL,
            metadata.GetOrAddString("M"), metadata.GetOrAddBlob(signature), body, MetadataTokens.ParameterHandle(1));
        var fields = MetadataTokens.FieldDefinitionHandle(1);
        metadata.AddTypeDefinition(default, default, metadata.GetOrAddString("<Module>"), default, fields, method);
        metadata.AddTypeDefinition(TypeAttributes.Public, default, metadata.GetOrAddString("T"), parent, fields, method);
    }

    private static MetadataBuilder Pdb((int Offset, int Line)[] points)
    {
        var pdb = new MetadataBuilder();
        var document = pdb.AddDocument(pdb.GetOrAddDocumentName("C:\\src\\Model.cs"), default, default, default);
        pdb.AddMethodDebugInformation(document, pdb.GetOrAddBlob(SequencePointsBlob(points)));
        return pdb;
    }

    // Portable PDB, "Sequence Points Blob": deltas of offset, extent and start, each compressed.
    private static BlobBuilder SequencePointsBlob((int Offset, int Line)[] points)
    {
        var blob = new BlobBuilder();
        blob.WriteCompressedInteger(0); // no local signature
        var (offset, line) = (0, 0);
        for (var i = 0; i < points.Length; i++)
        {
            blob.WriteCompressedInteger(points[i].Offset - (i == 0 ? 0 : offset));
            offset = points[i].Offset;
            blob.WriteCompressedInteger(0); // one line ...
            if (points[i].Line == 0)
            {
                blob.WriteCompressedInteger(0); // ... and no columns: hidden
                continue;
            }

            blob.WriteCompressedInteger(1); // ... one column
            if (line == 0) blob.WriteCompressedInteger(points[i].Line);
            else blob.WriteCompressedSignedInteger(points[i].Line - line);
            if (line == 0) blob.WriteCompressedInteger(5);
            else blob.WriteCompressedSignedInteger(0);
            line = points[i].Line;
        }

        return blob;
    }
}
