using TorchSharp.Modules;
using static TorchSharp.Fx.Tests.Runtime.Ops;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Runtime;

/// <summary>A parameter, a buffer and a block of its own, registered out of the order in which they are used.</summary>
internal sealed class Small : Module<Tensor, Tensor>
{
    internal readonly Linear head = Linear(6, 2);
    internal readonly Block block = new();
    internal readonly Linear unused = Linear(3, 3);
    internal Parameter scale = new(rand(6));
    internal Tensor offset = rand(6);

    internal Small() : base(nameof(Small)) => RegisterComponents();

    public override Tensor forward(Tensor x) => head.call(block.call(x * scale + offset));

    /// <summary>What tracing <see cref="forward"/> gives.</summary>
    internal static Graph Graph()
    {
        var graph = new Graph();
        var scaled = graph.Call(Operator("op_Multiply", typeof(Tensor), typeof(Tensor)), graph.Input(), graph.get_attr("scale"));
        var moved = graph.Call(Operator("op_Addition", typeof(Tensor), typeof(Tensor)), scaled, graph.get_attr("offset"));
        var normed = graph.Module("block.norm", graph.Module("block.fc", moved));
        return graph.Returning(graph.Module("head", graph.Module("block.drop", graph.Module("block.act", normed))));
    }
}

internal sealed class Block : Module<Tensor, Tensor>
{
    internal readonly Linear fc = Linear(6, 6);
    internal readonly BatchNorm1d norm = BatchNorm1d(6);
    internal readonly ReLU act = ReLU(inplace: true);
    internal readonly Dropout drop = Dropout(0.5);

    internal Block() : base(nameof(Block)) => RegisterComponents();

    public override Tensor forward(Tensor x) => drop.call(act.call(norm.call(fc.call(x))));
}

/// <summary>Modules and parameters that only plain fields hold.</summary>
internal sealed class Unregistered() : Module<Tensor, Tensor>(nameof(Unregistered))
{
    internal readonly List<Linear> layers = [Linear(6, 6), Linear(6, 2)];
    internal readonly Dictionary<string, Parameter> gains = new() { ["last"] = new(rand(2)) };

    public override Tensor forward(Tensor x) => layers[1].call(layers[0].call(x)) * gains["last"];

    internal static Graph Graph()
    {
        var graph = new Graph();
        var hidden = graph.Module("layers.1", graph.Module("layers.0", graph.Input()));
        return graph.Returning(graph.Call(Operator("op_Multiply", typeof(Tensor), typeof(Tensor)), hidden, graph.get_attr("gains.last")));
    }
}

/// <summary>A leaf that returns what it keeps.</summary>
internal sealed class Cache() : Module<Tensor, Tensor>(nameof(Cache))
{
    private readonly Dictionary<long, Tensor> tables = [];

    public override Tensor forward(Tensor x)
        => tables.TryGetValue(x.shape[1], out var table) ? table : tables[x.shape[1]] = arange(x.shape[1]).DetachFromDisposeScope();
}
