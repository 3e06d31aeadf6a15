using System.Net;
using System.Text.Json;
using TorchSharp.Fx.Cli.Tests;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Explorers.Tests;

/// <summary>The graph as the page gets it: folded, unfolded, searched, in other modes and forms.</summary>
public sealed class GraphTests : IAsyncLifetime
{
    private readonly SmallNet model = new();
    private Page page = null!;

    public async ValueTask InitializeAsync() => page = await Page.Of(model, Page.Photographs[..2]);

    public async ValueTask DisposeAsync()
    {
        await page.DisposeAsync();
        model.Dispose();
    }

    private static string[] Names(JsonElement list, string property = "name")
        => [.. list.EnumerateArray().Select(each => each.GetProperty(property).GetString()!)];

    [Fact]
    public async Task Modules_are_folded_until_they_are_opened()
    {
        var folded = await page.Post<string[]>("/api/graph", []);
        Assert.Equal(["x", "block1", "block2", "mean", "fc", "output"], Names(folded.GetProperty("boxes")));
        Assert.Equal(["placeholder", "module", "module", "call_method", "call_module", "output"],
            Names(folded.GetProperty("boxes"), "kind"));
        Assert.Empty(folded.GetProperty("frames").EnumerateArray());

        var open = await page.Post<string[]>("/api/graph", ["block2", "nowhere"]);
        Assert.Equal(["x", "block1", "block2.conv", "block2.bn", "block2.relu", "mean", "fc", "output"],
            Names(open.GetProperty("boxes")).Order(Comparer<string>.Create(ByPlace(open))));
        Assert.Equal(["block2"], Names(open.GetProperty("frames")));
        Assert.Equal(["block2"], open.GetProperty("open").EnumerateArray().Select(name => name.GetString()));
        Assert.Equal(10, (await page.Post<string[]>("/api/graph", ["*"])).GetProperty("boxes").GetArrayLength());
    }

    /// <summary>From top to bottom.</summary>
    private static Comparison<string> ByPlace(JsonElement graph)
    {
        var places = graph.GetProperty("boxes").EnumerateArray()
            .ToDictionary(box => box.GetProperty("name").GetString()!, box => box.GetProperty("y").GetDouble());
        return (a, b) => places[a].CompareTo(places[b]);
    }

    [Fact]
    public async Task Boxes_lie_in_their_frames_apart_and_lines_end_at_them()
    {
        var graph = await page.Post<string[]>("/api/graph", ["*"]);
        var boxes = graph.GetProperty("boxes").EnumerateArray().Select(Rectangle).ToArray();
        var frames = graph.GetProperty("frames").EnumerateArray().ToDictionary(frame => frame.GetProperty("name").GetString()!, Rectangle);
        foreach (var (i, a) in boxes.Index())
            foreach (var b in boxes[(i + 1)..])
                Assert.False(a.Left < b.Right && b.Left < a.Right && a.Top < b.Bottom && b.Top < a.Bottom, $"{a} and {b}");
        Assert.All(boxes.Where(box => box.Name.StartsWith("block", StringComparison.Ordinal)), box =>
        {
            var frame = frames[box.Name.Split('.')[0]];
            Assert.True(box.Left >= frame.Left && box.Right <= frame.Right && box.Top >= frame.Top && box.Bottom <= frame.Bottom, box.Name);
        });
        var ends = graph.GetProperty("lines").EnumerateArray().Where(line => line[6].GetDouble() == 1)
            .Select(line => (X: line[3].GetDouble(), Y: line[5].GetDouble())).ToArray();
        Assert.Equal(9, ends.Length);
        Assert.All(ends, end => Assert.Contains(boxes, box => end.X >= box.Left && end.X <= box.Right && Math.Abs(end.Y - box.Top) < 0.11));
    }

    private static (string Name, double Left, double Top, double Right, double Bottom) Rectangle(JsonElement box)
    {
        var (x, y) = (box.GetProperty("x").GetDouble(), box.GetProperty("y").GetDouble());
        return (box.GetProperty("name").GetString()!, x, y, x + box.GetProperty("w").GetDouble(), y + box.GetProperty("h").GetDouble());
    }

    [Theory]
    [InlineData("block?.conv", "block1.conv", "block2.conv")]
    [InlineData("batchnorm", "block1.bn", "block2.bn")]
    [InlineData("BLOCK2.re", "block2.relu")]
    [InlineData("block*", "block1", "block2")]
    [InlineData("pool")]
    public async Task Search_finds_names_types_and_patterns(string text, params string[] expected)
    {
        var found = await page.Get($"/api/search?text={Uri.EscapeDataString(text)}");
        Assert.Equal(expected, Names(found.GetProperty("hits")));
        if (expected is ["block1.conv", ..])
            Assert.Equal("block1", found.GetProperty("hits")[0].GetProperty("around")[0].GetString());
    }

