using System.Text.Json;
using TestModels;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>Models of an assembly that knows nothing of this library.</summary>
[Collection(nameof(Alone))]
public sealed class UserAssemblyTests
{
    private const string Arguments = """{"widths": [4, 6], "stem": {"kernel": 5, "stride": 4, "activation": "Tanh"}}""";

    [Theory]
    [InlineData("TestModels.dll")]
    [InlineData("TestModels.NoSymbols.dll")]
    public void Constructor_arguments_come_from_json(string assembly)
    {
        var run = Torchfx.Run("nodes", $"{assembly}:TestModels.Encoder", "--args", Arguments, "--format", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        using var json = JsonDocument.Parse(run.Out);
        Assert.Equal(["x", "stem", "tanh", "layers.0", "layers.1", "mean"], json.RootElement.GetProperty("eval").EnumerateArray().Select(name => name.GetString()!));
    }

    [Fact]
    public void Features_are_those_of_the_model_itself()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        // A second TorchSharp, were it loaded, would make the encoder a stranger.
        foreach (var file in new[] { "TestModels.dll", "TorchSharp.dll" })
            File.Copy(Path.Combine(AppContext.BaseDirectory, file), folder[file]);
        var image = Golden.PathOf("images", "coffee.png");
        var run = Torchfx.Run("extract", $"{folder["TestModels.dll"]}:Encoder", image, "--args", Arguments, "--nodes", "mean", "--seed", "3", "--out", folder["out"]);
        Assert.True(run.ExitCode == 0, run.Error);

        torch.manual_seed(3);
        using var model = new Encoder([4, 6], new Stem(5, 4, Activation.Tanh));
        model.eval();
        using var preprocessing = new ImageClassification(crop_size: 224);
        var expected = model.call(preprocessing.call(io.read_image(image)).unsqueeze(0));
        Assert.True(torch.allclose(expected, Safetensors.load_file(run.Lines.Single())["mean"], rtol: 1e-4, atol: 1e-6));
    }

    [Fact]
    public void A_model_that_is_no_graph_is_recorded()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        string[] images = [Golden.PathOf("images", "astronaut.png"), Golden.PathOf("images", "rocket.jpg")];
        Assert.Contains("\ntorchfx: FX018: ", Torchfx.Run("extract", "TestModels.dll:Exposure", images[0], "--nodes", "mean_1", "--out", folder["out"]).Error);
        var run = Torchfx.Run(["extract", "TestModels.dll:Exposure", .. images, "--nodes", "bright,dark=low,mean_1", "--seed", "3", "--record", "--out", folder["out"]]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains("node: 'dark' did not come up in the run, and so is not among its features.", run.Error);

        torch.manual_seed(3);
        using var model = new Exposure();
        model.eval();
        using var preprocessing = new ImageClassification(crop_size: 224);
        foreach (var (image, file) in images.Zip(run.Lines))
        {
            var x = preprocessing.call(io.read_image(image)).unsqueeze(0);
            var features = Safetensors.load_file(file);
            Assert.Equal(x.mean().item<float>() > 0 ? ["bright", "mean_1"] : ["low", "mean_1"], features.Keys.Order());
            Assert.True(torch.allclose(model.call(x), features["mean_1"], rtol: 1e-4, atol: 1e-6));
        }
    }

    [Theory]
    [InlineData("embedding", "", "'embedding' is found in the model's graph, and --record runs without one: name nodes or modules.")]
    [InlineData("bright", "--optimised", "--optimised is for graphs, and --record runs without one: give one of the two.")]
    public void A_recording_has_nothing_that_takes_a_graph(string nodes, string option, string error)
        => Torchfx.Run([.. new[] { "extract", "TestModels.dll:Exposure", Golden.PathOf("images", "coffee.png"), "--nodes", nodes, "--record", "--out", "nowhere", option }.Where(word => word.Length > 0)])
            .AssertFailed(error, 2);

    [Fact]
    public void Untraceable_code_is_told_with_module_line_and_way_out()
    {
        const string What = "FX001: The program branches on 'size > 1', which depends on an input, so a graph of it would hold for some inputs only. It happens in the root module at ";
        const string Fix = ". Fix the value with concrete_args if it is an argument, compute with tensors (torch.where) instead, or make the method a leaf function (tracer_kwargs.autowrap_functions) or its module a leaf module (tracer_kwargs.leaf_modules).";
        Torchfx.Run("nodes", "TestModels.dll:TestModels.Branching").AssertFailed($"{What}Failing.cs:12{Fix}");
        var run = Torchfx.Run("nodes", "TestModels.NoSymbols.dll:TestModels.Branching");
        Assert.Matches(@"at Branching\.forward\+IL_[0-9a-f]{4}\. ", run.Error);
    }

