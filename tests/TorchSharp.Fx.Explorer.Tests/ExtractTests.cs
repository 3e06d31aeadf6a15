using System.Diagnostics;
using System.IO.Compression;
using System.Net.Http.Json;
using System.Text.Json;
using TorchSharp.Fx.Cli.Tests;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers.Tests;

/// <summary>A running <c>torchfx explore</c>.</summary>
internal sealed class Exploring : IDisposable
{
    private readonly Process process;

    private Exploring(Process process, Uri address)
    {
        (this.process, Address) = (process, address);
        Client = new() { BaseAddress = new Uri(address.GetLeftPart(UriPartial.Authority)) };
        Client.DefaultRequestHeaders.Add("X-Torchfx-Token", address.Query["?token=".Length..]);
    }

    internal Uri Address { get; }

    internal HttpClient Client { get; }

    internal static async Task<Exploring> Start(params string[] args)
    {
        var process = Torchfx.Start(AppContext.BaseDirectory, ["explore", .. args, "--no-open"]);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var line = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        if (line is null)
            Assert.Fail(await error);
        return new(process, new Uri(line));
    }

    internal async Task<byte[]> Bytes(string path)
    {
        using var response = await Client.GetAsync(path, TestContext.Current.CancellationToken);
        var content = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, System.Text.Encoding.UTF8.GetString(content));
        return content;
    }

    internal async Task<JsonElement> Get(string path) => JsonSerializer.Deserialize<JsonElement>(await Bytes(path));

    public void Dispose()
    {
        Client.Dispose();
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
        process.Dispose();
    }
}

/// <summary>What the page downloads and what its code and its command write are the same.</summary>
public sealed class ExtractTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Nodes_of_an_image_are_the_bytes_that_extract_writes_and_the_code_computes()
    {
        string[] options = ["--seed", "3", "--size", "64"];
        using var explored = await Exploring.Start(["squeezenet1_1", Page.Photographs[1], .. options]);
        const string Nodes = "features.3.squeeze,features.12";
        var downloaded = await explored.Bytes($"/api/download?nodes={Nodes}&input=0");
        var arrays = await explored.Bytes($"/api/download?nodes={Nodes}&input=0&format=npy");
        var code = await explored.Get($"/api/code?nodes={Nodes}&input=0");
        var command = code.GetProperty("command").GetString()!.Split(' ');
        Assert.Equal(["torchfx", "extract", "squeezenet1_1", Page.Photographs[1], "--nodes", Nodes, "--seed", "3", "--size", "64",
            "--out", "features"], command);

        var run = Torchfx.Run([.. command[1..^1], folder["features"]]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(File.ReadAllBytes(run.Lines.Single()), downloaded);
        Assert.Equal(0, Torchfx.Run([.. command[1..^1], folder["arrays"], "--format", "npy"]).ExitCode);
        using var archive = new ZipArchive(new MemoryStream(arrays));
        Assert.Equal(["chelsea.features.3.squeeze.npy", "chelsea.features.12.npy"], archive.Entries.Select(entry => entry.Name));
        Assert.All(archive.Entries, entry =>
        {
            using var content = new MemoryStream();
            entry.Open().CopyTo(content);
            Assert.Equal(File.ReadAllBytes(folder["arrays", entry.Name]), content.ToArray());
        });
        AssertSame(folder["features", "chelsea.safetensors"], Script.Run(code.GetProperty("csharp").GetString()!, folder));
    }

    [Fact]
    public async Task A_text_model_takes_typed_numbers_and_files_and_gives_what_run_writes()
    {
        var (program, values) = (Unpacked("hf_bert.pt2"), Safetensors.load_file(Unpacked("hf_bert.safetensors")));
        var given = values.Where(entry => entry.Key.StartsWith("1.in.", StringComparison.Ordinal))
            .ToDictionary(entry => entry.Key["1.in.".Length..], entry => entry.Value);
        Safetensors.save_file(given, folder["tokens.safetensors"]);
        using var explored = await Exploring.Start(program, folder["tokens.safetensors"]);
        var model = await explored.Get("/api/model");
        Assert.False(model.GetProperty("inputs")[0].GetProperty("isImage").GetBoolean());
        var names = model.GetProperty("placeholders").EnumerateArray().Select(name => name.GetString()!).ToArray();
        var numbers = names.Select((name, i) => (name, given.GetValueOrDefault(name) ?? given[$"{i}"]))
            .ToDictionary(entry => entry.name, entry => string.Join(' ', entry.Item2.to(int64)[0].data<long>()));
        var typed = await explored.Client.PostAsJsonAsync("/api/numbers", numbers, TestContext.Current.CancellationToken);
        Assert.True(typed.IsSuccessStatusCode, await typed.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        var search = await explored.Get("/api/search?text=LayerNorm");
        var node = search.GetProperty("hits").EnumerateArray().Last(hit => hit.GetProperty("kind").GetString() == "call_module")
            .GetProperty("name").GetString()!;
        var shown = (await explored.Get($"/api/node?node={node}&input=0")).GetProperty("value");
        Assert.Equal(["matrix"], shown.GetProperty("kinds").EnumerateArray().Select(kind => kind.GetString()));
        Assert.StartsWith("\u0089PNG", string.Concat((await explored.Bytes($"/api/picture?kind=matrix&node={node}&input=1")).Take(4)
            .Select(each => (char)each)), StringComparison.Ordinal);

        var attends = (await explored.Get("/api/search?text=scaled_dot")).GetProperty("hits")[0].GetProperty("name").GetString();
        Assert.NotEmpty(await explored.Bytes($"/api/picture?kind=attention&node={attends}&input=0"));

        var downloaded = await explored.Bytes($"/api/download?nodes={node}&input=0");
        var code = await explored.Get($"/api/code?nodes={node}&input=0");
        File.WriteAllBytes(folder["inputs.safetensors"], await explored.Bytes("/api/inputs?input=0"));
        var command = code.GetProperty("command")
            .GetString()!.Replace("inputs.safetensors", folder["inputs.safetensors"], StringComparison.Ordinal).Split(' ');
        var run = Torchfx.Run([.. command[1..^1], folder["run.safetensors"]]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(File.ReadAllBytes(folder["run.safetensors"]), downloaded);
        AssertSame(folder["run.safetensors"], Script.Run(code.GetProperty("csharp").GetString()!, folder));
    }

    [Theory]
    [InlineData("There is no file or folder 'nowhere.png'.", 1, "resnet18", "nowhere.png")]
    [InlineData("There is no model named 'resnet19'. The nearest names are 'resnet18', 'resnet101', 'resnet152'; 'torchfx models' lists all.", 1, "resnet19")]
    public void What_cannot_be_explored_is_told(string sentence, int exitCode, params string[] args)
        => Torchfx.Run(["explore", .. args, "--no-open"]).AssertFailed(sentence, exitCode);

    /// <summary>Rounding apart: the tool runs with another number of threads.</summary>
    private static void AssertSame(string expected, string actual)
    {
        var (a, b) = (Safetensors.load_file(expected), Safetensors.load_file(actual));
        Assert.Equal(a.Keys.Order(), b.Keys.Order());
        Assert.All(a, entry => Assert.True(entry.Value.allclose(b[entry.Key], 1e-4, 1e-5), entry.Key));
    }

    private string Unpacked(string file)
    {
        using var packed = new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "programs", file + ".gz")),
            CompressionMode.Decompress);
        using var unpacked = File.Create(folder[file]);
        packed.CopyTo(unpacked);
        return folder[file];
    }
}
