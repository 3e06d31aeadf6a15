using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Sequence;

internal static class Scatter
{
    internal static Tensor Add(Tensor src, Tensor index, long size) => zeros(size, src.shape[1], dtype: src.dtype).index_add_(0, index, src, 1);

    internal static Tensor Mean(Tensor src, Tensor index, long size)
    {
        var count = zeros(size, dtype: src.dtype).scatter_add_(0, index, ones_like(index, dtype: src.dtype));
        return Add(src, index, size) / count.clamp_min(1).unsqueeze(-1);
    }

    internal static Tensor Softmax(Tensor src, Tensor index, long size)
    {
        var weights = (src - src.amax([0])).exp();
        return weights / (Add(weights, index, size).index_select(0, index) + 1e-16);
    }
}

/// <summary>Symmetric normalisation by degrees, then messages summed at their targets.</summary>
internal sealed class GCNConv : Module<Tensor, Tensor, Tensor>
{
    private readonly Linear lin;
    private readonly Parameter bias;

    public GCNConv(long inputs, long outputs) : base(nameof(GCNConv))
    {
        lin = Linear(inputs, outputs, hasBias: false);
        bias = Parameter(zeros(outputs));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor edge_index)
    {
        var nodes = x.size(0);
        var loops = arange(nodes, device: x.device).repeat(2, 1);
        edge_index = cat([edge_index, loops], 1);
        var (row, col) = (edge_index[0], edge_index[1]);
        var deg = zeros(nodes).scatter_add(0, col, ones(col.shape));
        var deg_inv_sqrt = deg.pow(-0.5);
        deg_inv_sqrt[deg_inv_sqrt == float.PositiveInfinity] = 0;
        var norm = deg_inv_sqrt[row] * deg_inv_sqrt[col];
        return Scatter.Add(norm.view(-1, 1) * lin.call(x)[row], col, nodes) + bias;
    }
}

internal sealed class GATConv : Module<Tensor, Tensor, Tensor>
{
    private readonly Linear lin;
    private readonly Parameter att_src, att_dst;
    private readonly int heads;
    private readonly long outputs;

    public GATConv(long inputs, long outputs, int heads) : base(nameof(GATConv))
    {
        (this.heads, this.outputs) = (heads, outputs);
        lin = Linear(inputs, heads * outputs, hasBias: false);
        att_src = Parameter(randn(1, heads, outputs));
        att_dst = Parameter(randn(1, heads, outputs));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor edge_index)
    {
        var h = lin.call(x).view(-1, heads, outputs);
        if (edge_index.unbind(0) is not [var src, var dst])
            throw new ArgumentException("edge_index must have two rows");
        var alpha = (h * att_src).sum(-1).index_select(0, src) + (h * att_dst).sum(-1).index_select(0, dst);
        alpha = Scatter.Softmax(functional.leaky_relu(alpha, 0.2), dst, x.size(0));
        var messages = h.index_select(0, src) * alpha.unsqueeze(-1);
        return Scatter.Add(messages.flatten(1), dst, x.size(0));
    }
}

internal sealed class GIN : Module<Tensor, Tensor, Tensor>
{
    private readonly ModuleList<Sequential> mlps;
    private readonly ParameterList eps;

    public GIN(long width, int layers) : base(nameof(GIN))
    {
        mlps = ModuleList(Enumerable.Range(0, layers).Select(_ => Sequential(Linear(width, width), BatchNorm1d(width), ReLU(), Linear(width, width))).ToArray());
        eps = new ParameterList([.. Enumerable.Range(0, layers).Select(_ => Parameter(zeros(1)))]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor adjacency)
    {
        var readouts = new List<Tensor> { x.sum([0]) };
        for (var i = 0; i < mlps.Count; i++)
        {
            x = mlps[i].call(((1 + eps[i]) * x) + adjacency.mm(x));
            readouts.Add(x.sum([0]));
        }
        return cat(readouts);
    }
}

internal sealed class SageConv : Module<Tensor, Tensor, Tensor>
{
    private readonly Linear lin_l, lin_r;
    private readonly bool normalize;

