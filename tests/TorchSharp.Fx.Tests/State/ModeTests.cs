using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.State;

/// <summary>Training mode is looked up beside the model: whatever is made of a model, its own flags are not written.</summary>
public sealed class ModeTests
{
    /// <summary>Counts each time that somebody sets its mode.</summary>
    private sealed class Watched : nn.Module<Tensor, Tensor>
    {
        private readonly Linear fc = nn.Linear(4, 4);
        private readonly BatchNorm1d norm = nn.BatchNorm1d(4);
        private readonly Dropout dropout = nn.Dropout(0.5);

        public Watched() : base(nameof(Watched)) => RegisterComponents();

        public static int Sets;

        public override void train(bool on = true)
        {
            Interlocked.Increment(ref Sets);
            base.train(on);
        }

        public override Tensor forward(Tensor x) => training ? dropout.call(norm.call(fc.call(x))) * 2 : norm.call(fc.call(x));
    }

    private sealed class Leaf : nn.Module<Tensor, Tensor>
    {
        private readonly Watched inner = new();

        public Leaf() : base(nameof(Leaf)) => RegisterComponents();

        public int Calls { get; private set; }

        public override Tensor forward(Tensor x)
        {
            Calls++;
            return inner.call(x);
        }
    }

    private sealed class Frozen : nn.Module<Tensor, Tensor>
    {
        private readonly BatchNorm1d frozen = nn.BatchNorm1d(4);
        private readonly BatchNorm1d norm = nn.BatchNorm1d(4);
        private readonly Half half = new();

        public Frozen() : base(nameof(Frozen)) => RegisterComponents();

        public override void train(bool on = true)
        {
            base.train(on);
            frozen.eval();
        }

        public override Tensor forward(Tensor x)
        {
            x = half.call(x);
            if (frozen.training)
                x = x + 100;
            return norm.training ? x + 1 : x + 2;
        }
    }

    /// <summary>Always evaluates.</summary>
    private sealed class Half : nn.Module<Tensor, Tensor>
    {
        public Half() : base(nameof(Half)) => RegisterComponents();

        public override bool training => false;

        public override Tensor forward(Tensor x) => training ? x * 100 : x / 2;
    }

    private static Dictionary<string, bool> Flags(nn.Module model) => model.named_modules().ToDictionary(entry => entry.name, entry => entry.module.training);

    [Fact]
    public void An_override_of_train_is_followed_and_nothing_is_written()
    {
        var model = new Frozen();
        model.eval();
        var before = Flags(model);
        var x = Traced.Sample(0, 2, 4);
        using var extractor = feature_extraction.create_feature_extractor(model, train_return_nodes: ["add"], eval_return_nodes: ["add"]);
        Assert.Equal(before, Flags(model));
        Traced.Same(x / 2 + 2, extractor.call(x)["add"]);
        extractor.train();
        Traced.Same(x / 2 + 1, extractor.call(x)["add"]);
    }

