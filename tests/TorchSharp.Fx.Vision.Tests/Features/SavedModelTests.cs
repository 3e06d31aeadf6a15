using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Features;

/// <summary>Extractors of the catalogue's models come back from a file: graphs of both modes, names, parameters and outputs, bit for bit.</summary>
/// <remarks>Five small ones; TORCHFX_ALL_MODELS takes all but the giants.</remarks>
[Collection(nameof(OneAtATime))]
public sealed class SavedModelTests : IDisposable
{
    private const long MostParameters = 150_000_000;

    // The functions that torchvision's models are nodes of; a file names them.
    private static readonly Type[] Functions = [.. typeof(models).Assembly.GetExportedTypes().Where(type => type is { IsAbstract: true, IsSealed: true } && type.GetCustomAttributes().Any(mark => mark.GetType().Name == "FxLeafAttribute"))];

    private readonly string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");

    public void Dispose() => File.Delete(file);

    public static TheoryData<string> Chosen => Environment.GetEnvironmentVariable("TORCHFX_ALL_MODELS") is null
        ? ["resnet18", "googlenet", "mobilenet_v3_small", "shufflenet_v2_x0_5", "swin_t"]
        : [.. Models.Plain.Where(name => models.get_model_info(name).num_params <= MostParameters)];

    [Theory]
    [MemberData(nameof(Chosen))]
    public void An_extractor_comes_back(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = models.get_model(name);
        var (train, eval) = feature_extraction.get_graph_node_names(model, suppress_diff_warning: true);
        using var extractor = Models.Extractor(model, train: [train[^1]], eval: [eval[^1]]);
        fx.save(extractor, file, Functions);
        using var loaded = fx.load<DualGraphModule<Tensor>>(file, Functions);
        Assert.Equal(extractor.train_graph.ToString(), loaded.train_graph.ToString());
        Assert.Equal(extractor.eval_graph.ToString(), loaded.eval_graph.ToString());
        Assert.Equal(extractor.state_dict().Keys.Order(), loaded.state_dict().Keys.Order());
        Assert.Equal((train[^1], eval[^1]), Last(feature_extraction.get_graph_node_names(loaded, suppress_diff_warning: true)));
        var input = Models.SmallInput(name);
        foreach (var training in new[] { true, false })
        {
            extractor.train(training);
            loaded.train(training);
            manual_seed(1);
            using var expected = extractor.call(input.clone());
            manual_seed(1);
            using var actual = loaded.call(input.clone());
            var key = expected.Keys.Single();
            Assert.True(Tensors(expected.value<object>(key)).Zip(Tensors(actual.value<object>(key))).All(pair => pair.First.bytes.SequenceEqual(pair.Second.bytes)), key);
        }
    }

    private static (string, string) Last((IReadOnlyList<string> Train, IReadOnlyList<string> Eval) names) => (names.Train[^1], names.Eval[^1]);

    private static Tensor[] Tensors(object value) => value is Tensor tensor ? [tensor] : [];
}
