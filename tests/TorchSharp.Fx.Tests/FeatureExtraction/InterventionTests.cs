using TorchSharp.Modules;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>Edits of values between layers. The truth is computed by calling the layers one by one.</summary>
public sealed class InterventionTests : IDisposable
{
    private sealed class Network : Module<Tensor, Tensor>
    {
        public readonly Conv2d conv1 = Conv2d(2, 4, 3, padding: 1);
        public readonly BatchNorm2d bn1 = BatchNorm2d(4);
        public readonly ReLU relu = ReLU(inplace: true);
        public readonly Conv2d conv2 = Conv2d(4, 4, 3, padding: 1);
        public readonly Linear fc = Linear(4, 3);

        public Network() : base(nameof(Network))
        {
            RegisterComponents();
            bn1.running_mean!.uniform_(-1, 1);
            bn1.running_var!.uniform_(0.5, 2);
            // At least one channel is above zero, whatever is drawn: an edit of the input would change nothing otherwise.
            bn1.bias!.detach().copy_(arange(4) * 2);
            eval();
        }

        public override Tensor forward(Tensor x) => Head(Stem(x));

        public Tensor Stem(Tensor x) => relu.call(bn1.call(conv1.call(x)));

        public Tensor Head(Tensor x) => fc.call((conv2.call(x) + x).relu().mean([2, 3]));
    }

    private readonly Network model = new();
    private readonly Tensor x = rand(2, 2, 5, 5);

    public void Dispose() => model.Dispose();

    private DualGraphModule<Tensor> Extractor(params ReturnNode[] nodes) => feature_extraction.create_feature_extractor(model, [.. nodes]);

    [Fact]
    public void What_reads_a_node_reads_the_edited_value()
    {
        using var extractor = Extractor("relu", "fc");
        using var edited = extractor.intervene(new() { ["relu"] = value => value * 0 });
        using var features = edited.call(x);
        Assert.True(features["relu"].eq(0).all().item<bool>());
        Traced.Same(model.Head(zeros(2, 4, 5, 5)), features["fc"]);
        Traced.Same(model.call(x), extractor.call(x)["fc"]);
    }

    [Fact]
    public void The_usual_edits()
    {
        using var extractor = Extractor("relu", "fc");
        var stem = model.Stem(x);
        var (steering, mean) = (rand(4, 1, 1), stem.mean([0], keepdim: true));
        Check(model.Head(stem * 0.5), interventions.scale(0.5));
        Check(model.Head(stem + steering), interventions.add(steering));
        Check(model.Head(mean.expand(2, 4, 5, 5)), interventions.replace(mean));
        Check(model.Head(stem * tensor([1f, 0, 1, 0]).reshape(1, 4, 1, 1)), interventions.ablate_channels([1, 3]));
        Check(model.Head(cat([stem[..1], zeros(1, 4, 5, 5)])), interventions.replace(zeros(1), 1));

        void Check(Tensor expected, Func<Tensor, Tensor> edit)
        {
            using var edited = extractor.intervene(new() { ["relu"] = edit });
            for (var call = 0; call < 2; call++)
                Assert.True(edited.call(x)["fc"].allclose(expected, atol: 1e-6));
        }
    }

    [Fact]
    public void Values_of_another_run_make_the_rest_of_it()
    {
        using var extractor = Extractor("relu", "fc");
        var other = rand(2, 2, 5, 5);
        using var clean = extractor.call(other);
        using var patched = extractor.intervene(new() { ["relu"] = interventions.patch_from(clean)["relu"] });
        Traced.Same(clean["fc"], patched.call(x)["fc"]);
        using var one = extractor.intervene(new() { ["relu"] = interventions.patch_from(clean, TensorIndex.Ellipsis, 2, 3)["relu"] });
        var expected = model.Stem(x).clone();
        expected[TensorIndex.Ellipsis, 2, 3] = clean["relu"][TensorIndex.Ellipsis, 2, 3];
        Traced.Same(model.Head(expected), one.call(x)["fc"]);
    }

    [Theory]
    [InlineData("conv1")]
    [InlineData("bn1")]
    [InlineData("relu")]
    [InlineData("conv2")]
    [InlineData("x")]
    public void An_edited_node_is_not_fused_away(string name)
    {
        using var plain = Extractor(name);
        using var extractor = Extractor("fc");
        var seen = new List<Tensor>();
        using var edited = extractor.intervene(new()
        {
            [name] = value =>
            {
                seen.Add(value.detach().clone().DetachFromDisposeScope());
                return value * -0.5;
            },
        });
        using var fast = edited.optimize_for_inference();
        using var _ = no_grad();
        var (slow, optimised) = (edited.call(x)["fc"], fast.call(x)["fc"]);
        Assert.True(optimised.allclose(slow, atol: 1e-4));
        Assert.False(slow.allclose(extractor.call(x)["fc"], atol: 1e-4));
        Assert.Equal(2, seen.Count);
        Assert.All(seen, value => Assert.True(value.allclose(plain.call(x)[name], atol: 1e-4)));
        Traced.Same(slow, new GraphInterpreter(edited).run(x) is Dictionary<string, object> features ? features["fc"] : null);
    }

