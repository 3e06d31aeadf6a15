using System.IO.Compression;
using Microsoft.Playwright;
using TorchSharp.Fx.Cli.Tests;

namespace TorchSharp.Fx.Explorers.Tests;

/// <summary>The page in a browser. TORCHFX_WRITE_SCREENSHOTS=folder writes the pictures of README and docs.</summary>
public sealed class BrowserTests : IAsyncLifetime
{
    private const string NoBrowser = "Chromium is not installed: 'apt-get install chromium' on Debian.";

    private static readonly string[] Places =
        ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            @"C:\Program Files\Google\Chrome\Application\chrome.exe"];

    private readonly TemporaryFolder folder = new();
    private readonly List<string> faults = [];
    private readonly List<string> asked = [];
    private IPlaywright? playwright;
    private IBrowser? browser;
    private IPage page = null!;

    public static bool HasBrowser => Chromium is not null;

    private static string? Chromium => Array.Find(Places, File.Exists);

    public async ValueTask InitializeAsync()
    {
        if (Chromium is null)
            return;
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Chromium,
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync"],
        });
        page = await browser.NewPageAsync(new() { ViewportSize = new() { Width = 1280, Height = 800 }, ColorScheme = ColorScheme.Light });
        page.SetDefaultTimeout(120_000);
        Assertions.SetDefaultExpectTimeout(120_000);
        page.PageError += (_, error) => faults.Add(error);
        page.Console += (_, message) => { if (message.Type == "error") faults.Add(message.Text); };
        page.Request += (_, request) => asked.Add(request.Url);
    }

    public async ValueTask DisposeAsync()
    {
        if (browser is not null)
            await browser.DisposeAsync();
        playwright?.Dispose();
        folder.Dispose();
    }

    [Fact(Skip = NoBrowser, SkipUnless = nameof(HasBrowser))]
    public async Task A_photograph_goes_through_resnet18()
    {
        string[] options = ["--size", "112"];
        using var explored = await Exploring.Start(["resnet18", .. options]);
        await Open(explored);
        await Assertions.Expect(page.Locator("#name")).ToHaveTextAsync("resnet18");

        await page.Mouse.DblClickAsync(await X("layer1"), await Y("layer1"));
        await Until("explorer.graph.has('layer1.0')");
        await Drop(Page.Photographs[1]);
        await Assertions.Expect(page.Locator("#inputs .input")).ToHaveCountAsync(1);

        await page.Keyboard.PressAsync("/");
        await page.Locator("#search").FillAsync("layer*.?.conv2");
        await Assertions.Expect(page.Locator("#hits li")).ToHaveCountAsync(8);
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("#panel h2")).ToHaveTextAsync("layer1.0.conv2");
        await Assertions.Expect(page.Locator("#fact-shape")).ToHaveTextAsync("[1, 64, 28, 28]");

        await page.Mouse.ClickAsync(await X("layer1.0.bn1"), await Y("layer1.0.bn1"));
        await Assertions.Expect(page.Locator("#panel h2")).ToHaveTextAsync("layer1.0.bn1");
        await Until("document.querySelector('#picture')?.naturalWidth > 0");
        var shown = await page.EvaluateAsync<int[]>("async () => [...new Uint8Array(await (await fetch(document.querySelector('#picture').src)).arrayBuffer())]");
        Assert.Equal(await explored.Bytes("/api/picture?kind=channels&node=layer1.0.bn1&input=0"), shown.Select(each => (byte)each));
        await page.Locator("#panel [data-kind=norm]").ClickAsync();
        await Until("document.querySelector('#picture').alt === 'norm of layer1.0.bn1'");
        await Screenshot("explorer");

        await page.Locator("#canvas").FocusAsync();
        await page.Keyboard.PressAsync("c");
        await Assertions.Expect(page.Locator(".chip")).ToHaveTextAsync("layer1.0.bn1×");
        await AssertExtracts(options);
        await AssertUsable();
    }

    /// <summary>The file, the code and the command of the chosen node give the same.</summary>
    private async Task AssertExtracts(string[] options)
    {
        var download = await page.RunAndWaitForDownloadAsync(() => page.Locator("#save-safetensors").ClickAsync());
        await download.SaveAsAsync(folder["page.safetensors"]);
        Assert.Equal("chelsea.safetensors", download.SuggestedFilename);
        // The page knows a dropped file by its name alone.
        var image = Path.Combine(AppContext.BaseDirectory, "chelsea.png");
        File.Copy(Page.Photographs[1], image, overwrite: true);
        await page.Locator("#show-command").ClickAsync();
        await Assertions.Expect(page.Locator("#code")).ToContainTextAsync("torchfx extract resnet18 chelsea.png");
        var command = (await page.Locator("#code").TextContentAsync())!.Split(' ');
        var run = Torchfx.Run([.. command[1..^1], folder["out"]]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(File.ReadAllBytes(run.Lines.Single()), File.ReadAllBytes(folder["page.safetensors"]));

        await page.Locator("#show-csharp").ClickAsync();
        await Assertions.Expect(page.Locator("#code")).ToContainTextAsync("create_feature_extractor");
        var code = (await page.Locator("#code").TextContentAsync())!.Replace("\"chelsea.png\"", $"@\"{image}\"", StringComparison.Ordinal);
        using var scope = torch.NewDisposeScope();
        var (computed, downloaded) = (Safetensors.load_file(Script.Run(code, folder)), Safetensors.load_file(folder["page.safetensors"]));
        Assert.True(computed["layer1.0.bn1"].allclose(downloaded["layer1.0.bn1"], 1e-4, 1e-5));
    }

    [Fact(Skip = NoBrowser, SkipUnless = nameof(HasBrowser))]
    public async Task A_text_goes_through_a_transformer()
    {
        using (var packed = new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "programs", "hf_bert.pt2.gz")),
            CompressionMode.Decompress))
        using (var unpacked = File.Create(folder["bert.pt2"]))
            packed.CopyTo(unpacked);
        using var explored = await Exploring.Start(folder["bert.pt2"]);
        await Open(explored);
        await page.Locator("#inputs [name=input_ids]").FillAsync("5 3 7 1 2 9");
        await page.Locator("#inputs [name=attention_mask]").FillAsync("1 1 1 1 1 1");
        await page.Locator("#run").ClickAsync();
        await Assertions.Expect(page.Locator("#inputs .input")).ToHaveCountAsync(1);

        await page.Locator("#search").FillAsync("LayerNorm");
        await Assertions.Expect(page.Locator("#hits li").First).ToContainTextAsync("LayerNorm");
        await page.Locator("#hits li").Last.ClickAsync();
        await Until("document.querySelector('#picture')?.naturalWidth > 0");
        await Assertions.Expect(page.Locator("#panel [data-kind]")).ToHaveTextAsync(["value"]);
        await Screenshot("explorer-text");
        await AssertUsable();
    }

    [Fact(Skip = NoBrowser, SkipUnless = nameof(HasBrowser))]
    public async Task What_is_refused_is_told_on_the_page()
    {
        using var model = new SmallNet();
        await using var explorer = await Page.Of(model);
        await page.GotoAsync(explorer.Address.ToString());
        await Until("explorer.graph.data.boxes.length > 0");
        File.WriteAllText(folder["notes.png"], "no image");
        await Drop(folder["notes.png"]);
        await Assertions.Expect(page.Locator("#message"))
            .ToHaveTextAsync("notes.png is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged.");
        await page.Locator("#form").SelectOptionAsync("quantised");
        await Assertions.Expect(page.Locator("#message"))
            .ToHaveTextAsync("A quantised copy takes its scales from typical images: drop some on the page first.");
        await Assertions.Expect(page.Locator("#form")).ToHaveValueAsync("plain");
        await Drop(Page.Photographs[0]);
        await page.Locator("#form").SelectOptionAsync("optimised");
        await page.Locator("#unfold").ClickAsync();
        await Until("explorer.graph.data.boxes.length > 4 && !explorer.graph.has('block1.bn')");

        await page.Locator("#form").SelectOptionAsync("plain");
        await page.Locator("#beside").SelectOptionAsync("eval.optimised");
        await Until("explorer.second.data.boxes.length > 0");
        await page.Locator("#unfold").ClickAsync();
        await Until("explorer.graph.has('block1.bn') && explorer.second.has('block1.relu') && !explorer.second.has('block1.bn')");
        await page.EvaluateAsync("explorer.select('block1.relu')");
        await page.Mouse.ClickAsync(await page.EvaluateAsync<float>("explorer.second.place('block1.relu').x"),
            await page.EvaluateAsync<float>("explorer.second.place('block1.relu').y"));
        // There it is no ReLU: the convolution that it was folded into computes it.
        await Assertions.Expect(page.Locator("#panel h2 + div")).ToHaveTextAsync("call_module");
        await page.Locator("#choose").ClickAsync();
        await Assertions.Expect(page.Locator("#code")).ToContainTextAsync("traced.optimize_for_inference()");
        await Screenshot("explorer-beside");
    }

    /// <summary>Panning moves a picture that was drawn before; it has to show what drawing anew would, but for the rounding of edges.</summary>
    [Fact(Skip = NoBrowser, SkipUnless = nameof(HasBrowser))]
    public async Task A_graph_that_was_moved_looks_like_one_drawn_there()
    {
        using var model = new SmallNet();
        await using var explorer = await Page.Of(model);
        await page.GotoAsync(explorer.Address.ToString());
        await Until("explorer.graph.data.boxes.length > 0 && document.querySelector('#inputs').childElementCount > 0");
        await page.Locator("#unfold").ClickAsync();
        await Until("explorer.graph.has('block1.bn')");
        var drawn = await page.EvaluateAsync<int[]>("""
            async () => {
              const graph = explorer.graph, canvas = document.querySelector('#canvas'), context = canvas.getContext('2d');
              graph.selected = 'block1';
              graph.chosen.add('fc');
              const painted = async () => {
                const before = graph.frames;
                while (graph.frames === before) await new Promise(requestAnimationFrame);
                return context.getImageData(0, 0, canvas.width, canvas.height).data;
              };
              let different = 0, seen = 0;
              for (const look of [() => graph.fit(), () => graph.zoom(0.2), () => graph.zoom(8)]) {
                look();
                // The last of them leads out of the picture that is moved.
                for (const [dx, dy] of [[30, -20], [-70.3, 11.7], [5, 200], [-500, 400]]) {
                  graph.pan(dx, dy);
                  const moved = await painted();
                  graph.draw();
                  const anew = await painted();
                  different += moved.filter((part, i) => Math.abs(part - anew[i]) > 40).length;
                  seen += anew.filter(part => part < 255).length;
                }
              }
              return [different, seen];
            }
            """);
        Assert.InRange(drawn[1], 10_000, int.MaxValue);
        Assert.InRange(drawn[0], 0, drawn[1] / 10_000);
    }

    private async Task Open(Exploring explored)
    {
        await page.GotoAsync(explored.Address.ToString());
        await Until("explorer.graph.data.boxes.length > 0 && document.querySelector('#inputs').childElementCount > 0");
        // The token is gone from the address.
        Assert.Equal(explored.Client.BaseAddress!.ToString(), page.Url);
    }

    private async Task Until(string condition) => await page.WaitForFunctionAsync($"() => {condition}");

    private async Task<float> X(string name) => await page.EvaluateAsync<float>("name => explorer.graph.place(name).x", name);

    private async Task<float> Y(string name) => await page.EvaluateAsync<float>("name => explorer.graph.place(name).y", name);

    private async Task Drop(string path)
    {
        var transfer = await page.EvaluateHandleAsync("""
            ([name, content]) => {
              const transfer = new DataTransfer();
              transfer.items.add(new File([Uint8Array.from(atob(content), letter => letter.charCodeAt(0))], name));
              return transfer;
            }
            """, new[] { Path.GetFileName(path), Convert.ToBase64String(File.ReadAllBytes(path)) });
        await page.Locator("#graph").DispatchEventAsync("drop", new { dataTransfer = transfer });
    }

    /// <summary>Nothing went wrong, nobody else was asked, it fits into 1,000 pixels, and it is dark where that is wanted.</summary>
    private async Task AssertUsable()
    {
        await page.SetViewportSizeAsync(1000, 700);
        Assert.InRange(await page.EvaluateAsync<int>("document.documentElement.scrollWidth"), 1, 1000);
        foreach (var part in new[] { "#search", "#form", "#fit", "#panel", "#minimap" })
        {
            var box = await page.Locator(part).BoundingBoxAsync();
            Assert.True(box is not null && box.X >= 0 && box.X + box.Width <= 1000 && box.Width > 20, part);
        }
        await page.Locator("#theme").ClickAsync();
        Assert.Equal("rgb(18, 22, 28)", await page.EvaluateAsync<string>("getComputedStyle(document.body).backgroundColor"));
        await Screenshot("explorer-dark");
        Assert.Empty(faults);
        var own = new Uri(page.Url).GetLeftPart(UriPartial.Authority);
        Assert.All(asked, address => Assert.True(address.StartsWith(own, StringComparison.Ordinal)
            || address.StartsWith($"blob:{own}", StringComparison.Ordinal) || address.StartsWith("data:", StringComparison.Ordinal),
            address));
    }

    private async Task Screenshot(string name)
    {
        if (Environment.GetEnvironmentVariable("TORCHFX_WRITE_SCREENSHOTS") is { Length: > 0 } target)
            await page.ScreenshotAsync(new() { Path = Path.Combine(target, $"{name}.png") });
    }
}
