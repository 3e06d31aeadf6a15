using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Runtime;

// Seeds the generator that all tests share.
[Collection("Tensor counts")]
public sealed class GraphModuleTests : IDisposable
{
    private readonly Small model = new();
    private readonly Tensor x = randn(4, 6);

    public void Dispose()
    {
        model.Dispose();
        x.Dispose();
    }

    [Fact]
    public void It_registers_what_the_graph_uses_under_the_original_names_in_the_original_order()
    {
        using var module = new GraphModule<Tensor, Tensor>(model, Small.Graph());
        var used = model.state_dict().Keys.Where(name => !name.StartsWith("unused", StringComparison.Ordinal));
        Assert.Equal(used, module.state_dict().Keys);
        Assert.Equal(["scale", "head.weight", "head.bias", "block.fc.weight", "block.fc.bias", "block.norm.weight", "block.norm.bias"], module.named_parameters().Select(entry => entry.name));
        Assert.Same(model.head, module.named_children().First().module);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_equals_the_source_in_either_mode(bool training)
    {
        model.block.drop.train(false);
        model.train(training);
        using var module = new GraphModule<Tensor, Tensor>(model, Small.Graph());
        Assert.Equal(training, module.training);
        manual_seed(3);
        var expected = model.call(x);
        manual_seed(3);
        Assert.Equal(EvaluatorTests.Flatten(expected), EvaluatorTests.Flatten(module.call(x)));
    }

    [Fact]
    public void Train_and_eval_reach_the_leaves()
    {
        using var module = new GraphModule<Tensor, Tensor>(model, Small.Graph());
        module.eval();
        Assert.False(model.block.drop.training);
        module.train();
        Assert.True(model.block.drop.training);
    }

    [Fact]
    public void Gradients_flow_to_the_inputs_and_all_parameters_as_in_eager()
    {
        model.eval();
        using var module = new GraphModule<Tensor, Tensor>(model, Small.Graph());
        var mine = x.detach().requires_grad_();
        module.call(mine).square().sum().backward();
        var gradients = model.named_parameters().Where(entry => entry.parameter.grad is not null).ToDictionary(entry => entry.name, entry => entry.parameter.grad!.clone());
        model.zero_grad();
        var theirs = x.detach().requires_grad_();
        model.call(theirs).square().sum().backward();

        Assert.Equal(7, gradients.Count);
        Assert.Equal(EvaluatorTests.Flatten(theirs.grad), EvaluatorTests.Flatten(mine.grad));
        foreach (var (name, gradient) in gradients)
            Assert.Equal(EvaluatorTests.Flatten(model.get_parameter(name)!.grad), EvaluatorTests.Flatten(gradient));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Moving_either_moves_both(bool source)
    {
        model.eval();
        using var module = new GraphModule<Tensor, Tensor>(model, Small.Graph());
        module.call(x).Dispose();
        Module moved = source ? model.to(ScalarType.Float64) : module.to(ScalarType.Float64);
        var wide = x.to(ScalarType.Float64);
        Assert.Equal(EvaluatorTests.Flatten(model.call(wide)), EvaluatorTests.Flatten(module.call(wide)));
        Assert.Equal(7, module.parameters().Count(parameter => parameter.dtype == ScalarType.Float64));
        Assert.Same(model.scale, module.get_parameter("scale"));
        Assert.Contains("offset", module.state_dict().Keys);
    }

    [Fact]
    public void Saved_weights_load_into_another()
    {
        var (saved, other) = (new MemoryStream(), new Small());
        other.eval();
        model.eval();
        using var module = new GraphModule<Tensor, Tensor>(model, Small.Graph());
        using var copy = new GraphModule<Tensor, Tensor>(other, Small.Graph());
        using (var writer = new BinaryWriter(saved, System.Text.Encoding.UTF8, leaveOpen: true))
            module.save(writer);
        saved.Position = 0;
        copy.load(saved);
        Assert.Equal(EvaluatorTests.Flatten(model.call(x)), EvaluatorTests.Flatten(copy.call(x)));

        other.load_state_dict(new Small().state_dict());
        copy.load_state_dict(module.state_dict());
        Assert.Equal(EvaluatorTests.Flatten(model.call(x)), EvaluatorTests.Flatten(copy.call(x)));
    }

    [Fact]
    public void Hooks_run_and_it_can_be_part_of_another_model()
    {
        model.eval();
        var module = new GraphModule<Tensor, Tensor>(model, Small.Graph());
        var calls = 0;
        module.register_forward_hook((_, _, output) => { calls++; return output; });
        using var whole = Sequential(("body", module), ("relu", ReLU()));
        Assert.Equal(EvaluatorTests.Flatten(model.call(x).relu()), EvaluatorTests.Flatten(whole.call(x)));
        Assert.Equal(1, calls);
        Assert.Contains("body.block.fc.weight", whole.state_dict().Keys);
    }

    [Fact]
    public void Disposing_it_leaves_the_source_usable()
    {
        model.eval();
        var expected = EvaluatorTests.Flatten(model.call(x));
        var module = new GraphModule<Tensor, Tensor>(model, Small.Graph());
        module.call(x).Dispose();
        module.Dispose();
        Assert.Equal(expected, EvaluatorTests.Flatten(model.call(x)));
        Assert.Throws<ObjectDisposedException>(() => module.call(x));
    }

    [Fact]
    public void Calling_it_after_the_source_was_disposed_says_so()
    {
        using var module = new GraphModule<Tensor, Tensor>(model, Small.Graph());
        model.Dispose();
        var error = Assert.Throws<ObjectDisposedException>(() => module.call(x));
        Assert.Contains("The Small that this module was made from has been disposed, and with it the parameters they share. Dispose the source after what was made from it.", error.Message);
    }

    private sealed class ReadsItsLayersWeight : nn.Module<Tensor, Tensor>
    {
        internal readonly TorchSharp.Modules.Linear f = nn.Linear(6, 6);

        internal ReadsItsLayersWeight() : base(nameof(ReadsItsLayersWeight)) => RegisterComponents();

        public override Tensor forward(Tensor x) => f.call(x) * f.weight!.sum(dim: 0);
    }

    [Fact]
    public void A_layers_weight_that_is_read_as_well_stays_the_layers_whatever_its_name()
    {
        using var source = new ReadsItsLayersWeight();
        using var module = fx.symbolic_trace(source);
        using var given = rand(2, 6);
        Assert.Equal(EvaluatorTests.Flatten(source.call(given)), EvaluatorTests.Flatten(module.call(given)));
        Assert.Equal(["f.bias", "f.weight"], module.state_dict().Keys.Order());
        Assert.Same(source.f, Assert.Single(module.named_children()).module);
        Assert.Same(source.f.weight, module.get_parameter("f.weight"));
    }

    [Fact]
    public void Modules_and_parameters_in_unregistered_fields_are_found_and_registered()
    {
        var source = new Unregistered();
        using var module = new GraphModule<Tensor, Tensor>(source, Unregistered.Graph());
        Assert.Equal(EvaluatorTests.Flatten(source.call(x)), EvaluatorTests.Flatten(module.call(x)));
        Assert.Equal(["gains.last", "layers.0.bias", "layers.0.weight", "layers.1.bias", "layers.1.weight"], module.state_dict().Keys.Order());
        module.to(ScalarType.Float64);
        Assert.Equal(ScalarType.Float64, source.gains["last"].dtype);
        Assert.Equal(ScalarType.Float64, module.call(x.to(ScalarType.Float64)).dtype);
    }

    [Fact]
    public void Constants_are_its_own_and_not_part_of_the_state()
    {
        using var constant = rand(6);
        var graph = new Graph();
        var sum = graph.Call(Ops.Operator("op_Addition", typeof(Tensor), typeof(Tensor)), graph.Input(), graph.get_attr("_tensor_constant0"));
        graph.Returning(sum);
        var module = new GraphModule<Tensor, Tensor>(new Nothing(), graph, new Dictionary<string, Tensor> { ["_tensor_constant0"] = constant });
        Assert.Empty(module.state_dict());
        Assert.Equal(EvaluatorTests.Flatten(x + constant), EvaluatorTests.Flatten(module.call(x)));
        module.to(ScalarType.Float64);
        Assert.Equal(ScalarType.Float64, module.call(x).dtype);
        module.Dispose();
        Assert.False(constant.IsInvalid);
    }

    [Fact]
    public void Edits_take_effect_after_recompile()
    {
        var graph = new Graph();
        var relu = graph.call(t => t.relu(), graph.Input());
        var output = graph.output(relu, typeof(Tensor));
        using var module = new GraphModule<Tensor, Tensor>(new Nothing(), graph);
        module.call(x).Dispose();
        using (graph.inserting_before(output))
            output.args = [graph.call(t => t.neg(), relu)];
        Assert.Equal(EvaluatorTests.Flatten(x.relu()), EvaluatorTests.Flatten(module.call(x)));
        module.recompile();
        Assert.Equal(EvaluatorTests.Flatten(x.relu().neg()), EvaluatorTests.Flatten(module.call(x)));
    }

    [Fact]
    public void Without_types_inputs_are_counted_and_defaults_filled_in()
    {
        var graph = new Graph();
        var tensor = graph.Input();
        var dim = graph.placeholder("dim", typeof(long), new Literal(1L));
        graph.Returning(graph.call(t => t.cumsum(0, null), tensor, dim, Ops.Value(null)));
        using var module = new GraphModule(new Nothing(), graph);
        Assert.Equal(EvaluatorTests.Flatten(x.cumsum(1)), EvaluatorTests.Flatten(module.call(x)));
        Assert.Equal(EvaluatorTests.Flatten(x.cumsum(0)), EvaluatorTests.Flatten(module.call(x, 0L)));
        Assert.Equal("The graph takes 2 inputs (x, dim), but 0 were given. (Parameter 'given')", Assert.Throws<ArgumentException>(() => module.call()).Message);
    }

    [Fact]
    public void The_interpreter_runs_a_graph_module_too()
    {
        model.eval();
        using var module = new GraphModule<Tensor, Tensor>(model, Small.Graph());
        Assert.Equal(EvaluatorTests.Flatten(model.call(x)), EvaluatorTests.Flatten(new GraphInterpreter(module, module.graph).run(x)));
    }
}
