using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>Maps of the trained network on photographs: the classes are the four photographs themselves, told apart by a linear layer on its
/// embedding.</summary>
public sealed class TrainedMapTests : IDisposable
{
    private const int Cat = 1;
    private const string LastMap = "ReLU393";

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly GraphModule<Tensor, Tensor> network = Trained("resnet18.onnx");
    private readonly GraphModule<Tensor, Tensor> preprocessing = Trained("resnet18-preprocessing.onnx");
    private readonly Tensor[] photos = [.. new[] { "astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg" }
        .Select(name => io.read_image(Golden.PathOf("images", name)))];

    public TrainedMapTests()
    {
        using var _ = no_grad();
        network.eval();
        var embeddings = cat([.. photos.Select(photo => network.call(Input(Square(photo, 224))).flatten(1))]);
        var head = nn.Linear(512, 4);
        head.weight.copy_(embeddings - embeddings.mean([0], keepdim: true));
        head.bias!.zero_();
        var graph = network.graph;
        network.add_submodule("head", head);
        using (graph.inserting_before(graph.output_node()))
        {
            var flat = graph.inline(embedding => embedding.flatten(1), graph.output_node().args[0]);
            graph.output_node().args = [graph.call_module("head", flat)];
        }
        network.recompile();
    }

    public void Dispose()
    {
        network.Dispose();
        preprocessing.Dispose();
        scope.Dispose();
    }

    /// <summary>The pointing game on a mosaic: Zhang et al. (2016), arXiv:1608.00507; Böhle et al. (2021), arXiv:2104.00032.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(1, 1)]
    public void The_cats_map_is_on_the_cat(int row, int column)
    {
        // The cat is in this quarter, the other photographs in the others.
        var others = new Queue<Tensor>(photos.Where((_, i) => i != Cat));
        Tensor Tile(int y, int x) => Square((y, x) == (row, column) ? photos[Cat] : others.Dequeue(), 112);
        var mosaic = cat([cat([Tile(0, 0), Tile(0, 1)], 2), cat([Tile(1, 0), Tile(1, 1)], 2)], 1);
        var input = Input(mosaic);
        foreach (var (name, map) in new[]
        {
            ("grad-cam", explain.grad_cam(network, input, LastMap, Cat)),
            ("grad-cam++", explain.grad_cam_plus_plus(network, input, LastMap, Cat)),
            ("layer-cam", explain.layer_cam(network, input, LastMap, Cat)),
        })
        {
            var whole = feature_visualization.scale_cam_image(map[0], 224, 224);
            var box = whole.narrow(0, 112 * row, 112).narrow(1, 112 * column, 112);
            var (share, peak) = ((box.sum() / whole.sum()).item<float>(), box.max().item<float>());
            Assert.True(share > 0.5 && peak > 0.95, $"{name}: {share:F2} of the map is on the cat, its highest value there is {peak:F2}.");
        }
    }

    private Tensor Input(Tensor pixels) => preprocessing.call(pixels.to(ScalarType.Float32).unsqueeze(0));

    private static Tensor Square(Tensor photo, long side) => transforms.center_crop(transforms.resize(photo, side), side);

    private static GraphModule<Tensor, Tensor> Trained(string file)
        => fx.load<GraphModule<Tensor, Tensor>>(Path.Combine(AppContext.BaseDirectory, "trained", file));
}
