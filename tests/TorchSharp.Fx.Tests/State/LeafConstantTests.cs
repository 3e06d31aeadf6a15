using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.State;

/// <summary>Tensors that the program makes anew in each run, and gives to code that nobody looks into: it may write to them, or hand them back.</summary>
public sealed class LeafConstantTests
{
    /// <summary>A leaf of the user's own.</summary>
    private sealed class Leaf(Func<Tensor, Tensor> body) : nn.Module<Tensor, Tensor>("Leaf")
    {
        public override Tensor forward(Tensor x) => body(x);
    }

    /// <summary>A leaf that is given a list, and gives one.</summary>
    private sealed class ListLeaf(Func<Tensor[], Tensor[]> body) : nn.Module<Tensor[], Tensor[]>("ListLeaf")
    {
        public override Tensor[] forward(Tensor[] x) => body(x);
    }

    private sealed class Calling : nn.Module<Tensor, Tensor>
    {
        private readonly string kind;
        private readonly Leaf adds = new(x => x.add_(1)), turns = new(x => x.t()), itself = new(x => x);
        private readonly ListLeaf addsToAll = new(all => Array.ConvertAll(all, x => x.add_(1))), alone = new(all => all);
        private readonly nn.Module<Tensor, Tensor> relu = nn.ReLU(inplace: true), dropout = nn.Dropout(0, inplace: true), identity = nn.Identity();
        private readonly nn.Module<Tensor, Tensor> sequential = nn.Sequential(nn.Flatten(0), nn.ReLU(inplace: true));

        internal Calling(string kind) : base("Calling")
        {
            this.kind = kind;
            RegisterComponents();
        }

        internal static Tensor AddOne(Tensor x, Tensor y) => x.add_(1) + y;

        public override Tensor forward(Tensor x)
        {
            var made = arange(6, dtype: float32).view(2, 3) - 2;
            var view = made[1];
            return x + kind switch
            {
                "written" => adds.call(made).sum(),
                "view written" => adds.call(view).sum() + made.sum(),
                "view read later" => adds.call(made).sum() + view.sum(),
                "list" => addsToAll.call([made, view])[0].sum() + view.sum(),
                "handed back" => itself.call(made).mul_(2).sum() + view.sum(),
                "view handed back" => turns.call(made).mul_(2).sum() + made.sum(),
                "list handed back" => alone.call([view])[0].mul_(2).sum() + made.sum(),
                "ReLU" => relu.call(made).sum() + view.sum() + made.add_(1).sum(),
                "Dropout" => dropout.call(made).mul_(3).sum() + made.sum(),
                "Identity" => identity.call(made).mul_(3).sum() + made.sum(),
                "read, then written by a view" => (x * made).sum() + made[1].mul_(2).sum() + made.sum(),
                "read, and read by a view that is written" => (x * made).sum() + (x[0] * view).sum() + view.add_(x[0]).sum() + made.sum(),
                "part by a size" => made[.., ..(int)x.shape[0]].add_(1).sum() + made.sum(),
                "broadcast with an input" => broadcast_tensors(made, x[0, 0])[0].add_(1).sum() + made.sum(),
                "Sequential" => sequential.call(made).sum() + made[0].sum(),
                _ => AddOne(made, x).sum() + made.sum(),
            };
        }
    }

    private sealed class LeavesStay() : Tracer([Calling.AddOne])
    {
        public override bool is_leaf_module(nn.Module m, string module_qualified_name) => m is Leaf or ListLeaf || base.is_leaf_module(m, module_qualified_name);
    }

    public static TheoryData<string> Kinds =>
    [
        "written", "view written", "view read later", "list", "handed back", "view handed back", "list handed back", "ReLU", "Dropout", "Identity", "Sequential",
        "read, then written by a view", "read, and read by a view that is written", "part by a size", "broadcast with an input", "function",
    ];

    [Theory, MemberData(nameof(Kinds))]
    public void Each_run_has_its_own(string kind)
    {
        var (model, eager) = (new Calling(kind), new Calling(kind));
        var tracer = new LeavesStay();
        using var traced = new GraphModule<Tensor, Tensor>(model, tracer.trace(model), tracer.tensor_constants);
        for (var call = 0; call < 3; call++)
            Traced.Same(eager.call(ones(2, 3)), traced.call(ones(2, 3)));
    }
}