    [Fact]
    public async Task Costs_are_those_that_can_be_counted_by_hand()
    {
        Assert.Equal(JsonValueKind.Null, (await page.Get("/api/node?node=block1.conv")).GetProperty("ms").ValueKind);
        await page.Post<string[]>("/api/graph?measure=1&input=0", []);
        var conv = await page.Get("/api/node?node=block1.conv&input=0");
        // 32 × 32 places, 8 channels of 3 × 3 × 3 weights, and a bias.
        Assert.Equal((32 * 32 * 8 * 27, 8 * 27 + 8), (conv.GetProperty("macs").GetInt32(), conv.GetProperty("parameters").GetInt32()));
        Assert.Equal("1×8×32×32", conv.GetProperty("shape").GetString());
        Assert.True(conv.GetProperty("ms").GetDouble() > 0);
        var block = await page.Get("/api/node?node=block1&input=0");
        Assert.Equal(8 * 27 + 8 + 16, block.GetProperty("parameters").GetInt32());
        Assert.Equal("block1.relu", block.GetProperty("node").GetString());
        Assert.InRange(block.GetProperty("ms").GetDouble(), conv.GetProperty("ms").GetDouble(), double.MaxValue);
    }

    [Fact]
    public async Task A_node_shows_the_line_that_made_it()
    {
        var source = (await page.Get("/api/node?node=block2.conv&input=0")).GetProperty("source");
        Assert.Matches("^SmallNet.cs:[0-9]+$", source.GetProperty("at").GetString());
        Assert.Equal("Block.forward", source.GetProperty("method").GetString());
        var line = source.GetProperty("lines")[source.GetProperty("line").GetInt32() - 1].GetString();
        Assert.Equal("public override Tensor forward(Tensor x) => relu.call(bn.call(conv.call(x)));", line!.Trim());
    }

    [Fact]
    public async Task Optimised_and_quantised_copies_have_graphs_and_values_of_their_own()
    {
        var plain = await page.Get("/api/node?node=fc&input=0");
        foreach (var form in new[] { "optimised", "quantised" })
        {
            var graph = await page.Post<string[]>($"/api/graph?form={form}", ["*"]);
            Assert.DoesNotContain("block1.bn", Names(graph.GetProperty("boxes")));
            var last = await page.Get($"/api/node?form={form}&node=fc&input=0");
            // Eight bits lose a few percent, and optimising nothing but rounding.
            var (expected, actual) = (Mean(plain), Mean(last));
            Assert.InRange(actual, expected - (form == "optimised" ? 1e-5 : 0.05), expected + (form == "optimised" ? 1e-5 : 0.05));
        }
        using var refused = await page.Client.GetAsync("/api/node?form=optimised&mode=train&node=fc",
            TestContext.Current.CancellationToken);
        Assert.Equal("There is no optimised graph of training: such copies are for evaluation.",
            await Page.Sentence(refused, HttpStatusCode.BadRequest));
    }

    [Theory]
    [InlineData("form=optimised")]
    [InlineData("form=quantised")]
    [InlineData("mode=train")]
    public async Task Nodes_of_each_graph_are_downloaded_and_the_code_computes_them(string view)
    {
        using var folder = new TemporaryFolder();
        string[] nodes = ["block1.relu", "block2", "fc"];
        var query = $"{view}&nodes={string.Join(',', nodes)}&input=1";
        File.WriteAllBytes(folder["page.safetensors"], await page.Bytes($"/api/download?{query}"));
        var shown = await page.Get($"/api/node?{view}&node=fc&input=1");
        var code = await page.Get($"/api/code?{query}");
        Assert.StartsWith("# No command has the graph of ", code.GetProperty("command").GetString(), StringComparison.Ordinal);

        // A scope belongs to its thread, and what follows an await may run on another one.
        using var scope = torch.NewDisposeScope();
        var downloaded = Safetensors.load_file(folder["page.safetensors"]);
        Assert.Equal(nodes, downloaded.Keys.Order());
        Assert.Equal(Mean(shown), downloaded["fc"].mean().item<float>(), 1e-6);
        Safetensors.save_file(model.state_dict(), folder["weights.safetensors"]);
        var script = code.GetProperty("csharp").GetString()!.Replace("// using var model = …",
            $"using var model = new TorchSharp.Fx.Explorers.Tests.SmallNet(); model.load_weights(@\"{folder["weights.safetensors"]}\");", StringComparison.Ordinal);
        var computed = Safetensors.load_file(Script.Run(script, folder));
        foreach (var node in nodes)
            Assert.True(computed[node].allclose(downloaded[node], 1e-4, 1e-5), node);
    }

    [Fact]
    public async Task What_a_copy_computes_inside_another_node_is_not_downloaded_from_it()
    {
        using var refused = await page.Client.GetAsync("/api/download?form=optimised&nodes=fc,block1.bn&input=0", TestContext.Current.CancellationToken);
        Assert.Equal("The graph of the optimised copy has no node 'block1.bn': leave it out, or choose it in the graph that has it.",
            await Page.Sentence(refused, HttpStatusCode.BadRequest));
    }

    private static double Mean(JsonElement node) => node.GetProperty("value").GetProperty("statistics").GetProperty("mean").GetDouble();

    [Fact]
    public async Task Training_is_shown_and_changes_nothing()
    {
        var before = model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        var (eval, train) = (await page.Get("/api/node?node=block1.bn&input=0"),
            await page.Get("/api/node?mode=train&node=block1.bn&input=0"));
        // By the statistics of the batch each channel has the mean 0; by those kept, which are 0 and 1, it is the input's.
        Assert.InRange(Mean(train), -1e-5, 1e-5);
        Assert.NotInRange(Mean(eval), -1e-3, 1e-3);
        Assert.All(model.state_dict(), entry => Assert.True(entry.Value.allclose(before[entry.Key], 0, 0), entry.Key));
        Assert.False(model.training);
    }
}
