using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.State;

/// <summary>A graph runs the objects that were traced, also where a field no longer holds what was registered under its name.</summary>
public sealed class ReplacedModuleTests
{
    private sealed class Head : nn.Module<Tensor, Tensor>
    {
        public nn.Module<Tensor, Tensor> fc = nn.Linear(4, 3);
        public Parameter scale = new(torch.full(1, 2f));
        public Tensor shift = torch.full(1, 1f);
        private readonly Linear fc_1 = nn.Linear(3, 3);
        private Linear written = nn.Linear(4, 3);

        public Head() : base(nameof(Head)) => RegisterComponents();

        public Linear Proper { get; set; } = nn.Linear(4, 3);

        public Linear Written
        {
            get => written;
            set => written = value;
        }

        public override Tensor forward(Tensor x) => fc_1.call(fc.call(x)) * scale + shift + Proper.call(x) + written.forward(x);
    }

    public static TheoryData<string> Replacements => ["field", "follows", "property", "setter", "parameter", "buffer", "all", "nothing"];

    private static Head Replaced(string what)
    {
        var head = new Head();
        var all = what == "all";
        if (all || what == "field")
            head.fc = nn.Linear(4, 3);
        if (what == "follows")
            head.fc = new Doubled();
        if (all || what == "property")
            head.Proper = nn.Linear(4, 3);
        if (all || what == "setter")
            head.Written = nn.Linear(4, 3);
        if (all || what == "parameter")
            head.scale = new(torch.full(1, 5f));
        if (all || what == "buffer")
            head.shift = torch.full(1, 7f);
        return head;
    }

    private sealed class Doubled : nn.Module<Tensor, Tensor>
    {
        private readonly Linear inner = nn.Linear(4, 3);

        public Doubled() : base(nameof(Doubled)) => RegisterComponents();

        public override Tensor forward(Tensor x) => inner.call(x) * 2;
    }

    [Theory, MemberData(nameof(Replacements))]
    public void What_a_field_holds_now_is_what_runs(string what) => Traced.Runs(Replaced(what), [Traced.Sample(0, 2, 4)], [Traced.Sample(1, 5, 4)]);

    [Theory, MemberData(nameof(Replacements))]
    public void Also_in_extractors_copies_files_and_optimised_copies(string what)
    {
        using var scope = NewDisposeScope();
        var head = Replaced(what);
        head.eval();
        var x = Traced.Sample(3, 2, 4);
        var expected = head.call(x);
        using var extractor = feature_extraction.create_feature_extractor(head, ["add_2"]);
        Traced.Same(expected, extractor.call(x)["add_2"]);
        using var traced = fx.symbolic_trace(head);
        using var copy = traced.clone();
        Traced.Same(expected, copy.call(x));
        using var optimised = traced.optimize_for_inference();
        Assert.True(allclose(expected, optimised.call(x), rtol: 1e-4, atol: 1e-5));
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        fx.save(traced, file);
        using var loaded = fx.load<GraphModule<Tensor, Tensor>>(file);
        File.Delete(file);
        Traced.Same(expected, loaded.call(x));
    }

    [Fact]
    public void What_was_registered_keeps_its_name_and_what_replaced_it_gets_one_of_its_own()
    {
        var graph = Traced.Graph(Replaced("all"));
        Assert.Equal(["fc_2", "fc_1", "Proper", "written_1"], graph.find_nodes(Opcode.call_module).Select(node => node.target.name));
        Assert.Equal(["scale_1", "_tensor_constant0"], graph.find_nodes(Opcode.get_attr).Select(node => node.target.name));
    }

    [Fact]
    public void A_replaced_parameter_trains_with_the_graph()
    {
        var head = Replaced("parameter");
        using var traced = fx.symbolic_trace(head);
        Assert.Contains(traced.parameters(), parameter => ReferenceEquals(parameter, head.scale));
    }

    [Fact]
    public void What_is_replaced_after_the_trace_does_not_change_the_graph()
    {
        var head = Replaced("nothing");
        var x = Traced.Sample(0, 2, 4);
        var expected = head.call(x);
        using var traced = fx.symbolic_trace(head);
        head.fc = nn.Linear(4, 3);
        Traced.Same(expected, traced.call(x));
    }

    private sealed class Listed : nn.Module<Tensor, Tensor>
    {
        public readonly ModuleList<nn.Module<Tensor, Tensor>> layers = nn.ModuleList<nn.Module<Tensor, Tensor>>(nn.Linear(4, 4), nn.ReLU());
        public readonly ModuleDict<nn.Module<Tensor, Tensor>> named = nn.ModuleDict<nn.Module<Tensor, Tensor>>(("a", nn.Linear(4, 4)));
        public readonly Sequential chain = nn.Sequential(("first", nn.Linear(4, 4)));

        public Listed() : base(nameof(Listed)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in layers)
                x = layer.call(x);
            return chain.call(named["a"].call(x));
        }
    }

    [Fact]
    public void Items_that_are_replaced_or_added_after_registration()
    {
        var model = new Listed();
        model.layers[0] = nn.Linear(4, 4);
        model.layers.Add(new Doubled2());
        model.named["a"] = nn.Linear(4, 4);
        model.chain.append(nn.Linear(4, 4));
        Traced.Runs(model, [Traced.Sample(0, 2, 4)]);
    }

    private sealed class Doubled2 : nn.Module<Tensor, Tensor>
    {
        private readonly List<Linear> hidden = [nn.Linear(4, 4)];

        public Doubled2() : base(nameof(Doubled2)) => RegisterComponents();

        public override Tensor forward(Tensor x) => hidden[0].call(x) * 2;
    }

    private sealed class Late : nn.Module<Tensor, Tensor>
    {
        private readonly ModuleList<Doubled2> inner = nn.ModuleList(new Doubled2(), new Doubled2());
        private Linear? added;

        public Late() : base(nameof(Late)) => RegisterComponents();

        public void Load() => added = nn.Linear(4, 4);

        public override Tensor forward(Tensor x)
        {
            foreach (var block in inner)
                x = block.call(x);
            return added!.call(x);
        }
    }

    [Fact]
    public void Fields_set_after_registration_and_unregistered_fields_of_listed_modules()
    {
        var model = new Late();
        model.Load();
        var graph = Traced.Runs(model, [Traced.Sample(0, 2, 4)]);
        Assert.Equal(["inner.0.hidden.0", "inner.1.hidden.0", "added"], graph.find_nodes(Opcode.call_module).Select(node => node.target.name));
    }

    private sealed class Dotted : nn.Module<Tensor, Tensor>
    {
        private readonly ParameterDict weights = nn.ParameterDict(("weight.original0", new Parameter(torch.full(1, 3f))), ("weight", new Parameter(torch.full(1, 2f))));

        public Dotted() : base(nameof(Dotted))
        {
            RegisterComponents();
            register_parameter("scale.inner", new Parameter(torch.full(1, 5f)));
            register_buffer("shift.inner", torch.full(1, 7f));
        }

        public override Tensor forward(Tensor x) => x * weights["weight.original0"] * weights["weight"] * get_parameter("scale.inner")! + get_buffer("shift.inner")!;
    }

    [Fact]
    public void Registered_names_of_parameters_may_have_dots()
    {
        var model = new Dotted();
        Traced.Runs(model, [Traced.Sample(0, 2, 4)]);
        using var traced = fx.symbolic_trace(model);
        Assert.Equal(model.state_dict().Keys.Order(StringComparer.Ordinal), traced.state_dict().Keys.Order(StringComparer.Ordinal));
    }
}
