using System.Text;
using System.Text.Json.Nodes;
using TorchSharp.Fx.Testing;
using Xunit;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>Programs with random damage load or are refused: quickly, in little memory, and with nothing but the reader's own
/// exceptions.</summary>
/// <remarks>A few seconds each time; TORCHFX_FUZZ_FILES sets how many files instead, TORCHFX_FUZZ_SEED with which to begin.</remarks>
public sealed class FuzzTests : IDisposable
{
    // What any program costs, and each byte of one: its JSON as texts and records, its nodes, the methods that they call.
    private const long Fixed = 8_000_000;
    private const long EachByte = 80;

    private static readonly string[] Programs = ["nn_cond", "nn_operations", "torch-2.6/nn_cond", "torch-2.6/nn_operations", "nn_unet",
        "torch-2.6/nn_unet"];
    private readonly string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.pt2");

    public void Dispose() => File.Delete(file);

    [Fact]
    public void DamagedProgramsLoadOrAreRefused()
    {
        var contents = Array.ConvertAll(Programs, name => File.ReadAllBytes(ExportedPrograms.Program(name)));
        foreach (var name in Programs)
            export.load(ExportedPrograms.Program(name)).Dispose();
        new FileFuzz(file, error => error is InvalidDataException or NotSupportedException, length => EachByte * length + Fixed).Run(random =>
        {
            var content = contents[random.Next(contents.Length)];
            return (random.Next(2) == 0 ? Wounds.Damaged(content, random) : Rewritten(content, random), () =>
            {
                export.load(file).Dispose();
                return 0;
            });
        });
    }

    /// <summary>Another program that is JSON still: names, numbers and parts of it are changed for others of its own.</summary>
    private static byte[] Rewritten(byte[] original, Random random)
    {
        var start = original.AsSpan().IndexOf("{\"graph_module\""u8);
        var end = start + Length(original.AsSpan(start));
        var program = JsonNode.Parse(original.AsSpan(start, end - start))!;
        foreach (var node in Nodes(program).OfType<JsonObject>())
            node.Remove("stack_trace");
        var all = Nodes(program).Where(node => node.Parent is not null).ToArray();
        for (var changes = 1 << random.Next(3); changes > 0; changes--)
            Change(all[random.Next(all.Length)], all, random);
        var text = Encoding.UTF8.GetBytes(program.ToJsonString());
        // It is as long as before, since it has no stack traces any more: spaces fill the place.
        if (text.Length > end - start)
            return Wounds.Damaged(original, random);
        var bytes = (byte[])original.Clone();
        bytes.AsSpan(start, end - start).Fill((byte)' ');
        text.CopyTo(bytes, start);
        return bytes;
    }

    private static void Change(JsonNode node, JsonNode[] all, Random random)
    {
        if (node.Parent is null)
            return;
        var other = all[random.Next(all.Length)];
        JsonNode? by = (node, random.Next(4)) switch
        {
            (JsonValue value, 0) when value.GetValueKind() == System.Text.Json.JsonValueKind.Number
                => new[] { -1L, 0, 1, 1L << 31, long.MaxValue, long.MinValue }[random.Next(6)],
            (_, 1) => null,
            (JsonValue, _) => all.OfType<JsonValue>().ElementAt(random.Next(50) % Math.Max(1, all.OfType<JsonValue>().Count())).DeepClone(),
            _ => other.DeepClone(),
        };
        if (node.Parent is JsonArray list)
            list[list.IndexOf(node)] = by;
        else
            ((JsonObject)node.Parent)[node.GetPropertyName()] = by;
    }

    private static IEnumerable<JsonNode> Nodes(JsonNode node) => (node switch
    {
        JsonObject members => members.Select(member => member.Value),
        JsonArray items => items,
        _ => [],
    }).OfType<JsonNode>().SelectMany(Nodes).Append(node);

    private static int Length(ReadOnlySpan<byte> json)
    {
        var reader = new System.Text.Json.Utf8JsonReader(json);
        reader.Read();
        reader.Skip();
        return (int)reader.BytesConsumed;
    }
}
