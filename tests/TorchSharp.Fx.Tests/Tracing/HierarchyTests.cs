using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

public sealed class HierarchyTests
{
    private sealed class Scale : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter weight = new(torch.full(1, 2.0));

        public Scale() : base(nameof(Scale)) => RegisterComponents();

        public override Tensor forward(Tensor x) => x * weight;
    }

    private sealed class Unregistered() : nn.Module<Tensor, Tensor>(nameof(Unregistered))
    {
        private readonly List<Scale> scales = [new(), new()];
        private readonly Dictionary<string, Sequential> heads = new() { ["main"] = nn.Sequential(("scale", new Scale()), ("act", nn.ReLU())) };
        private readonly (Scale Left, Scale Right) pair = (new(), new());

        public override Tensor forward(Tensor x)
        {
            foreach (var scale in scales)
                x = scale.call(x);
            return heads["main"].call(x) + pair.Right.forward(x);
        }
    }

    [Fact]
    public void Modules_that_only_fields_and_collections_hold_are_named_by_their_path()
        => Traced.Check(new Unregistered(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %scales_0_weight : [num_users=1] = get_attr[target=scales.0.weight]
                %mul : [num_users=1] = call_function[target=mul](%x, %scales_0_weight)
                %scales_1_weight : [num_users=1] = get_attr[target=scales.1.weight]
                %mul_1 : [num_users=2] = call_function[target=mul](%mul, %scales_1_weight)
                %heads_main_scale_weight : [num_users=1] = get_attr[target=heads.main.scale.weight]
                %mul_2 : [num_users=1] = call_function[target=mul](%mul_1, %heads_main_scale_weight)
                %heads_main_act : [num_users=1] = call_module[target=heads.main.act](%mul_2)
                %pair_item2_weight : [num_users=1] = get_attr[target=pair.Item2.weight]
                %mul_3 : [num_users=1] = call_function[target=mul](%mul_1, %pair_item2_weight)
                %add : [num_users=1] = call_function[target=add](%heads_main_act, %mul_3)
                return %add
            """);
}
