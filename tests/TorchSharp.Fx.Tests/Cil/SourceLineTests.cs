using System.Runtime.CompilerServices;
using Xunit;

namespace TorchSharp.Fx.Tests.Cil;

public class SourceLineTests
{
    private static readonly byte[] FourNops = [0x00, 0x00, 0x00, 0x00, 0x2A];

    private static readonly (int, int)[] Points = [(0, 10), (1, 0), (3, 12)];

    [Fact]
    public void An_embedded_PDB_gives_the_line_of_the_code()
    {
        var il = MethodIL.Of(typeof(SourceLineTests).GetMethod(nameof(WhereItIs))!)!;

        // The compiler passes its own line number as a constant: the line we expect stands in the code.
        var constants = Enumerable.Range(0, il.Instructions.Length).Where(i => il.Instructions[i] is { Op: Op.LdcI4, Index: > 1 }).ToArray();

        Assert.Equal(2, constants.Length);
        Assert.All(constants, i => Assert.Equal($"SourceLineTests.cs:{il.Instructions[i].Index}", il.LineOf(i).ToString()));
    }

    [Fact]
    public void A_PDB_beside_the_assembly_gives_lines_and_hidden_points_take_the_one_before()
    {
        var assembly = new WrittenAssembly("Beside", FourNops, Points);

        var il = MethodIL.Of(assembly.LoadFromFile(assembly.Symbols))!;

        Assert.Equal([10, 10, 10, 12, 12], Enumerable.Range(0, 5).Select(i => il.LineOf(i)!.Value.Line));
        Assert.Equal("Model.cs:12", il.LineOf(4).ToString());
    }

    [Fact]
    public void A_method_that_starts_hidden_has_no_line_there()
    {
        var assembly = new WrittenAssembly("Hidden", FourNops, [(0, 0), (2, 7)]);

        var il = MethodIL.Of(assembly.LoadFromFile(assembly.Symbols))!;

        Assert.Null(il.LineOf(1));
        Assert.Equal(7, il.LineOf(2)!.Value.Line);
    }

    [Fact]
    public void Without_a_PDB_there_is_no_line()
    {
        var assembly = new WrittenAssembly("Bare", FourNops, Points);

        Assert.Null(MethodIL.Of(assembly.LoadFromFile(symbols: null))!.LineOf(0));
        Assert.Null(MethodIL.Of(assembly.LoadFromBytes())!.LineOf(0));
    }

    [Fact]
    public void The_PDB_of_another_build_is_not_believed()
    {
        var otherBuild = new WrittenAssembly("Rebuilt", FourNops, Points);

        Assert.Null(MethodIL.Of(new WrittenAssembly("Rebuilt", FourNops, Points).LoadFromFile(otherBuild.Symbols))!.LineOf(0));
    }

    [Fact]
    public void A_file_replaced_since_it_was_loaded_is_not_believed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows keeps a loaded file from being replaced.");
        var method = new WrittenAssembly("Replaced", FourNops, Points).LoadFromFile(symbols: null);
        var path = method.Module.FullyQualifiedName;
        var rebuilt = new WrittenAssembly("Replaced", FourNops, Points);

        File.Delete(path);
        File.WriteAllBytes(path, rebuilt.Image);
        File.WriteAllBytes(Path.ChangeExtension(path, ".pdb"), rebuilt.Symbols);

        Assert.Null(MethodIL.Of(method)!.LineOf(0));
    }

    [Fact]
    public void A_damaged_PDB_costs_the_line_and_nothing_else()
    {
        var assembly = new WrittenAssembly("Damaged", FourNops, Points);
        for (var at = 0; at < assembly.Symbols.Length; at += 3)
        {
            var flipped = (byte[])assembly.Symbols.Clone();
            flipped[at] ^= 0xFF;
            MethodIL.Of(assembly.LoadFromFile(flipped))!.LineOf(0);
            Assert.Null(MethodIL.Of(assembly.LoadFromFile(assembly.Symbols[..at]))!.LineOf(0));
        }
    }

    public static int WhereItIs(bool which)
    {
        if (which)
            return Line();

        return Line();
    }

    private static int Line([CallerLineNumber] int line = 0) => line;
}
