using System.Reflection;
using TorchSharp.Fx.Tests.FeatureExtraction;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Module = TorchSharp.torch.nn.Module;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>
/// Parameters that the program reads from a module's properties. Modules that TorchSharp keeps in native code give out a new object at each read, which stands for the parameter: the graph reads
/// that, so that it follows what becomes of it.
/// </summary>
[Collection(nameof(Alone))]
public sealed class NativeParameterTests : IDisposable
{
    private readonly RandomState random = new();

    public void Dispose() => random.Dispose();

    private sealed class Holder<T> : Module<Tensor, Tensor> where T : Module
    {
        private readonly T inner;
        private readonly Func<T, Tensor, Tensor?> code;

        public Holder(T inner, Func<T, Tensor, Tensor?> code) : base("Holder")
        {
            (this.inner, this.code) = (inner, code);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => code(inner, x)!;
    }

    private static readonly long[] Rows = [0, 1, 1];

    /// <summary>Reads the rows before and after a lookup that scales them down.</summary>
    private static Holder<Embedding> Scaled() => new(Embedding(3, 2, max_norm: 0.1), (table, x) =>
    {
        var before = table.weight!.clone();
        table.call(tensor(Rows) + x.to(int64));
        return table.weight - before;
    });

    private static Holder<EmbeddingBag> ScaledBag() => new(EmbeddingBag(3, 2, max_norm: 0.1), (table, x) =>
    {
        var before = table.weight!.clone();
        table.call((tensor(Rows) + x.to(int64)).view(1, 3));
        return table.weight - before;
    });

    private static Holder<Embedding> Tied() => new(Embedding(3, 2), (table, x) => functional.linear(table.call(tensor(Rows) + x.to(int64)), table.weight!));

    public static TheoryData<string, Func<Module<Tensor, Tensor>>> Programs => new()
    {
        { "rows before and after a lookup", Scaled },
        { "rows before and after a lookup in bags", ScaledBag },
        { "a weight that is used twice", Tied },
    };

    [Theory(DisableDiscoveryEnumeration = true), MemberData(nameof(Programs))]
    public void A_graph_sees_what_a_native_module_does_to_its_weight(string name, Func<Module<Tensor, Tensor>> make)
    {
        _ = name;
        foreach (var training in new[] { true, false })
        {
            manual_seed(3);
            using var eager = make();
            manual_seed(3);
            using var model = make();
            eager.train(training);
            model.train(training);
            using var traced = (GraphModule<Tensor, Tensor>)fx.symbolic_trace(model);
            PassManager.standard.call(traced);
            using var none = no_grad();
            for (var call = 0; call < 2; call++)
                Traced.Same(eager.call(zeros(1)), traced.call(zeros(1)));
            Assert.All(eager.state_dict(), entry => Traced.Same(entry.Value, model.state_dict()[entry.Key]));
        }
    }

    [Fact]
    public void A_weight_that_is_used_twice_gets_both_gradients()
    {
        using var model = Tied();
        using var traced = (GraphModule<Tensor, Tensor>)fx.symbolic_trace(model);
        var gradients = new Module<Tensor, Tensor>[] { model, traced }.Select(one =>
        {
            one.zero_grad();
            one.call(zeros(1)).pow(2).sum().backward();
            return model.parameters().Single().grad!.clone();
        }).ToArray();
        Traced.Same(gradients[0], gradients[1]);
    }

    private static Holder<T> Reads<T>(T inner, Func<T, Tensor?> get) where T : Module => new(inner, (module, x) => x.sum() + get(module)!);

