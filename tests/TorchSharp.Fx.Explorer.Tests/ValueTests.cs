using System.Net;
using System.Text.Json;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers.Tests;

/// <summary>What the page shows of values is what the model computes.</summary>
public sealed class ValueTests : IAsyncLifetime
{
    private readonly SmallNet model = new();
    private Page page = null!;

    public async ValueTask InitializeAsync() => page = await Page.Of(model, Page.Photographs);

    public async ValueTask DisposeAsync()
    {
        await page.DisposeAsync();
        model.Dispose();
    }

    private static Tensor Input(int photograph) => new ImageClassification(64, 64).call(io.read_image(Page.Photographs[photograph]))
        .unsqueeze(0);

    private Features Features(int photograph, params string[] nodes)
    {
        using var mode = no_grad();
        var extractor = feature_extraction.create_feature_extractor((nn.Module)model, nodes);
        extractor.eval();
        return extractor.call(Input(photograph));
    }

    private async Task AssertPicture(Tensor expected, string query) => Assert.Equal(
        io.encode_png(expected), await page.Bytes($"/api/picture?{query}"));

    [Fact]
    public async Task Statistics_and_histogram_are_those_of_the_value_before_later_writes()
    {
        var value = Features(1, "block1.bn")["block1.bn"].to(float64).flatten().data<double>().ToArray();
        var shown = (await page.Get("/api/node?node=block1.bn&input=1")).GetProperty("value");
        Assert.Equal([1, 8, 32, 32], shown.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()));
        Assert.Equal("float32", shown.GetProperty("dtype").GetString());
        var statistics = shown.GetProperty("statistics");
        Assert.Equal(value.Average(), statistics.GetProperty("mean").GetDouble(), 1e-9);
        Assert.Equal(Math.Sqrt(value.Average(x => x * x) - Math.Pow(value.Average(), 2)), statistics.GetProperty("std").GetDouble(), 1e-6);
        // The ReLU after it works in place: a negative number here was seen before.
        Assert.Equal(value.Min(), statistics.GetProperty("min").GetDouble(), 1e-9);
        Assert.True(value.Min() < 0);
        var (low, high) = (value.Min(), value.Max());
        var counts = new int[40];
        foreach (var x in value)
            counts[Math.Min(39, (int)((x - low) * (40 / (high - low))))]++;
        Assert.Equal(counts, statistics.GetProperty("histogram").EnumerateArray().Select(count => (int)count.GetDouble()));
    }

    [Fact]
    public async Task Pictures_are_the_librarys_of_the_same_value()
    {
        var (value, input) = (Features(1, "block2")["block2"][0], Input(1));
        var picture = io.decode_image(await page.Bytes("/api/picture?kind=image&input=1"));
        Assert.Equal([3, 64, 64], picture.shape);
        await AssertPicture(feature_visualization.channel_grid(value), "kind=channels&node=block2&input=1");
        await AssertPicture(feature_visualization.show_cam_on_image(picture, feature_visualization.norm_map(value)),
            "kind=norm&node=block2&input=1");
        await AssertPicture(feature_visualization.enlarge(feature_visualization.principal_components(value), 192, 192),
            "kind=components&node=block2&input=1");
        await AssertPicture(feature_visualization.show_cam_on_image(picture, value[5]), "kind=channel&channel=5&node=block2&input=1");
        model.eval();
        await AssertPicture(feature_visualization.show_cam_on_image(picture, explain.grad_cam(model, input, "block1", 3)[0]),
            "kind=grad-cam&node=block1&class=3&input=1");
        var order = (await page.Get("/api/node?node=block2&input=1")).GetProperty("value").GetProperty("channels").EnumerateArray()
            .Select(channel => channel.GetInt64());
        Assert.Equal(feature_visualization.channels_by_variance(value), order);
    }

    [Fact]
    public async Task Grad_CAM_of_another_nodes_channel_is_that_of_the_model_that_ends_there()
    {
        var picture = io.decode_image(await page.Bytes("/api/picture?kind=image&input=1"));
        var until = new UntilBlock2(model);
        until.eval();
        await AssertPicture(feature_visualization.show_cam_on_image(picture, explain.grad_cam(until, Input(1), "net.block1.relu", 7)[0]),
            "kind=grad-cam&node=block1&of=block2&class=7&input=1");
    }

    private sealed class UntilBlock2 : nn.Module<Tensor, Tensor>
    {
        private readonly SmallNet net;

        internal UntilBlock2(SmallNet net) : base(nameof(UntilBlock2))
        {
            this.net = net;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => net.block2.call(net.block1.call(x));
    }

    [Fact]
    public async Task Attention_is_the_softmax_of_queries_and_keys_for_each_head()
    {
        using var attention = new AttentionNet();
        await using var other = await Page.Of(attention, Page.Photographs[1]);
        var hit = (await other.Get("/api/search?text=scaled_dot")).GetProperty("hits")[0].GetProperty("name").GetString();
        var kinds = (await other.Get($"/api/node?node={hit}&input=0")).GetProperty("value").GetProperty("kinds").EnumerateArray();
        Assert.Contains("attention", kinds.Select(kind => kind.GetString()));
        using var mode = no_grad();
        var heads = attention.Heads(Input(1));
        var weights = (heads.matmul(heads.transpose(-2, -1)) / Math.Sqrt(4)).softmax(-1);
        // The first token asks; it is one of the 16 patches.
        var expected = feature_visualization.channel_grid(weights[0].select(1, 0).reshape(2, 4, 4));
        Assert.Equal(io.encode_png(expected), await other.Bytes($"/api/picture?kind=attention&node={hit}&input=0"));
    }

    /// <summary>16 patches of 16 × 16 pixels as tokens, which attend to each other with two heads.</summary>
    private sealed class AttentionNet : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Conv2d patches;

        internal AttentionNet() : base(nameof(AttentionNet))
        {
            manual_seed(2);
            patches = nn.Conv2d(3, 8, 16, 16);
            RegisterComponents();
        }

        internal Tensor Heads(Tensor x) => patches.call(x).flatten(2).transpose(1, 2).reshape(1, 16, 2, 4).transpose(1, 2);

        public override Tensor forward(Tensor x)
        {
            var heads = Heads(x);
            return nn.functional.scaled_dot_product_attention(heads, heads, heads).transpose(1, 2).reshape(1, 16, 8);
        }
    }

    [Theory]
    [InlineData("kind=channel&channel=16&node=block2&input=0", "There is no channel 16: there are 16, the first is 0.")]
    [InlineData("kind=norm&node=fc&input=0", "The value of 'fc' is no map of channels and places, so there is no such picture of it.")]
    [InlineData("kind=grad-cam&node=block1&class=10&input=0",
        "There is no class 10: the model returns [1, 10], so the classes are 0 to 9.")]
    [InlineData("kind=sketch&node=block1&input=0", "There is no picture 'sketch' of a node.")]
    [InlineData("kind=norm&input=0", "The request lacks 'node'.")]
    [InlineData("kind=norm&node=block3&input=0",
        "node: 'block3' is not in the graph. The nearest names are 'block1', 'block2', 'block1.bn'.")]
    [InlineData("kind=norm&node=block1&input=-1", "'input' must be a whole number from 0, not '-1'.")]
    public async Task What_there_is_no_picture_of_is_told(string query, string sentence)
    {
        using var response = await page.Client.GetAsync($"/api/picture?{query}", TestContext.Current.CancellationToken);
        Assert.Equal(sentence, await Page.Sentence(response, HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task Neighbours_come_by_the_cosine_of_means_over_places()
    {
        Tensor[] vectors = [.. Enumerable.Range(0, 4).Select(i => Features(i, "block2")["block2"][0].to(float64).mean([1, 2]))];
        var expected = new[] { 0, 2, 3 }.Select(i
            => (Id: i, Cosine: nn.functional.cosine_similarity(vectors[1], vectors[i], 0).item<double>()))
            .OrderByDescending(other => other.Cosine).ToArray();
        var found = (await page.Get("/api/neighbours?node=block2&input=1")).EnumerateArray().ToArray();
        Assert.Equal(expected.Select(other => other.Id), found.Select(other => other.GetProperty("id").GetInt32()));
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First.Cosine, pair.Second.GetProperty("cosine").GetDouble(), 1e-6));
    }

    [Fact]
    public async Task The_patch_that_excites_a_channel_lies_where_its_map_is_highest()
    {
        var patches = (await page.Get("/api/patches?node=block1&channel=2")).EnumerateArray().ToArray();
        Assert.Equal(4, patches.Length);
        var values = patches.Select(patch => patch.GetProperty("value").GetDouble()).ToArray();
        Assert.Equal(values.OrderDescending(), values);
        var id = patches[0].GetProperty("id").GetInt32();
        var map = Features(id, "block1")["block1"][0, 2];
        Assert.Equal(map.max().item<float>(), values[0], 1e-5);
        var place = map.argmax().item<long>();
        // 32 places over 64 pixels: the middle of the place is inside the box.
        var (x, y) = (2 * (place % 32) + 1, 2 * (place / 32) + 1);
        var box = patches[0].GetProperty("box").EnumerateArray().Select(number => number.GetInt64()).ToArray();
        Assert.True(x >= box[0] && x <= box[0] + box[2] && y >= box[1] && y <= box[1] + box[3], $"{x}, {y} in {string.Join(", ", box)}");
        var picture = io.decode_image(await page.Bytes($"/api/picture?kind=image&input={id}"));
        var shown = io.decode_image(Convert.FromBase64String(patches[0].GetProperty("picture").GetString()!.Split(',')[1]));
        Assert.True(picture.narrow(1, box[1], box[3]).narrow(2, box[0], box[2]).equal(shown).all().item<bool>());
    }

    [Fact]
    public async Task An_image_that_is_dropped_is_seen_like_one_that_is_given()
    {
        using var response = await page.Client.PostAsync("/api/upload?name=again.png",
            new ByteArrayContent(File.ReadAllBytes(Page.Photographs[1])), TestContext.Current.CancellationToken);
        var added = JsonSerializer.Deserialize<JsonElement>(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal((4, "again.png", true),
            (added.GetProperty("id").GetInt32(), added.GetProperty("name").GetString(), added.GetProperty("isImage").GetBoolean()));
        Assert.Equal(await page.Bytes("/api/picture?kind=channels&node=block2&input=1"),
            await page.Bytes("/api/picture?kind=channels&node=block2&input=4"));
    }
}