    public static TheoryData<string, bool> Uses
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var use in new[] { "list", "extract", "examples", "leaf", "trace", "optimise", "save", "split", "share", "info", "fold" })
                foreach (var training in new[] { true, false })
                    data.Add(use, training);
            return data;
        }
    }

    [Theory, MemberData(nameof(Uses))]
    public void No_flag_is_written_and_no_buffer_moves(string use, bool training)
    {
        var model = new Leaf();
        model.train(training);
        var (flags, state, sets) = (Flags(model), State(model), Watched.Sets);
        Use(use, model);
        Assert.Equal(sets, Watched.Sets);
        Assert.Equal(flags, Flags(model));
        Assert.Equal(state, State(model));
        Assert.Equal(0, model.Calls);
    }

    private static string[] State(nn.Module model) => [.. model.state_dict().Select(entry => $"{entry.Key}={string.Join(",", entry.Value.to(ScalarType.Float64).data<double>())}")];

    private static void Use(string use, Leaf model)
    {
        using var scope = NewDisposeScope();
        var x = Traced.Sample(0, 3, 4);
        var leaves = new TracerKwargs { leaf_modules = [typeof(Watched)], example_inputs = [x] };
        switch (use)
        {
            case "list": feature_extraction.get_graph_node_names(model); break;
            case "extract": feature_extraction.create_feature_extractor(model, ["inner"]).Dispose(); break;
            case "examples": feature_extraction.create_feature_extractor(model, ["inner"], tracer_kwargs: new() { example_inputs = [x] }).Dispose(); break;
            case "leaf": feature_extraction.create_feature_extractor(model, ["inner"], tracer_kwargs: leaves).Dispose(); break;
            case "trace": fx.symbolic_trace(model, example_inputs: [x]).Dispose(); break;
            case "info": feature_extraction.feature_info(model, [x], leaves); break;
            default:
                using (var extractor = feature_extraction.create_feature_extractor(model, ["inner"], tracer_kwargs: leaves))
                    UseExtractor(use, extractor);
                break;
        }
    }

    private static void UseExtractor(string use, DualGraphModule<Tensor> extractor)
    {
        switch (use)
        {
            case "optimise": extractor.optimize_for_inference().Dispose(); break;
            case "save": Saved(extractor); break;
            case "share": extractor.clone(share_parameters: true).Dispose(); break;
            case "split": extractor.split_module(_ => 0).Dispose(); break;
            case "fold": extractor.fold_constants(); break;
        }
    }

    private static void Saved(nn.Module module)
    {
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        fx.save(module, file);
        File.Delete(file);
    }

    [Fact]
    public void Others_may_evaluate_the_model_meanwhile()
    {
        var model = new Watched();
        model.eval();
        var x = Traced.Sample(0, 5, 4);
        var expected = model.call(x).bytes.ToArray();
        using var stop = new CancellationTokenSource();
        var wrong = 0;
        var user = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                using var result = model.call(x);
                wrong += result.bytes.SequenceEqual(expected) ? 0 : 1;
            }
        });
        user.IsBackground = true;
        user.Start();
        for (var i = 0; i < 20; i++)
        {
            using var extractor = feature_extraction.create_feature_extractor(model, ["norm"], tracer_kwargs: i % 2 == 0 ? null : new() { example_inputs = [x] });
            extractor.optimize_for_inference().Dispose();
            Saved(extractor);
            feature_extraction.get_graph_node_names(model);
        }
        stop.Cancel();
        user.Join();
        Assert.Equal(0, wrong);
    }

    [Fact]
    public void Sixty_models_are_listed_at_once()
    {
        var models = Enumerable.Range(0, 60).Select(_ => new Leaf()).ToArray();
        foreach (var model in models)
            model.eval();
        var names = new string[models.Length];
        Parallel.For(0, models.Length, i => names[i] = string.Join(' ', feature_extraction.get_graph_node_names(models[i], suppress_diff_warning: true).train_nodes));
        Assert.Single(names.Distinct());
        Assert.All(models, model => Assert.DoesNotContain(true, Flags(model).Values));
    }

    private sealed class Sets : nn.Module<Tensor, Tensor>
    {
        private readonly BatchNorm1d norm = nn.BatchNorm1d(4);

        public Sets() : base(nameof(Sets)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            norm.eval();
            return norm.training ? x + 1 : x + 2;
        }
    }

    [Fact]
    public void A_mode_that_forward_sets_is_seen_by_the_rest_of_the_trace_and_reported()
    {
        var model = new Sets();
        var tracer = new Tracer();
        Assert.Contains("add](%x, 2)", tracer.trace(model).ToString(), StringComparison.Ordinal);
        Assert.True(model.modules().All(module => module.training));
        Assert.Equal(["the training mode of BatchNorm1d"], tracer.report.dropped_state.Select(note => note.text));
    }

    private sealed class Merging : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter weight = new(torch.full(1, 2f));

        public Merging() : base(nameof(Merging)) => RegisterComponents();

        public override void train(bool on = true)
        {
            base.train(on);
            using var mode = no_grad();
            weight.mul_(2);
        }

        public override Tensor forward(Tensor x) => x * weight;
    }

    [Fact]
    public void A_mode_that_computes_is_refused()
    {
        var model = new Merging();
        var before = model.parameters().First().item<float>();
        var refusal = Assert.Throws<TraceException>(() => feature_extraction.get_graph_node_names(model));
        Assert.Equal("FX035", refusal.code);
        Assert.Equal(before, model.parameters().First().item<float>());
    }
}
