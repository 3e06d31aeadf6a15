using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Features;

/// <summary>Ten random nodes of each model. Mirrors torchvision's test_build_fx_feature_extractor and test_forward_backward; deepcopy has no counterpart yet.</summary>
[Collection(nameof(OneAtATime))]
public sealed partial class BuildExtractorTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    public static TheoryData<string> All => Models.All;

    private const long MostParameters = 150_000_000;

    // The few giants (VGG is just below, ViT-H and RegNetY-128GF far above) would take gigabytes and minutes to do the same as their siblings.
    public static TheoryData<string> Trainable => [.. Models.Plain.Where(name => models.get_model_info(name).num_params <= MostParameters)];

    [Theory]
    [MemberData(nameof(All))]
    public void Any_nodes_can_be_asked_for_in_list_and_dictionary_form_for_both_modes_or_each(string name)
    {
        using var model = Models.Meta(name);
        var (train, eval) = RandomNodes(model);
        // What both modes have can be asked for at once.
        string[] both = [.. train.Intersect(feature_extraction.get_graph_node_names(model, suppress_diff_warning: true).eval_nodes)];
        AssertKeys(both, both, Models.Extractor(model, [.. both.Reverse()]));
        AssertKeys(Keys(both), Keys(both), Models.Extractor(model, Renamed(both)));
        AssertKeys(train, eval, Models.Extractor(model, train: [.. train.Reverse()], eval: [.. eval.Reverse()]));
        AssertKeys(Keys(train), Keys(eval), Models.Extractor(model, train: Renamed(train), eval: Renamed(eval)));

        static Dictionary<string, string> Renamed(string[] nodes) => nodes.ToDictionary(node => node, node => $"key of {node}");

        static string[] Keys(string[] nodes) => [.. nodes.Select(node => $"key of {node}")];
    }

    [Theory]
    [MemberData(nameof(Trainable))]
    public void Gradients_flow_back_from_any_nodes(string name)
    {
        using var model = models.get_model(name, num_classes: 10);
        model.train();
        var (train, eval) = RandomNodes(model);
        using var extractor = Models.Extractor(model, train: train, eval: eval);
        using var features = extractor.call(Models.SmallInput(name));
        Assert.Equal(train, features.Keys);
        Loss(features).backward();
        // The extractor also holds what only the other mode needs, and keeps what updates statistics though no feature needs it.
        var used = extractor.named_parameters().Where(item => Reaching(extractor.train_graph.output_node()).Any(node => item.name.StartsWith($"{node.target.name}.", StringComparison.Ordinal))).ToList();
        Assert.NotEmpty(used);
        Assert.All(used, item => Assert.True(item.parameter.grad?.isfinite().all().item<bool>() ?? false, $"{item.name} has no finite gradient."));
    }

    /// <summary>The nodes that a value is computed from, itself included.</summary>
    private static HashSet<Node> Reaching(Node node)
    {
        var (found, open) = (new HashSet<Node>(), new Stack<Node>([node]));
        while (open.TryPop(out var next))
            if (found.Add(next))
                foreach (var input in next.all_input_nodes)
                    open.Push(input);
        return found;
    }

    [Fact]
    public void Gradients_are_the_models_own_bit_for_bit()
    {
        using var model = models.resnet18(num_classes: 10);
        model.train();
        using var extractor = feature_extraction.create_feature_extractor(model, ["fc"]);
        var input = rand(2, 3, 64, 64);
        // Running statistics don't enter into training.
        model.call(input).sum().backward();
        var eager = model.named_parameters().ToDictionary(item => item.name, item => item.parameter.grad!.clone());
        model.zero_grad();
        extractor.call(input)["fc"].sum().backward();
        Assert.Equal(eager.Keys, extractor.named_parameters().Select(item => item.name));
        Assert.All(extractor.named_parameters(), item => Assert.True(item.parameter.grad!.bytes.SequenceEqual(eager[item.name].bytes), $"{item.name}'s gradient differs."));
    }

    private static Tensor Loss(Fx.Features features) => features.Values.Aggregate(zeros(1), (sum, value) => sum + value.mean());

    /// <summary>In the order of execution, which is the order of the result. The seed makes them the same in each run.</summary>
    private static (string[] Train, string[] Eval) RandomNodes(nn.Module model)
    {
        var random = new Random(0);
        var (train, eval) = feature_extraction.get_graph_node_names(model, suppress_diff_warning: true);
        return (Ten(train), Ten(eval));

        string[] Ten(IReadOnlyList<string> nodes)
        {
            // A vision transformer's 'ln_1' is a number of 'ln' and a module, and the module is what one gets by that name.
            var tensors = Enumerable.Range(1, nodes.Count - 1).Where(index => !NoTensor().IsMatch(nodes[index]) && !nodes[index].EndsWith(".ln_1", StringComparison.Ordinal)).ToArray();
            return [.. random.GetItems(tensors, 20).Distinct().Take(10).Order().Select(index => nodes[index])];
        }
    }

    // Nodes whose values are sizes or lists; torchvision's test leaves them out too.
    [GeneratedRegex(@"(^|\.)(getitem|floordiv|size|chunk|unbind|tensor_split|_unsqueeze|_compute_pad_size_3d|_get_window_and_shift_size|self_attention|mul|_assert|eq|dim|getattr)(_\d+)?$")]
    private static partial Regex NoTensor();

    private static void AssertKeys(string[] train, string[] eval, DualGraphModule<Tensor> extractor)
    {
        using var _ = extractor;
        Assert.Equal(train, Keys(extractor.train_graph));
        Assert.Equal(eval, Keys(extractor.eval_graph));

        static IEnumerable<string> Keys(Graph graph) => ((DictArgument)graph.output_node().args[0]).Entries.Select(entry => (string)((Literal)entry.Key).Value!);
    }
}
