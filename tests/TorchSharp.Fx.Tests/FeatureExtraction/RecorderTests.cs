using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>Features of models whose programs are no graphs, against the tensors that the model itself had.</summary>
[Collection(nameof(Alone))] // it seeds the generator that all share
public sealed class RecorderTests
{
    private sealed class Branching : Module<Tensor, Tensor>
    {
        internal readonly Linear high = Linear(3, 3);
        private readonly Linear low = Linear(3, 3);
        private readonly ReLU relu = ReLU();

        public Branching() : base(nameof(Branching)) => RegisterComponents();

        public override Tensor forward(Tensor x)
            // By forward, which no hook sees.
            => x.sum().item<float>() > 0 ? relu.call(high.forward(x)) : relu.forward(low.call(x) * 2);
    }

    [Fact]
    public void Content_may_decide_what_runs()
    {
        using var model = new Branching();
        var recorder = feature_extraction.create_recorder(model, ["high", "low", "mul", "relu"]);
        using var x = rand(2, 3);
        Assert.Equal(["x", "sum", "item", "high", "relu"], recorder.nodes(x));
        Assert.Equal(["x", "sum", "item", "low", "mul", "relu"], recorder.nodes(-x));
        using var up = recorder.call(x);
        using var down = recorder.call(-x);
        Assert.Equal(["high", "relu"], up.Keys);
        Assert.Equal(["low", "mul", "relu"], down.Keys);
        Extracted.AssertSame(model.call(x), up["relu"]);
        Extracted.AssertSame(model.call(-x), down["relu"]);
        Extracted.AssertSame(model.high.call(x), up["high"]);
    }

    private sealed class Converging : Module<Tensor, Tensor>
    {
        internal int steps;

        public Converging() : base(nameof(Converging)) { }

        public override Tensor forward(Tensor x)
        {
            steps = 0;
            while (x.abs().max().item<float>() > 1e-3f)
            {
                x = x * 0.5f;
                steps++;
            }
            return x;
        }
    }

    [Fact]
    public void A_loop_until_convergence_numbers_on()
    {
        using var model = new Converging();
        using var x = tensor(new[] { 1f, -0.25f });
        var recorder = feature_extraction.create_recorder(model, ["mul", "mul_3", "mul_9"]);
        using var features = recorder.call(x);
        Assert.Equal(["mul", "mul_3", "mul_9"], features.Keys);
        Extracted.AssertSame(x * 0.0625f, features["mul_3"]);
        Extracted.AssertSame(x * (1 / 1024f), features["mul_9"]);
        Assert.Equal(10, recorder.nodes(x).Count(name => name.StartsWith("mul", StringComparison.Ordinal)));
        Assert.Equal(10, model.steps);
    }

    private sealed class Overwriting : Module<Tensor, Tensor>
    {
        private readonly Linear fc = Linear(3, 3);
        private readonly ReLU relu = ReLU(inplace: true);

        public Overwriting() : base(nameof(Overwriting)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var y = fc.call(x);
            var view = y[0];
            var z = y.add_(1);
            view.zero_();
            return relu.call(z).mul_(2);
        }
    }

    [Fact]
    public void Later_writes_do_not_reach_a_feature()
    {
        using var model = new Overwriting();
        using var x = rand(2, 3) - 0.5;
        foreach (var names in new[] { new[] { "fc", "getitem", "add_", "relu", "mul_" }, ["fc"], ["relu"] })
        {
            using var features = feature_extraction.create_recorder(model, names, to_end: true).call(x);
            using var reference = feature_extraction.create_feature_extractor(model, names).call(x);
            Assert.Equal(names, features.Keys);
            foreach (var (name, value) in reference)
                Extracted.AssertSame(value, features[name]);
        }
    }

    private sealed class Trained : Module<Tensor, Tensor>
    {
        private readonly Linear fc = Linear(4, 4);
        private readonly BatchNorm1d norm = BatchNorm1d(4);
        private readonly Dropout dropout = Dropout(0.5);
        private readonly BatchNorm1d last = BatchNorm1d(4);

        public Trained() : base(nameof(Trained)) => RegisterComponents();

