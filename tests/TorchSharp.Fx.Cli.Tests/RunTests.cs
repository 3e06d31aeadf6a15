using System.IO.Compression;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>Models of any kind of file, on tensors of a file: PyTorch's own results are the referee.</summary>
public sealed class RunTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    /// <summary>A program that PyTorch exported, and a file with one set of its inputs; gives the results that PyTorch had.</summary>
    private (string Program, string Inputs, Dictionary<string, Tensor> Expected) Exported(string name)
    {
        var (program, values) = (Unpacked($"{name}.pt2"), Safetensors.load_file(Unpacked($"{name}.safetensors")));
        var inputs = folder[$"{name}.in.safetensors"];
        Safetensors.save_file(Part("1.in."), inputs);
        return (program, inputs, Part("1.out."));

        Dictionary<string, Tensor> Part(string prefix) => values.Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(entry => entry.Key[prefix.Length..], entry => entry.Value);
    }

    private string Unpacked(string file)
    {
        using var packed = new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "data", "programs", file + ".gz")), CompressionMode.Decompress);
        using var unpacked = File.Create(folder[file]);
        packed.CopyTo(unpacked);
        return folder[file];
    }

    [Theory, InlineData("hf_bert"), InlineData("nn_cond")]
    public void An_exported_program_gives_what_PyTorch_gave(string name)
    {
        var (program, inputs, expected) = Exported(name);
        var run = Torchfx.Run("run", program, "--inputs", inputs, "--out", folder["out.safetensors"]);
        Assert.True(run.ExitCode == 0, run.Error);
        var actual = Safetensors.load_file(run.Lines.Single());
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        Assert.All(expected, entry => Assert.True(entry.Value.allclose(actual[entry.Key], 1e-4, 1e-5), entry.Key));
    }

    [Fact]
    public void An_ONNX_file_runs_on_an_array_of_NumPys_and_is_cut_by_name()
    {
        var (file, array) = (folder["small.onnx"], folder["x.npy"]);
        Assert.Equal(0, Torchfx.Run("export", "squeezenet1_1", "--seed", "2", "--input", "1x3x64x64", "--out", file).ExitCode);
        Vision.Npy.save(array, rand(1, 3, 64, 64));
        // The export has the paths of the nodes.
        foreach (var model in new[] { new[] { file, "--nodes", "features.2=early" }, ["squeezenet1_1", "--seed", "2", "--nodes", "features.2=early"] })
        {
            var run = Torchfx.Run(["run", .. model, "--inputs", array, "--out", folder[$"{model.Length}.npy"]]);
            Assert.True(run.ExitCode == 0, run.Error);
        }
        var (onnx, eager) = (NpyFile.Read(folder["3.npy"]), NpyFile.Read(folder["5.npy"]));
        Assert.True(onnx.allclose(eager, 1e-4, 1e-5));
    }

    private static (Tensor, Dictionary<string, Tensor>) Nested(Tensor x, (Tensor First, Tensor[] Others) pair, Dictionary<string, Tensor> named, long count)
        => (x + pair.First + pair.Others[0] * pair.Others[1], new() { ["twice"] = named["a"] * 2, ["count"] = named["b"] * count });

    [Fact]
    public void What_is_inside_of_inputs_and_results_stands_after_dots()
    {
        var (saved, given) = (folder["nested.safetensors"], folder["given.safetensors"]);
        using (var traced = fx.symbolic_trace(Nested, example_inputs: [ones(2), (ones(2), new[] { ones(2), ones(2) }), new Dictionary<string, Tensor> { ["a"] = ones(2), ["b"] = ones(2) }, 3L]))
            fx.save(traced, saved);
        Safetensors.save_file(new Dictionary<string, Tensor>
        {
            ["x"] = tensor(1f), ["1.0"] = tensor(2f), ["1.1.0"] = tensor(3f), ["1.1.1"] = tensor(4f), ["named.a"] = tensor(5f), ["named.b"] = tensor(6f), ["count"] = tensor(7L),
        }, given);
        var run = Torchfx.Run("run", saved, "--inputs", given, "--out", folder["out.safetensors"]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal([("0", 15f), ("1.count", 42f), ("1.twice", 10f)], Safetensors.load_file(folder["out.safetensors"]).OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => (entry.Key, entry.Value.item<float>())));
    }

    [Fact]
    public void What_does_not_fit_is_told_in_a_sentence()
    {
        var (program, inputs, _) = Exported("nn_cond");
        var (wrong, none) = (folder["wrong.safetensors"], folder["none.safetensors"]);
        Safetensors.save_file(new Dictionary<string, Tensor> { ["0"] = ones(2, 4), ["mask"] = ones(2) }, wrong);
        Safetensors.save_file(new Dictionary<string, Tensor>(), none);
        var to = folder["out.safetensors"];
        Torchfx.Run("run", program, "--inputs", wrong, "--out", to).AssertFailed($"{wrong} has 'mask', which the model does not take. Its inputs are 'x' (0).");
        Torchfx.Run("run", program, "--inputs", none, "--out", to).AssertFailed($"{none} has no tensor for the input 'x': give it under that name or as '0'.");
        Torchfx.Run("run", program, "--inputs", inputs, "--out", folder["out.txt"]).AssertFailed($"--out must end with .safetensors or .npy, but it is '{folder["out.txt"]}'.", 2);
        Torchfx.Run("run", folder["no.pt2"], "--inputs", inputs, "--out", to).AssertFailed($"There is no file '{folder["no.pt2"]}'.");
        File.WriteAllText(folder["text.onnx"], "no model");
        Assert.NotEqual(0, Torchfx.Run("nodes", folder["text.onnx"]).ExitCode);
        Assert.False(File.Exists(to));
    }

    [Fact]
    public void A_file_of_a_model_has_nodes_a_graph_and_a_summary()
    {
        var (program, _, _) = Exported("nn_cond");
        Assert.Contains("x", Torchfx.Run("nodes", program, "--format", "json").Out, StringComparison.Ordinal);
        Assert.Contains("placeholder[target=x]", Torchfx.Run("graph", program).Out, StringComparison.Ordinal);
        Assert.Equal(0, Torchfx.Run("summary", program, "--input", "2x4").ExitCode);
    }
}