    [Fact]
    public void An_optimised_copy_is_edited_where_a_value_is_still_there()
    {
        using var fast = Extractor("fc").optimize_for_inference();
        using var _ = no_grad();
        var expected = model.Head(model.Stem(x) * 2);
        using (var edited = fast.intervene(new() { ["relu"] = value => value * 2 }))
            Assert.True(edited.call(x)["fc"].allclose(expected, atol: 1e-4));
        // The copy has gone, and the optimised module still has its own.
        Assert.True(fast.call(x)["fc"].allclose(model.call(x), atol: 1e-4));
        Assert.StartsWith("node: 'conv1' is not in the graph, so its value can't be edited.",
            Assert.Throws<ArgumentException>(() => fast.intervene(new() { ["conv1"] = value => value })).Message);
    }

    [Fact]
    public void Gradients_flow_through_an_edit()
    {
        using var extractor = Extractor("fc");
        var factor = tensor(3.0f, requires_grad: true);
        using var edited = extractor.intervene(new() { ["relu"] = value => value * factor });
        var (input, own) = (x.clone().requires_grad_(), x.clone().requires_grad_());
        var gradients = autograd.grad([edited.call(input)["fc"].sum()], [input, factor]);
        var same = tensor(3.0f, requires_grad: true);
        var expected = autograd.grad([model.Head(model.Stem(own) * same).sum()], [own, same]);
        Assert.True(gradients[0].allclose(expected[0]));
        Assert.True(gradients[1].allclose(expected[1]));
    }

    /// <summary>As a copy and in the graph itself: values and gradients as calculated by masks, and an optimised copy's values.</summary>
    [Theory]
    [InlineData("ablate", false)]
    [InlineData("ablate", true)]
    [InlineData("patch", false)]
    [InlineData("patch", true)]
    public void Channels_that_are_ablated_and_places_that_are_patched_have_gradients(string kind, bool inGraph)
    {
        using var extractor = Extractor("relu");
        // Patched are values; without this, gradients would also go into the other run.
        using var other = Inference(() => extractor.call(rand(2, 2, 5, 5)));
        var (edit, kept, put) = kind == "ablate"
            ? (interventions.ablate_channels([1, 3]), tensor([1f, 0, 1, 0]).reshape(1, 4, 1, 1), zeros(1))
            : (interventions.patch_from(other, TensorIndex.Ellipsis, 2, 3)["relu"], ones(5, 5).index_put_(tensor(0f), tensor(2L), tensor(3L)), other["relu"]);
        using var traced = new GraphModule<Tensor, Tensor>(model, new NodePathTracer().trace(model));
        if (inGraph)
        {
            traced.graph.insert_intervention("relu", edit);
            traced.recompile();
        }
        using var edited = inGraph ? traced.clone(share_parameters: true) : traced.intervene(new() { ["relu"] = edit });
        var (input, own) = (x.clone().requires_grad_(), x.clone().requires_grad_());
        var (found, expected) = (edited.call(input), model.Head(model.Stem(own) * kept + put * (1 - kept)));
        Assert.True(found.allclose(expected, atol: 1e-6));
        var parameters = new[] { model.conv1.weight, model.fc.weight };
        foreach (var (one, two) in autograd.grad([found.sum()], [input, .. parameters]).Zip(autograd.grad([expected.sum()], [own, .. parameters])))
            Assert.True(one.allclose(two, atol: 1e-5));
        using var fast = edited.optimize_for_inference();
        Assert.True(Inference(() => fast.call(x)).allclose(expected, atol: 1e-4));

        static T Inference<T>(Func<T> run)
        {
            using var _ = no_grad();
            return run();
        }
    }

    [Fact]
    public void What_an_edit_returns_of_its_own_is_neither_disposed_nor_written_to()
    {
        using var extractor = Extractor("fc");
        var own = -rand(2, 4, 5, 5);
        var before = own.clone();
        // The activation after it works in place.
        using var edited = extractor.intervene(new() { ["bn1"] = _ => own });
        for (var call = 0; call < 3; call++)
            Traced.Same(model.Head(before.relu()), edited.call(x)["fc"]);
        Traced.Same(before, own);
    }

