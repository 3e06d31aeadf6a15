using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Copies a shared library and marks one symbol version that it needs as weak, so that the dynamic linker loads it where that version is
/// missing. Compiled by MSBuild itself, against .NET Standard 2.0.
/// </summary>
public sealed class WeakenSymbolVersion : Task
{
    /// <summary>The shared library as its package delivers it; it is only read.</summary>
    [Required] public string Source { get; set; }

    /// <summary>Where the copy goes.</summary>
    [Required] public string Destination { get; set; }

    /// <summary>The library that should define the version, by the name the linker looks for.</summary>
    [Required] public string Library { get; set; }

    /// <summary>The version to mark.</summary>
    [Required] public string Version { get; set; }

    /// <summary>Mark it even if this system has the version; otherwise the copy is then a plain one.</summary>
    public bool EvenIfPresent { get; set; }

    public override bool Execute()
    {
        try
        {
            var bytes = File.ReadAllBytes(Source);
            if (EvenIfPresent || !SystemDefinesVersion()) Weaken(bytes);
            ReplaceDestination(bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException)
        {
            Log.LogError($"'{Source}' could not be copied to '{Destination}' with its need for {Version} marked as weak: {e.Message} "
                + "Set the property AllowOlderLibstdcxx to 'false' to build with the package's own file.");
        }

        return !Log.HasLoggedErrors;
    }

    /// <summary>
    /// Whether the library which the running .NET itself has loaded, and so will an application here, defines the version.
    /// </summary>
    private bool SystemDefinesVersion()
    {
        var loaded = File.ReadLines("/proc/self/maps")
            .Select(line => line.Substring(line.LastIndexOf(' ') + 1))
            .FirstOrDefault(path => path.EndsWith("/" + Library, StringComparison.Ordinal) || path.Contains("/" + Library + "."));
        return loaded != null && File.Exists(loaded) && new ElfFile(File.ReadAllBytes(loaded)).DefinedVersions().Contains(Version);
    }

    private void Weaken(byte[] bytes)
    {
        var needed = new ElfFile(bytes).NeededVersions().Where(need => need.Library == Library && need.Version == Version).ToList();
        foreach (var need in needed) bytes[need.FlagsOffset] |= ElfFile.WeakFlag;
        Log.LogMessage(MessageImportance.Normal, needed.Count == 0
            ? $"'{Source}' does not need {Version} of {Library}; it is used as it is."
            : $"{Library} on this system may lack {Version}, which '{Source}' needs by name only: the output gets a copy that loads "
                + "without.");
    }

    /// <summary>The destination may be hard-linked from output folders and be in use there: a new file takes its place.</summary>
    private void ReplaceDestination(byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Destination));
        var written = $"{Destination}.{Guid.NewGuid():N}";
        File.WriteAllBytes(written, bytes);
        if (File.Exists(Destination)) File.Replace(written, Destination, null);
        else File.Move(written, Destination);
    }
}

/// <summary>
/// The symbol versions in a 64-bit little-endian ELF file, found as the dynamic linker finds them: through the dynamic section.
/// Layouts: System V gABI, chapter 5; Linux Standard Base Core, "Symbol Versioning".
/// </summary>
internal sealed class ElfFile
{
    public const byte WeakFlag = 2; // VER_FLG_WEAK

    private const uint LoadSegment = 1, DynamicSegment = 2; // PT_LOAD, PT_DYNAMIC
    private const long StringTable = 5, Definitions = 0x6ffffffc, DefinitionCount = 0x6ffffffd, Needs = 0x6ffffffe,
        NeedCount = 0x6fffffff; // DT_*

    private readonly byte[] bytes;
    private readonly Dictionary<long, long> dynamic = new();

    public ElfFile(byte[] bytes)
    {
        this.bytes = bytes;
        if (bytes.Length < 64 || UInt32(0) != 0x464c457f || bytes[4] != 2 || bytes[5] != 1)
            throw new InvalidDataException("it is not a 64-bit little-endian ELF file.");

        var segment = Segments().Where(header => UInt32(header) == DynamicSegment).DefaultIfEmpty(-1).First();
        if (segment < 0) throw new InvalidDataException("the ELF file has no dynamic section.");
        for (var entry = Int64(segment + 8); Int64(entry) != 0; entry += 16) dynamic[Int64(entry)] = Int64(entry + 8);
    }

    /// <summary>The versions that other files can ask this one for.</summary>
    public IEnumerable<string> DefinedVersions()
    {
        foreach (var definition in Chain(Definitions, DefinitionCount, nextField: 16))
            yield return Text(UInt32(definition + UInt32(definition + 12)));
    }

    /// <summary>The versions that this file asks others for, each with the file offset of its flags.</summary>
    public IEnumerable<(string Library, string Version, long FlagsOffset)> NeededVersions()
    {
        foreach (var need in Chain(Needs, NeedCount, nextField: 12))
        {
            var version = need + UInt32(need + 8);
            for (var left = UInt16(need + 2); left > 0; left--, version += UInt32(version + 12))
                yield return (Text(UInt32(need + 4)), Text(UInt32(version + 8)), version + 4);
        }
    }

    /// <summary>The offsets of a table's records, each of which tells how far away the next is.</summary>
    private IEnumerable<long> Chain(long table, long count, int nextField)
    {
        if (!dynamic.TryGetValue(table, out var address)) yield break;
        var record = Offset(address);
        for (var left = dynamic[count]; left > 0; left--, record += UInt32(record + nextField)) yield return record;
    }

    private IEnumerable<long> Segments() =>
        Enumerable.Range(0, UInt16(56)).Select(index => Int64(32) + (long)index * UInt16(54));

    /// <summary>Where in the file the bytes stand that are loaded at an address.</summary>
    private long Offset(long address)
    {
        foreach (var header in Segments().Where(header => UInt32(header) == LoadSegment))
            if (address >= Int64(header + 16) && address < Int64(header + 16) + Int64(header + 32))
                return address - Int64(header + 16) + Int64(header + 8);
        throw new InvalidDataException($"no segment of the ELF file holds the address 0x{address:x}.");
    }

    private string Text(uint index)
    {
        var start = At(Offset(dynamic[StringTable]) + index, 1);
        return Encoding.ASCII.GetString(bytes, start, Array.IndexOf(bytes, (byte)0, start) - start);
    }

    private ushort UInt16(long offset) => BitConverter.ToUInt16(bytes, At(offset, 2));

    private uint UInt32(long offset) => BitConverter.ToUInt32(bytes, At(offset, 4));

    private long Int64(long offset) => BitConverter.ToInt64(bytes, At(offset, 8));

    private int At(long offset, int size) => offset >= 0 && offset <= bytes.Length - size
        ? (int)offset
        : throw new InvalidDataException("the ELF file is cut short or damaged.");
}