        public override Tensor forward(Tensor x) => last.call(functional.dropout(dropout.call(norm.call(fc.call(x))), 0.3, training)) * rand(4);
    }

    [Fact]
    public void Training_draws_and_updates_once_as_eager_does()
    {
        using var model = new Trained();
        using var eager = new Trained();
        eager.load_state_dict(model.state_dict());
        using var x = rand(5, 4);
        var recorder = feature_extraction.create_recorder(model, ["dropout", "dropout_1"]);
        manual_seed(3);
        using var features = recorder.call(x);
        using var after = rand(3);
        manual_seed(3);
        using var result = eager.call(x);
        using var expectedAfter = rand(3);
        Extracted.AssertSame(expectedAfter, after);
        foreach (var (name, value) in eager.state_dict())
            Extracted.AssertSame(value, model.state_dict()[name]);
        // dropout_1 drops more of the same.
        Assert.Equal(0, features["dropout"].eq(0).logical_and(features["dropout_1"].ne(0)).sum().item<long>());

        recorder.eval();
        Assert.False(model.training);
        using var still = recorder.call(x);
        Assert.Equal(["dropout", "dropout_1"], still.Keys);
    }

    [Fact]
    public void The_whole_of_a_training_run_equals_eager_bit_for_bit()
    {
        using var model = new Trained();
        using var eager = new Trained();
        eager.load_state_dict(model.state_dict());
        using var x = rand(5, 4);
        manual_seed(5);
        using var features = feature_extraction.create_recorder(model, ["mul", "fc"]).call(x);
        manual_seed(5);
        using var result = eager.call(x);
        Extracted.AssertSame(result, features["mul"]);
        features["mul"].sum().backward();
        result.sum().backward();
        foreach (var ((name, parameter), (_, expected)) in model.named_parameters().Zip(eager.named_parameters()))
            Extracted.AssertSame(expected.grad!, parameter.grad!);
    }

    private sealed class Block(bool inPlace) : Module<Tensor, Tensor>(nameof(Block))
    {
        private readonly Parameter weight = Parameter(ones(3, 3) * 0.3);

        public override Tensor forward(Tensor x)
        {
            var y = x.matmul(weight);
            var z = inPlace ? y.mul_(x) : y * x;
            return z.tanh();
        }
    }

    [Theory, InlineData("matmul"), InlineData("mul_")]
    public void Gradients_flow_through_features(string name)
    {
        using var model = new Block(inPlace: true);
        using var truth = new Block(inPlace: false);
        using var x = rand(2, 3);
        using var features = feature_extraction.create_recorder(model, [name, "tanh"]).call(x);
        using var expected = feature_extraction.create_feature_extractor(truth, [name == "mul_" ? "mul" : name, "tanh"]).call(x);
        var found = autograd.grad([features["tanh"].sum()], [features[name]], allow_unused: true)[0];
        var gradient = autograd.grad([expected["tanh"].sum()], [expected[name == "mul_" ? "mul" : name]])[0];
        Assert.True(found is not null, $"{name} has no gradient");
        Extracted.AssertSame(gradient, found);
    }

    private sealed class Parallels : Module<Tensor, Tensor>
    {
        internal readonly Linear left = Linear(3, 3);
        private readonly Linear right = Linear(3, 3);
        private readonly Linear last = Linear(3, 3);

        public Parallels() : base(nameof(Parallels)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var task = Task.Run(() => left.call(x));
            var parts = new Tensor[2];
            Parallel.For(0, 2, i => parts[i] = right.call(x) * (i + 1));
            var sum = task.Result.relu() + parts[0] + parts[1];
            lock (parts)
                return last.call(sum);
        }
    }

    private sealed class Waiting : Module<Tensor, Tensor>
    {
        private readonly Linear left = Linear(3, 3);
        private readonly Linear right = Linear(3, 3);
        internal bool IsOver;

        public Waiting() : base(nameof(Waiting)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var others = new ManualResetEventSlim();
            var task = Task.Run(() =>
            {
                others.Wait();
                var y = left.call(x);
                IsOver = true;
                return y;
            });
            var z = right.call(x);
            others.Set();
            return task.Result + z;
        }
    }