    private sealed class DropsResult() : Module<Tensor, Tensor>(nameof(DropsResult))
    {
        public override Tensor forward(Tensor x)
        {
            var y = x - 0.5;
            y.relu_();
            return y + 1;
        }
    }

    [Fact]
    public void An_in_place_operation_is_edited_though_the_program_goes_on_with_what_it_wrote_to()
    {
        using var extractor = feature_extraction.create_feature_extractor(new DropsResult(), ["add"]);
        using var edited = extractor.intervene(new() { ["relu_"] = value => value * 10 });
        Traced.Same((x - 0.5).relu() * 10 + 1, edited.call(x)["add"]);
    }

    [Fact]
    public void A_graph_is_edited_by_name_and_names_the_edited_value()
    {
        using var traced = new GraphModule<Tensor, Tensor>(model, new NodePathTracer().trace(model));
        var node = traced.graph.insert_intervention("relu", value => value + 1);
        traced.recompile();
        Assert.Equal("relu_intervention", node.name);
        Assert.Same(node, traced.graph.find_node("relu"));
        Traced.Same(model.Head(model.Stem(x) + 1), traced.call(x));
        // A second edit comes after the first.
        traced.graph.insert_intervention("relu", value => value * 2);
        traced.recompile();
        Traced.Same(model.Head((model.Stem(x) + 1) * 2), traced.call(x));
        using var extractor = feature_extraction.create_feature_extractor(traced, ["relu"]);
        Traced.Same((model.Stem(x) + 1) * 2, extractor.call(x)["relu"]);
    }

    [Fact]
    public void A_node_of_one_mode_is_edited_in_that_mode()
    {
        var modal = Sequential(Linear(2, 2), Dropout(0.5));
        using var extractor = feature_extraction.create_feature_extractor(modal, train_return_nodes: ["0"], eval_return_nodes: ["1"],
            suppress_diff_warning: true);
        using var edited = extractor.intervene(new() { ["1"] = value => value * 0 });
        var input = rand(2, 2);
        edited.eval();
        Assert.True(edited.call(input)["1"].eq(0).all().item<bool>());
        edited.train();
        Assert.False(edited.call(input)["0"].eq(0).any().item<bool>());
    }

    [Fact]
    public void Refusals()
    {
        using var extractor = Extractor("relu");
        Assert.Equal("No edit is given: name at least one node, as in new() { [\"layer3\"] = value => value * 0 }. (Parameter 'edits')",
            Assert.Throws<ArgumentException>(() => extractor.intervene([])).Message);
        Assert.Equal(
            "node: 'fc' is not in the graph, so its value can't be edited. The nearest names are 'x', 'bn1', 'relu'. "
            + "A feature extractor has the nodes that it needs for what it returns; an optimised copy has none that was fused into another: "
            + "intervene first, then optimise.",
            Assert.Throws<ArgumentException>(() => extractor.intervene(new() { ["fc"] = value => value })).Message);
        using var edited = extractor.intervene(new() { ["relu"] = _ => null! });
        Assert.Contains("The edit returned null: let it return the tensor that is to take the value's place.",
            Assert.Throws<NodeExecutionException>(() => edited.call(x)).Message);
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        Assert.Contains("it runs an edit of yours, which is code and no part of a file; save the module that intervene was called on.",
            Assert.Throws<NotSupportedException>(() => fx.save(edited, file)).Message);
        Assert.False(File.Exists(file));
        var sizes = fx.symbolic_trace((Tensor t) => t.reshape(t.shape[0], -1)).graph;
        var shape = sizes.nodes.First(node => node.type == typeof(long[]));
        Assert.Equal(
            $"The value of node '{shape.name}' is a Int64[], not a tensor, so it can't be edited: "
            + "name a node that takes a tensor out of it. (Parameter 'node')",
            Assert.Throws<ArgumentException>(() => sizes.insert_intervention(shape, value => value)).Message);
    }
}

/// <summary>Edits leave nothing behind.</summary>
[Collection(nameof(Alone))]
public sealed class InterventionLiveTensorTests
{
    [Fact]
    public void Calls_leave_no_tensor()
    {
        using var model = Sequential(("a", Linear(4, 4)), ("b", ReLU(inplace: true)), ("c", Linear(4, 4)));
        using var extractor = feature_extraction.create_feature_extractor(model, ["b", "c"]);
        using var own = rand(2, 4);
        using var edited = extractor.intervene(new() { ["a"] = value => (value * 2).sin() + 1, ["b"] = _ => own, ["c"] = value => value });
        using var x = rand(2, 4);
        LiveTensors.AssertStay(() => edited.call(x).Dispose(), 100);
    }
}
