using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>Models that PyTorch's exporter wrote give here what they gave in PyTorch.</summary>
public sealed class PyTorchFileTests(PyTorchFiles files) : IClassFixture<PyTorchFiles>
{
    public static TheoryData<string> Names => PyTorchFiles.Names;

    [Theory, MemberData(nameof(Names))]
    public void A_model_gives_what_it_gave_in_PyTorch(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var module = onnx.load(files.Path(name));
        ((IGraphModule)module).graph.lint(module);
        foreach (var (inputs, expected) in files.Sets(name))
        {
            AssertClose(expected, Run(module, inputs), 1e-5, name);
            AssertClose(expected, (torch.Tensor)new GraphInterpreter((IGraphModule)module).run([.. inputs])!, 1e-5, name);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void It_gives_the_same_optimised_and_saved(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var module = onnx.load(files.Path(name));
        using var optimised = Optimised(module);
        var path = Path.Combine(files.Folder, name + ".fx");
        fx.save(module, path);
        using var loaded = fx.load(path);
        foreach (var (inputs, expected) in files.Sets(name))
        {
            AssertClose(expected, Run(optimised, inputs), 1e-4, name + " optimised");
            AssertClose(expected, Run(loaded, inputs), 1e-5, name + " saved");
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void It_gives_the_same_exported_again(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var module = onnx.load(files.Path(name));
        using var exported = new OnnxModel();
        var sets = files.Sets(name).ToArray();
        onnx.export(module, exported.Path, [.. sets[0].Inputs],
            dynamic_axes: ((IGraphModule)module).graph.find_nodes(Opcode.placeholder).ToDictionary(node => node.name, _ =>
            (IReadOnlyDictionary<int, string>)new Dictionary<int, string> { [0] = "N" }));
        var (inputs, expected) = sets[0];
        AssertClose(expected, exported.Run(inputs).Values.Single(), 1e-4, name);
    }

    [Theory, InlineData("tv_densenet", "features.denseblock1", "features.transition1.norm.weight", 0),
        InlineData("tv_mobilenet_v2", "features.3", "features.4.conv.0.0.weight", 1),
     InlineData("tv_efficientnet", "features.2.0.block.1", "features.2.0.block.3.0.weight", 1)]
    public void A_feature_is_found_by_the_name_of_its_module_in_PyTorch(string name, string module, string next, int channels)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = onnx.load(files.Path(name));
        using var extractor = feature_extraction.create_feature_extractor(model, [module]);
        using var features = extractor.call(files.Sets(name).First().Inputs[0]);
        Assert.Equal(4, features[module].dim());
        Assert.Equal(model.state_dict()[next].shape[channels], features[module].shape[1]);
    }

    [Theory, InlineData("tv_densenet"), InlineData("tv_swin")]
    public void Its_weights_are_its_own_and_go_with_it(string name)
    {
        using var scope = NewDisposeScope();
        var module = onnx.load(files.Path(name));
        torch.Tensor[] weights = [.. module.parameters(), .. module.buffers()];
        Assert.Equal(0, scope.DisposablesCount);
        Assert.All(weights, weight => Assert.False(weight.IsInvalid));
        module.Dispose();
        Assert.All(weights, weight => Assert.True(weight.IsInvalid));
    }

    /// <summary>
    /// What torchvision names in the live model can be asked for in the file, but for what PyTorch's exporter leaves out: batch norms go
    /// into convolutions, dropouts are nothing, sizes are computed
    /// beforehand, and one operation is sometimes written as others.
    /// </summary>
    [Theory, InlineData("tv_densenet", 11), InlineData("tv_mobilenet_v2", 18), InlineData("tv_efficientnet", 4),
        InlineData("tv_shufflenet", 44),
     InlineData("tv_convnext", 14), InlineData("tv_vit", 27), InlineData("tv_swin", 35)]
    public void Names_are_those_of_the_live_model(string name, int missing)
    {
        using var scope = NewDisposeScope();
        using var json = System.Text.Json.JsonDocument.Parse(File.ReadAllText(Path.Combine(files.Folder, "node_names.json")));
        string[] live = [.. json.RootElement.GetProperty(name).EnumerateArray().Skip(1).Select(item => item.GetString()!)];
        using var model = onnx.load(files.Path(name));
        var own = feature_extraction.get_graph_node_names(model).eval_nodes;
        string[] absent = [.. live.Where(one => !own.Any(known => known == one || known.StartsWith(one + ".", StringComparison.Ordinal)))];
        Assert.True(absent.Length == missing, $"{absent.Length} of {live.Length}: {string.Join(' ', absent)}");
    }

    private static nn.Module Optimised(nn.Module module) => module switch
    {
        GraphModule<torch.Tensor, torch.Tensor> one => one.optimize_for_inference(),
        GraphModule<torch.Tensor, torch.Tensor, torch.Tensor> two => two.optimize_for_inference(),
        _ => ((GraphModule)module).optimize_for_inference(),
    };

    internal static torch.Tensor Run(nn.Module module, torch.Tensor[] inputs) => (module, inputs) switch
    {
        (nn.Module<torch.Tensor, torch.Tensor> one, [var x]) => one.call(x),
        (nn.Module<torch.Tensor, torch.Tensor, torch.Tensor> two, [var x, var y]) => two.call(x, y),
        _ => (torch.Tensor)((GraphModule)module).call([.. inputs])!,
    };

    internal static void AssertClose(torch.Tensor expected, torch.Tensor actual, double tolerance, string what)
    {
        Assert.Equal((what, string.Join('x', expected.shape)), (what, string.Join('x', actual.shape)));
        var difference = (expected - actual).abs().max().item<float>() / Math.Max(expected.std().item<float>(), 1e-6f);
        Assert.True(difference <= tolerance, $"{what}: the difference is {difference} of the standard deviation");
    }
}
