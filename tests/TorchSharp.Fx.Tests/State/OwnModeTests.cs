using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.State;

/// <summary>A module that the model keeps without registering it has a mode that <c>train()</c> and <c>eval()</c> of the model don't reach; nor do those of a graph module.</summary>
public sealed class OwnModeTests
{
    private sealed class Model : nn.Module<Tensor, Tensor>
    {
        internal Model() : base(nameof(Model)) => RegisterComponents();

        internal readonly Dictionary<string, nn.Module<Tensor, Tensor>> Hidden = new() { ["a.b"] = nn.Sequential(nn.BatchNorm1d(4)) };

        internal readonly BatchNorm1d Norm = nn.BatchNorm1d(4);

        public override Tensor forward(Tensor x) => Norm.call(Hidden["a.b"].call(x)) + 1;
    }

    private readonly Tensor x = rand(3, 4);

    [Theory, InlineData(true), InlineData(false)]
    public void A_graph_module_leaves_it_its_mode(bool own)
    {
        var (model, eager) = (new Model(), new Model());
        foreach (var each in new[] { model, eager })
        {
            each.Hidden["a.b"].train(own);
            each.eval();
        }
        using var traced = fx.symbolic_trace(model);
        traced.train();
        Assert.Equal((own, true), (model.Hidden["a.b"].children().Single().training, model.Norm.training));
        traced.eval();
        Assert.Equal((own, false), (model.Hidden["a.b"].children().Single().training, model.Norm.training));
        Traced.Same(eager.call(x), traced.call(x));
        Traced.Same(eager.call(x), traced.call(x));
    }

    [Fact]
    public void So_does_an_extractor_in_both_modes()
    {
        var (model, eager) = (new Model(), new Model());
        using var extractor = feature_extraction.create_feature_extractor(model, ["add"]);
        foreach (var training in new[] { false, true, false })
        {
            extractor.train(training);
            eager.train(training);
            Traced.Same(eager.call(x), extractor.call(x)["add"]);
        }
    }

    [Theory, InlineData("clone"), InlineData("saved")]
    public void So_do_copies_and_what_is_loaded(string form)
    {
        var (model, eager) = (new Model(), new Model());
        using var traced = fx.symbolic_trace(model);
        using var file = new Runtime.Saving.SavedFile();
        using var copy = form == "clone" ? traced.clone() : (GraphModule<Tensor, Tensor>)file.Through(traced);
        foreach (var training in new[] { false, true, false })
        {
            copy.train(training);
            eager.train(training);
            Traced.Same(eager.call(x), copy.call(x));
        }
    }

    [Fact]
    public void So_does_an_optimised_copy_where_the_mode_makes_a_difference()
    {
        var (model, eager) = (new Model(), new Model());
        foreach (var each in new[] { model, eager })
            each.eval();
        using var optimised = fx.symbolic_trace(model).optimize_for_inference();
        using var _ = no_grad();
        for (var call = 0; call < 2; call++)
            Assert.True(eager.call(x).allclose(optimised.call(x), 1e-5, 1e-5));
    }

    private sealed class Choosing : nn.Module<Tensor, Tensor>
    {
        internal Choosing() : base(nameof(Choosing)) => RegisterComponents();

        internal readonly BatchNorm1d First = nn.BatchNorm1d(4);

        internal readonly BatchNorm1d Second = nn.BatchNorm1d(4);

        public override Tensor forward(Tensor x) => First.call(x);
    }

    [Fact]
    public void A_registered_module_that_an_edit_brings_in_has_the_mode_of_all()
    {
        var model = new Choosing();
        using var traced = fx.symbolic_trace(model);
        var first = traced.graph.find_nodes(Opcode.call_module).Single();
        using (traced.graph.inserting_after(first))
            first.replace_all_uses_with(traced.graph.create_node(Opcode.call_module, new ModuleTarget("Second", ((ModuleTarget)first.target).Method), [first], typeof(Tensor)), user => user.op == Opcode.output);
        traced.recompile();
        traced.eval();
        Assert.Equal((false, false), (model.First.training, model.Second.training));
        model.eval();
        Traced.Same(model.Second.call(model.First.call(x)), traced.call(x));
    }
}