    public static TheoryData<string, Func<Module<Tensor, Tensor>>> Properties => new()
    {
        { "Embedding.weight", () => Reads(Embedding(3, 2), module => module.weight) },
        { "EmbeddingBag.weight", () => Reads(EmbeddingBag(3, 2), module => module.weight) },
        { "RNNCell.weight_ih", () => Reads(RNNCell(3, 2), module => module.weight_ih) },
        { "RNNCell.weight_hh", () => Reads(RNNCell(3, 2), module => module.weight_hh) },
        { "RNNCell.bias_ih", () => Reads(RNNCell(3, 2), module => module.bias_ih) },
        { "RNNCell.bias_hh", () => Reads(RNNCell(3, 2), module => module.bias_hh) },
        { "LSTMCell.weight_ih", () => Reads(LSTMCell(3, 2), module => module.weight_ih) },
        { "LSTMCell.weight_hh", () => Reads(LSTMCell(3, 2), module => module.weight_hh) },
        { "LSTMCell.bias_ih", () => Reads(LSTMCell(3, 2), module => module.bias_ih) },
        { "LSTMCell.bias_hh", () => Reads(LSTMCell(3, 2), module => module.bias_hh) },
        { "GRUCell.weight_ih", () => Reads(GRUCell(3, 2), module => module.weight_ih) },
        { "GRUCell.weight_hh", () => Reads(GRUCell(3, 2), module => module.weight_hh) },
        { "GRUCell.bias_ih", () => Reads(GRUCell(3, 2), module => module.bias_ih) },
        { "GRUCell.bias_hh", () => Reads(GRUCell(3, 2), module => module.bias_hh) },
        { "Linear.weight", () => Reads(Linear(3, 2), module => module.weight) },
        { "Linear.bias", () => Reads(Linear(3, 2), module => module.bias) },
        { "Bilinear.weight", () => Reads(Bilinear(3, 2, 2), module => module.weight) },
        { "Bilinear.bias", () => Reads(Bilinear(3, 2, 2), module => module.bias) },
        { "Convolution.weight", () => Reads(Conv1d(3, 2, 1), module => module.weight) },
        { "Convolution.bias", () => Reads(Conv1d(3, 2, 1), module => module.bias) },
        { "NormBase.weight", () => Reads(BatchNorm1d(3), module => module.weight) },
        { "NormBase.bias", () => Reads(BatchNorm1d(3), module => module.bias) },
        { "NormBase.running_mean", () => Reads(BatchNorm1d(3), module => module.running_mean) },
        { "NormBase.running_var", () => Reads(BatchNorm1d(3), module => module.running_var) },
        { "NormBase.num_batches_tracked", () => Reads(BatchNorm1d(3), module => module.num_batches_tracked) },
        { "GroupNorm.weight", () => Reads(GroupNorm(1, 2), module => module.weight) },
        { "GroupNorm.bias", () => Reads(GroupNorm(1, 2), module => module.bias) },
        { "LayerNorm.weight", () => Reads(LayerNorm(2), module => module.weight) },
        { "LayerNorm.bias", () => Reads(LayerNorm(2), module => module.bias) },
        { "PReLU.weight", () => Reads(PReLU(2), module => module.weight) },
        { "the first of the parameters of an LSTM", () => Reads(LSTM(3, 2), module => module.parameters().First()) },
        { "a parameter of an attention layer by its name", () => Reads(MultiheadAttention(2, 1), module => module.get_parameter("in_proj_bias")) },
    };

    [Theory(DisableDiscoveryEnumeration = true), MemberData(nameof(Properties))]
    public void A_graph_reads_a_parameter_by_its_path_and_follows_it(string name, Func<Module<Tensor, Tensor>> make)
    {
        _ = name;
        using var model = make();
        using var traced = (GraphModule<Tensor, Tensor>)fx.symbolic_trace(model);
        var read = Assert.Single(traced.graph.nodes, node => node.op == Opcode.get_attr);
        Assert.StartsWith("inner.", read.target.name, StringComparison.Ordinal);
        using var none = no_grad();
        foreach (var (_, tensor) in model.state_dict())
            tensor.add_(1);
        Traced.Same(model.call(ones(2)), traced.call(ones(2)));
    }

    [Fact]
    public void All_properties_of_modules_that_give_a_parameter_or_buffer_are_tried()
    {
        var tried = Properties.Select(row => row.Data.Item1).ToHashSet();
        // What a loss is weighted with is no parameter.
        var all = typeof(torch).Assembly.GetExportedTypes().Where(type => typeof(Module).IsAssignableFrom(type) && !type.Name.Split('`')[0].EndsWith("Loss", StringComparison.Ordinal))
            .SelectMany(type => type.GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.DeclaredOnly))
            .Where(property => typeof(Tensor).IsAssignableFrom(property.PropertyType) && property.GetIndexParameters().Length == 0)
            .Select(property => $"{property.DeclaringType!.Name}.{property.Name}");
        Assert.Empty(all.Except(tried));
    }

    /// <summary>A constant of the program's that lies in a buffer's memory.</summary>
    private sealed class Viewed : Module<Tensor, Tensor>
    {
        private readonly BatchNorm1d bn = BatchNorm1d(3);
        private readonly Tensor[] views;

        public Viewed() : base(nameof(Viewed))
        {
            views = [bn.running_mean!.view(1, 3)];
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var before = views[0].clone();
            bn.call(x);
            return views[0] - before;
        }
    }

    [Fact]
    public void A_tensor_in_a_buffer_s_memory_changes_with_it()
    {
        using var eager = new Viewed();
        using var model = new Viewed();
        using var traced = (GraphModule<Tensor, Tensor>)fx.symbolic_trace(model);
        PassManager.standard.call(traced);
        using var none = no_grad();
        using var x = rand(4, 3);
        Traced.Same(eager.call(x), traced.call(x));
    }
}