    [Fact]
    public void A_run_does_not_end_before_the_threads_that_it_started()
    {
        using var model = new Waiting();
        model.eval();
        using var x = rand(2, 3);
        using var features = feature_extraction.create_recorder(model, ["right"]).call(x);
        Assert.True(model.IsOver);
    }

    [Fact]
    public void Other_threads_run_for_real()
    {
        using var model = new Parallels();
        using var x = rand(2, 3);
        var recorder = feature_extraction.create_recorder(model, ["relu", "add_1", "last"]);
        Assert.Equal(["x", "relu", "add", "add_1", "last"], recorder.nodes(x));
        using var features = recorder.call(x);
        Extracted.AssertSame(model.call(x), features["last"]);
        Extracted.AssertSame(model.left.call(x).relu(), features["relu"]);
    }

    private sealed class Throwing : Module<Tensor, Tensor>
    {
        internal int cleaned;

        public Throwing() : base(nameof(Throwing)) { }

        public override Tensor forward(Tensor x)
        {
            try
            {
                x = x * 2;
                return x.sum().item<float>() > 0 ? throw new InvalidDataException("too much") : x.relu().tanh();
            }
            finally
            {
                cleaned++;
            }
        }
    }

    [Fact]
    public void What_the_model_throws_comes_out_as_it_is()
    {
        using var model = new Throwing();
        var recorder = feature_extraction.create_recorder(model, ["mul", "relu"]);
        Assert.Equal("too much", Assert.Throws<InvalidDataException>(() => recorder.call(ones(2))).Message);
        Assert.Equal(1, model.cleaned);
        // Also where the run ends early, the program's own blocks run.
        using var features = recorder.call(-ones(2));
        Assert.Equal(2, model.cleaned);
        Assert.Equal(["mul", "relu"], features.Keys);
    }

    private sealed class Counting : Module<Tensor, Tensor>
    {
        internal readonly List<string> log = [];
        internal Tensor? last;
        private static int calls;

        public Counting() : base(nameof(Counting)) => register_buffer("seen", zeros(1));

        internal static int Calls => calls;

        public override Tensor forward(Tensor x)
        {
            calls++;
            log.Add("in");
            get_buffer("seen")!.add_(1);
            last = x * 2;
            var y = last.relu();
            log.Add("out");
            return y;
        }
    }

    [Fact]
    public void The_model_s_own_effects_happen_once()
    {
        using var model = new Counting();
        model.eval();
        var recorder = feature_extraction.create_recorder(model, ["mul"], to_end: true);
        var before = Counting.Calls;
        using var x = rand(2);
        using (var features = recorder.call(x))
            Extracted.AssertSame(model.last!, features["mul"]);
        Assert.Equal(["in", "out"], model.log);
        Assert.Equal(before + 1, Counting.Calls);
        Assert.Equal(1, model.get_buffer("seen")!.item<float>());
        Assert.False(model.last!.IsInvalid);

        using (feature_extraction.create_recorder(model, ["mul"]).call(x)) { }
        Assert.Equal(["in", "out", "in"], model.log);
    }

    private sealed class Sized : Module<Tensor, Tensor>
    {
        private readonly Linear fc = Linear(4, 4);

        public Sized() : base(nameof(Sized)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var (n, c) = (x.shape[0], x.shape[1]);
            if (c % 2 != 0)
                throw new ArgumentException("odd");
            var y = x.reshape(n * (c / 2), 2).chunk(2, 1)[1] + fc.weight.sum();
            var (values, _) = y.max(0);
            var mask = zeros([n, c]) + x * Math.Max(n, c);
            return fc.call(mask) + values.view(-1) + ones(1).mul(3) + rand(1);
        }
    }

    [Fact]
    public void Names_are_those_of_the_graph_sizes_included()
    {
        using var model = new Sized();
        using var x = rand(2, 4);
        var (_, names) = feature_extraction.get_graph_node_names(model, suppress_diff_warning: true);
        var isOfGuard = new[] { "mod", "eq", "_assert" };
        var recorder = feature_extraction.create_recorder(model, ["add"]);
        Assert.Equal(names.Except(isOfGuard), recorder.nodes(x).Except(isOfGuard));
    }
}