    public SageConv(long inputs, long outputs, bool normalize = true) : base(nameof(SageConv))
    {
        this.normalize = normalize;
        (lin_l, lin_r) = (Linear(inputs, outputs), Linear(inputs, outputs, hasBias: false));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor edge_index)
    {
        var result = lin_l.call(Scatter.Mean(x[edge_index[0]], edge_index[1], x.shape[0])) + lin_r.call(x);
        return normalize ? functional.normalize(result, p: 2, dim: -1) : result;
    }
}

/// <summary>Rounds of messages into a GRU cell; the graphs of a batch are pooled by their number.</summary>
internal sealed class MessagePassing : Module<(Tensor Nodes, Tensor Edges, Tensor Batch), int, Dictionary<string, Tensor>>
{
    private readonly Linear message;
    private readonly GRUCell update;
    private readonly int rounds;

    public MessagePassing(long width, int rounds) : base(nameof(MessagePassing))
    {
        this.rounds = rounds;
        message = Linear(2 * width, width);
        update = GRUCell(width, width);
        RegisterComponents();
    }

    public override Dictionary<string, Tensor> forward((Tensor Nodes, Tensor Edges, Tensor Batch) graph, int graphs)
    {
        var (h, edges, batch) = graph;
        for (var round = 0; round < rounds; round++)
        {
            var m = message.call(cat([h[edges[0]], h[edges[1]]], -1));
            h = update.call(Scatter.Add(functional.relu(m), edges[1], h.size(0)), h);
        }
        return new()
        {
            ["nodes"] = h,
            ["sum"] = Scatter.Add(h, batch, graphs),
            ["mean"] = Scatter.Mean(h, batch, graphs),
        };
    }
}

/// <summary>Neighbours by distance, features of edges, the largest of each.</summary>
internal sealed class EdgeConv : Module<Tensor, Tensor>
{
    private readonly Sequential mlp;
    private readonly int k;

    public EdgeConv(long inputs, long outputs, int k) : base(nameof(EdgeConv))
    {
        this.k = k;
        mlp = Sequential(Linear(2 * inputs, outputs), LeakyReLU(0.2));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var (b, n, c) = (x.size(0), x.size(1), x.size(2));
        var (_, idx) = cdist(x, x).topk(k, dim: -1, largest: false);
        var flat = (idx + (arange(b).view(-1, 1, 1) * n)).view(-1);
        var neighbours = x.reshape(b * n, c)[flat].view(b, n, k, c);
        var centre = x.unsqueeze(2).expand(-1, -1, k, -1);
        return mlp.call(cat([centre, neighbours - centre], -1)).max(2).values;
    }
}

internal static class GraphModules
{
    internal static readonly CorpusRow[] Rows =
    [
        new("GCNConv", "self loops by arange, degrees by scatter_add, a masked assignment", () => new GCNConv(3, 4), () => [[randn(4, 3), Edges(4)], [randn(6, 3), Edges(6)]]),
        new("GATConv", "softmax over neighbours by index_add_, a list pattern that may throw", () => new GATConv(3, 4, 2), () => [[randn(4, 3), Edges(4)], [randn(6, 3), Edges(6)]]),
        new("GIN", "a ModuleList beside a ParameterList by index", () => new GIN(3, 2), () => [[randn(4, 3), rand(4, 4)], [randn(6, 3), rand(6, 6)]]),
        new("SageConv", "means by counts, indexing by tensors", () => new SageConv(3, 4), () => [[randn(4, 3), Edges(4)], [randn(6, 3), Edges(6)]]),
        new("MessagePassing", "a tuple of tensors and a number in, a dictionary out", () => new MessagePassing(3, 2), () => [[(randn(4, 3), Edges(4), tensor([0L, 0, 1, 1])), 2], [(randn(5, 3), Edges(5), tensor([0L, 1, 1, 2, 2])), 3]]),
        new("EdgeConv", "nearest neighbours by topk, offsets from the batch", () => new EdgeConv(3, 4, 2), () => [[randn(1, 4, 3)], [randn(2, 5, 3)]]),
    ];

    private static Tensor Edges(long nodes) => stack([arange(nodes), (arange(nodes) + 1).remainder(nodes)]);
}
