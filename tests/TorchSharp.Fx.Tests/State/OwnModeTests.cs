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
}
