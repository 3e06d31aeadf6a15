using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Tensors in the collections that a module may hold them in are read by the graph, by symbols and by example.</summary>
public sealed class HeldTensorTests
{
    private sealed class InParameterList : Module<Tensor, Tensor>
    {
        private readonly ParameterList body = new(Parameter(ones(2)), Parameter(ones(2) * 2));

        public InParameterList() : base(nameof(InParameterList)) => RegisterComponents();

        public override Tensor forward(Tensor x) => x * body[0] + body[1];
    }

    private sealed class InArray : Module<Tensor, Tensor>
    {
        private readonly Parameter[] body = [Parameter(ones(2) * 4), Parameter(ones(2) * 5)];

        public InArray() : base(nameof(InArray)) => RegisterComponents();

        public override Tensor forward(Tensor x) => body.Aggregate(x, (sum, weight) => sum * weight);
    }

    private sealed class InListOfLists : Module<Tensor, Tensor>
    {
        private readonly List<List<Tensor>> body = [[ones(2) * 6], [ones(2)]];

        public InListOfLists() : base(nameof(InListOfLists)) => RegisterComponents();

        public override Tensor forward(Tensor x) => x * body[0][0] + body[1][0];
    }

    private sealed class InSequential : Module<Tensor, Tensor>
    {
        private readonly Sequential body = Sequential(Linear(2, 2), new InParameterList());

        public InSequential() : base(nameof(InSequential)) => RegisterComponents();

        public override Tensor forward(Tensor x) => body.call(x);
    }

    private sealed class Outside : Module<Tensor, Tensor>
    {
        private sealed class Weights(Tensor first)
        {
            public List<Tensor> Body { get; } = [first];
        }

        private readonly Weights weights = new(ones(2) * 7);

        public Outside() : base(nameof(Outside)) => RegisterComponents();

        public override Tensor forward(Tensor x) => x * weights.Body[0];
    }

    public static TheoryData<string> Names => [.. Models.Keys];

    private static readonly Dictionary<string, Func<Module<Tensor, Tensor>>> Models = new()
    {
        ["parameter list"] = () => new InParameterList(),
        ["array"] = () => new InArray(),
        ["list of lists"] = () => new InListOfLists(),
        ["sequential"] = () => new InSequential(),
        ["object"] = () => new Outside(),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tensor_in_a_collection_is_found_again(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Models[name]();
        var x = rand(3, 2);
        using var bySymbols = fx.symbolic_trace(model);
        Assert.True(bySymbols.call(x).Equals(model.call(x)));
        using var byExample = fx.symbolic_trace(model, example_inputs: [x]);
        Assert.True(byExample.call(x).Equals(model.call(x)));
    }
}
