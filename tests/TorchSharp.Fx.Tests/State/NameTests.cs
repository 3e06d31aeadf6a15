using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.State;

/// <summary>Two names of one module, and one name of two nodes.</summary>
public sealed class NameTests
{
    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly Linear fc = nn.Linear(4, 4);
        private readonly Parameter scale = new(torch.full(1, 2f));

        public Block() : base(nameof(Block)) => RegisterComponents();

        public override Tensor forward(Tensor x) => fc.call(x) * scale;
    }

    private sealed class Twice : nn.Module<Tensor, Tensor>
    {
        private readonly Linear first = nn.Linear(4, 4);
        private readonly Block block = new();
        private readonly Linear second;
        private readonly Block again;

        public Twice() : base(nameof(Twice))
        {
            (second, again) = (first, block);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => again.call(block.call(second.call(first.call(x))));
    }

    [Fact]
    public void A_module_under_two_names_keeps_both()
    {
        var model = new Twice();
        using var traced = fx.symbolic_trace(model);
        Loads(traced, model);
        using var copy = traced.clone();
        Loads(copy, model);
        using var shared = traced.clone(share_parameters: true);
        Loads(shared, model);
        using var extractor = feature_extraction.create_feature_extractor(model, ["block"]);
        Loads(extractor, model);
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        fx.save(traced, file);
        using var loaded = fx.load<GraphModule<Tensor, Tensor>>(file);
        File.Delete(file);
        Loads(loaded, model);
        traced.delete_all_unused_submodules();
        Loads(traced, model);
        traced.to(ScalarType.Float64);
        Loads(traced, model);
        Traced.Same(model.call(Traced.Sample(0, 2, 4).to(ScalarType.Float64)), traced.call(Traced.Sample(0, 2, 4).to(ScalarType.Float64)));
    }

    private static void Loads(nn.Module from, nn.Module into)
    {
        var state = from.state_dict();
        Assert.Equal(into.state_dict().Keys.Order(StringComparer.Ordinal), state.Keys.Order(StringComparer.Ordinal));
        if (state.Values.First().dtype == into.parameters().First().dtype)
            into.load_state_dict(state, strict: true);
    }

    [Fact]
    public void An_alias_goes_with_what_it_names()
    {
        var model = new Twice();
        using var traced = fx.symbolic_trace(model);
        foreach (var call in traced.graph.find_nodes(Opcode.call_module).Where(node => node.target.name == "first").ToArray())
        {
            call.replace_all_uses_with(call.all_input_nodes[0]);
            traced.graph.erase_node(call);
        }
        traced.recompile();
        traced.delete_all_unused_submodules();
        Assert.DoesNotContain(traced.state_dict().Keys, key => key.StartsWith("first", StringComparison.Ordinal) || key.StartsWith("second", StringComparison.Ordinal));
        Assert.Contains("again.scale", traced.state_dict().Keys);
    }

    private sealed class Numbered : nn.Module<Tensor, Tensor>
    {
        private readonly Linear conv_1 = nn.Linear(4, 4);
        private readonly Linear conv_2 = nn.Linear(4, 4);
        private readonly Linear add_1 = nn.Linear(4, 4);

        public Numbered() : base(nameof(Numbered)) => RegisterComponents();

        public override Tensor forward(Tensor x) => add_1.call(conv_2.call(conv_1.call(x)) + 1 + 2);

        public Dictionary<string, Tensor> Values(Tensor x)
        {
            var (first, second) = (conv_1.call(x), conv_2.call(conv_1.call(x)));
            return new() { ["conv_1"] = first, ["conv_2"] = second, ["conv"] = first, ["add"] = second + 1, ["add_1"] = add_1.call(second + 1 + 2) };
        }
    }

    [Fact]
    public void A_modules_path_comes_before_a_name_with_a_counted_number()
    {
        var (model, x) = (new Numbered(), Traced.Sample(0, 2, 4));
        var expected = model.Values(x);
        Assert.Equal(["x", "conv", "conv_1", "add", "add_1", "add_2"], feature_extraction.get_graph_node_names(model).eval_nodes);
        foreach (var (name, value) in expected)
        {
            using var extractor = feature_extraction.create_feature_extractor(model, [name]);
            Traced.Same(value, extractor.call(x)[name]);
        }
        using var all = feature_extraction.create_feature_extractor(model, ["conv_1", "conv_2", "add_1:in"]);
        Traced.Same(expected["conv_1"], all.call(x)["conv_1"]);
        Traced.Same(expected["conv_2"], all.call(x)["conv_2"]);
        Traced.Same(expected["add"] + 2, all.call(x)["add_1:in"]);
    }

    [Fact]
    public void Patterns_and_conditions_give_each_node_once_under_a_name_that_is_its_own()
    {
        var (model, x) = (new Numbered(), Traced.Sample(0, 2, 4));
        var expected = model.Values(x);
        using var pattern = feature_extraction.create_feature_extractor(model, ["conv*"]);
        Assert.Equal(["conv", "conv_2"], pattern.call(x).Keys);
        Traced.Same(expected["conv_2"], pattern.call(x)["conv_2"]);
        using var letters = feature_extraction.create_feature_extractor(model, ["conv_?"]);
        Assert.Equal(["conv_1", "conv_2"], letters.call(x).Keys);
        Traced.Same(expected["conv_1"], letters.call(x)["conv_1"]);
        using var chosen = feature_extraction.create_feature_extractor(model, ReturnNodes.Where((_, module) => module is Linear));
        Traced.Same(expected["conv_2"], chosen.call(x)["conv_2"]);
        Traced.Same(expected["conv_1"], chosen.call(x)["conv"]);
    }

    private sealed class Repeated : nn.Module<Tensor, Tensor>
    {
        private readonly ReLU relu = nn.ReLU();
        private readonly Linear fc_1 = nn.Linear(4, 4);

        public Repeated() : base(nameof(Repeated)) => RegisterComponents();

        public override Tensor forward(Tensor x) => fc_1.call(relu.call(fc_1.call(relu.call(x - 1)) - 1));
    }

    [Fact]
    public void Calls_of_one_module_keep_their_numbers()
    {
        var (model, x) = (new Repeated(), Traced.Sample(0, 2, 4));
        using var extractor = feature_extraction.create_feature_extractor(model, ["relu", "relu_1", "fc", "fc_1"]);
        var features = extractor.call(x);
        Traced.Same((x - 1).relu(), features["relu"]);
        Traced.Same((features["fc"] - 1).relu(), features["relu_1"]);
        Traced.Same(model.call(x), features["fc_1"]);
    }
}