    [Fact]
    public void A_model_that_does_not_run_names_its_node()
    {
        using var folder = new TemporaryFolder();
        var run = Torchfx.Run("extract", "TestModels.dll:Mismatched", Golden.PathOf("images", "coffee.png"), "--nodes", "linear", "--out", folder["out"]);
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.StartsWith("torchfx: Node 'linear' (module linear, Failing.cs:28) failed: mat1 and mat2 shapes cannot be multiplied", run.Error.TrimEnd('\n').Split('\n')[^1]);

        var number = Torchfx.Run("extract", "TestModels.dll:Mismatched", Golden.PathOf("images", "coffee.png"), "--nodes", "getitem", "--out", folder["out"]);
        Assert.EndsWith("\ntorchfx: The feature 'getitem' is a Int64, not a tensor, so it can't be written to a file.\n", number.Error);
    }

    [Theory]
    [InlineData("nowhere.dll:A", null, "There is no assembly 'nowhere.dll'.")]
    [InlineData("TestModels.dll:TestModels.Decoder", null, "'TestModels.dll' has no type 'TestModels.Decoder'; its modules are 'TestModels.Branching', 'TestModels.Broken', 'TestModels.Counting', 'TestModels.Encoder', 'TestModels.Endless', 'TestModels.Exposure', 'TestModels.Fickle', 'TestModels.Large.Outer.Net', 'TestModels.Large.Twin', 'TestModels.Ledger', 'TestModels.Mismatched', 'TestModels.Nested', 'TestModels.Small.Twin', 'TestModels.Spectrum'.")]
    [InlineData("TestModels.dll:TestModels.Recipe", null, "'TestModels.Recipe' of 'TestModels.dll' is not a module: it does not derive from torch.nn.Module.")]
    [InlineData("TestModels.dll:TestModels.Unfinished", null, "'TestModels.Unfinished' of 'TestModels.dll' can't be built: it is abstract; name a class that is not.")]
    [InlineData("TestModels.dll:TestModels.Broken", null, "The constructor of TestModels.Broken threw InvalidOperationException: The vocabulary is not there.")]
    [InlineData("TestModels.dll:TestModels.Encoder", null, "No arguments are not enough for TestModels.Encoder: it has the constructor (IReadOnlyList<long> widths, Stem stem, double dropout = 0.5). Give them with --args, a JSON object of arguments by name.")]
    [InlineData("TestModels.dll:TestModels.Encoder", """{"width": 3}""", "The arguments 'width' don't fit TestModels.Encoder: it has the constructor (IReadOnlyList<long> widths, Stem stem, double dropout = 0.5). Give them with --args, a JSON object of arguments by name.")]
    [InlineData("TestModels.dll:TestModels.Encoder", """{"widths": "many", "stem": {}}""", "The argument 'widths' can't be \"many\": the constructor takes a IReadOnlyList<long> there.")]
    public void What_is_wrong_with_an_assembly_a_type_or_its_arguments_is_one_sentence(string model, string? args, string sentence)
        => Torchfx.Run(args is null ? ["nodes", model] : ["nodes", model, "--args", args]).AssertFailed(sentence);

    [Fact]
    public void An_assembly_that_is_none_does_not_load()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["Text.dll"], "no assembly");
        Torchfx.Run("nodes", $"{folder["Text.dll"]}:A").AssertFailed($"'{folder["Text.dll"]}' does not load: it is not a .NET assembly, or it is damaged or built for another processor.");
    }

    [Theory]
    [InlineData("TestModels.dll", null, "'TestModels.dll' needs a type after it, as in TestModels.dll:Namespace.Type; its modules are 'TestModels.Branching', 'TestModels.Broken', 'TestModels.Counting', 'TestModels.Encoder', 'TestModels.Endless', 'TestModels.Exposure', 'TestModels.Fickle', 'TestModels.Large.Outer.Net', 'TestModels.Large.Twin', 'TestModels.Ledger', 'TestModels.Mismatched', 'TestModels.Nested', 'TestModels.Small.Twin', 'TestModels.Spectrum'.")]
    [InlineData("TestModels.dll:TestModels.Encoder", "[1]", null)]
    public void A_model_that_is_not_written_as_one_is_wrong_usage(string model, string? args, string? sentence)
    {
        var run = Torchfx.Run(args is null ? ["nodes", model] : ["nodes", model, "--args", args]);
        if (sentence is not null)
            run.AssertFailed(sentence, exitCode: 2);
        Assert.Equal(2, run.ExitCode);
        if (args is not null)
            Assert.StartsWith("torchfx: --args is not a JSON object of arguments by name, such as '{\"channels\": 3}': ", run.Error);
    }
}
