using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Modules in lists, dictionaries, fields and containers.</summary>
[Collection("Tensor counts")]
public class ModuleCollectionTests
{
    private sealed class Inner : Module<Tensor, Tensor>
    {
        private readonly Linear linear = Linear(3, 3);

        public Inner() : base("Inner") => RegisterComponents();

        public override Tensor forward(Tensor x) => linear.call(x).relu();
    }

    private sealed class Unregistered() : Module<Tensor, Tensor>("Unregistered")
    {
        private readonly Inner block = new();
        private readonly List<Module<Tensor, Tensor>> list = [Linear(3, 3), ReLU()];
        private readonly Module<Tensor, Tensor>[] array = [Tanh(), Sigmoid()];
        private readonly Dictionary<string, Module<Tensor, Tensor>> byName = new() { ["gelu"] = GELU(), ["last"] = Linear(3, 3) };

        public override Tensor forward(Tensor x)
        {
            x = block.call(x);
            foreach (var module in list)
                x = module.call(x);
            for (var i = 0; i < array.Length; i++)
                x = array[i].forward(x);
            return byName["last"].call(byName["gelu"].call(x));
        }
    }

    [Fact]
    public void Modules_in_fields_and_collections_are_named_by_them() => Traced.Check(new Unregistered(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %block_linear : [num_users=1] = call_module[target=block.linear](%x)
            %relu : [num_users=1] = call_method[target=relu](%block_linear)
            %list_0 : [num_users=1] = call_module[target=list.0](%relu)
            %list_1 : [num_users=1] = call_module[target=list.1](%list_0)
            %array_0 : [num_users=1] = call_module[target=array.0](%list_1)
            %array_1 : [num_users=1] = call_module[target=array.1](%array_0)
            %by_name_gelu : [num_users=1] = call_module[target=byName.gelu](%array_1)
            %by_name_last : [num_users=1] = call_module[target=byName.last](%by_name_gelu)
            return %by_name_last
        """, [rand(2, 3)]);

    private sealed class Lists : Module<Tensor, Tensor>
    {
        private readonly ModuleList<Module<Tensor, Tensor>> layers = ModuleList<Module<Tensor, Tensor>>(Linear(3, 3), new Inner());
        private readonly ModuleDict<Module<Tensor, Tensor>> named = ModuleDict<Module<Tensor, Tensor>>(("head", Linear(3, 2)), ("act", Tanh()));

        public Lists() : base("Lists") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in layers)
                x = layer.call(x);
            for (var i = layers.Count - 1; i >= 0; i--)
                x = layers[i].call(x);
            x = layers.Aggregate(x, (value, layer) => layer.call(value));
            return named["act"].call(named["head"].call(x));
        }
    }

    [Fact]
    public void Module_lists_and_dicts_are_gone_through() => Traced.Check(new Lists(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %layers_0 : [num_users=1] = call_module[target=layers.0](%x)
            %layers_1_linear : [num_users=1] = call_module[target=layers.1.linear](%layers_0)
            %relu : [num_users=1] = call_method[target=relu](%layers_1_linear)
            %layers_1_linear_1 : [num_users=1] = call_module[target=layers.1.linear](%relu)
            %relu_1 : [num_users=1] = call_method[target=relu](%layers_1_linear_1)
            %layers_1 : [num_users=1] = call_module[target=layers.0](%relu_1)
            %layers_2 : [num_users=1] = call_module[target=layers.0](%layers_1)
            %layers_1_linear_2 : [num_users=1] = call_module[target=layers.1.linear](%layers_2)
            %relu_2 : [num_users=1] = call_method[target=relu](%layers_1_linear_2)
            %named_head : [num_users=1] = call_module[target=named.head](%relu_2)
            %named_act : [num_users=1] = call_module[target=named.act](%named_head)
            return %named_act
        """, [rand(2, 3)]);

    private sealed class Sequences : Module<Tensor, Tensor>
    {
        private readonly Sequential features = Sequential(("conv", Conv2d(3, 4, 1)), ("act", ReLU(inplace: true)), ("inner", Sequential(AvgPool2d(2), Flatten())));
        private readonly Sequential nothing = Sequential();
        private readonly Sequential head = Sequential(Linear(16, 2));

        public Sequences() : base("Sequences") => RegisterComponents();

        public override Tensor forward(Tensor x) => head.call(nothing.call(features.call(x)));
    }

    [Fact]
    public void Sequentials_are_followed() => Traced.Check(new Sequences(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %features_conv : [num_users=1] = call_module[target=features.conv](%x)
            %features_act : [num_users=1] = call_module[target=features.act](%features_conv)
            %features_inner_0 : [num_users=1] = call_module[target=features.inner.0](%features_act)
            %features_inner_1 : [num_users=1] = call_module[target=features.inner.1](%features_inner_0)
            %alias : [num_users=1] = call_method[target=alias](%features_inner_1)
            %head_0 : [num_users=1] = call_module[target=head.0](%alias)
            return %head_0
        """, [rand(2, 3, 4, 4)]);

    private sealed class ConvBlock(int channels) : Sequential(("conv", Conv2d(channels, channels, 1)), ("act", ReLU()))
    {
        public override Tensor forward(Tensor x) => base.forward(x) + x;
    }

    private sealed class Derived : Module<Tensor, Tensor>
    {
        private readonly ConvBlock block = new(2);

        public Derived() : base("Derived") => RegisterComponents();

        public override Tensor forward(Tensor x) => block.call(x);
    }

    [Fact]
    public void A_subclass_of_Sequential_may_call_its_base() => Traced.Check(new Derived(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %block_conv : [num_users=1] = call_module[target=block.conv](%x)
            %block_act : [num_users=1] = call_module[target=block.act](%block_conv)
            %add : [num_users=1] = call_function[target=add](%block_act, %x)
            return %add
        """, [rand(1, 2, 3, 3)]);

    private sealed class Getter : Module<Tensor, Dictionary<string, Tensor>>
    {
        private readonly Sequential body = Sequential(("conv1", Conv2d(3, 4, 1)), ("relu", ReLU()), ("conv2", Conv2d(4, 2, 1)));
        private readonly HashSet<string> wanted = ["relu", "conv2"];

        public Getter() : base("Getter") => RegisterComponents();

        public override Dictionary<string, Tensor> forward(Tensor x)
        {
            var results = new Dictionary<string, Tensor>();
            foreach (var (name, child) in body.named_children())
            {
                x = ((Module<Tensor, Tensor>)child).call(x);
                if (wanted.Contains(name))
                    results[name] = x;
            }
            return results;
        }
    }

    [Fact]
    public void Named_children_are_gone_through() => Traced.Check(new Getter(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %body_conv1 : [num_users=1] = call_module[target=body.conv1](%x)
            %body_relu : [num_users=2] = call_module[target=body.relu](%body_conv1)
            %body_conv2 : [num_users=1] = call_module[target=body.conv2](%body_relu)
            return {'relu': %body_relu, 'conv2': %body_conv2}
        """, [rand(1, 3, 2, 2)]);

    private sealed class ByType : Module<Tensor, Tensor>
    {
        private readonly ModuleList<Module> layers = new(Linear(3, 3), Bilinear(3, 3, 3), new Inner());

        public ByType() : base("ByType") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in layers)
                x = layer switch
                {
                    Bilinear pair => pair.call(x, x),
                    Module<Tensor, Tensor> single => single.call(x),
                    _ => throw new NotSupportedException(),
                };
            return x;
        }
    }

    [Fact]
    public void Modules_are_told_apart_by_type() => Traced.Check(new ByType(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %layers_0 : [num_users=1] = call_module[target=layers.0](%x)
            %layers_1 : [num_users=1] = call_module[target=layers.1](%layers_0, %layers_0)
            %layers_2_linear : [num_users=1] = call_module[target=layers.2.linear](%layers_1)
            %relu : [num_users=1] = call_method[target=relu](%layers_2_linear)
            return %relu
        """, [rand(2, 3)]);

    private sealed class Pairs : Module<Tensor, Tensor>
    {
        private readonly List<(Conv2d Conv, BatchNorm2d Norm)> stages = [(Conv2d(3, 4, 1), BatchNorm2d(4)), (Conv2d(4, 4, 1), BatchNorm2d(4))];
        private readonly Sequential tail = Sequential(ReLU(), Flatten());

        public Pairs() : base("Pairs") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            foreach (var (conv, norm) in stages)
                x = norm.call(conv.call(x));
            IModule<Tensor, Tensor> last = tail[1];
            return last.call(((Module<Tensor, Tensor>)tail[0]).call(x));
        }
    }

    [Fact]
    public void Pairs_of_modules_are_named_by_their_place() => Traced.Check(new Pairs(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %stages_0_item1 : [num_users=1] = call_module[target=stages.0.Item1](%x)
            %stages_0_item2 : [num_users=1] = call_module[target=stages.0.Item2](%stages_0_item1)
            %stages_1_item1 : [num_users=1] = call_module[target=stages.1.Item1](%stages_0_item2)
            %stages_1_item2 : [num_users=1] = call_module[target=stages.1.Item2](%stages_1_item1)
            %tail_0 : [num_users=1] = call_module[target=tail.0](%stages_1_item2)
            %tail_1 : [num_users=1] = call_module[target=tail.1](%tail_0)
            return %tail_1
        """, [rand(2, 3, 2, 2)]);

    private sealed class Parameters : Module<Tensor, Tensor>
    {
        private readonly ParameterList list = ParameterList(Parameter(rand(3)), Parameter(rand(3)));
        private readonly ParameterDict dict = ParameterDict(("a", Parameter(rand(3))));
        private readonly Embedding table = Embedding(5, 3);

        public Parameters() : base("Parameters") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            foreach (var scale in list)
                x = x * scale;
            var positions = arange(x.shape[0]).unsqueeze(0).expand(1, -1);
            return x + dict["a"] + list[0] + table.call(positions)[0];
        }
    }

    [Fact]
    public void Parameter_lists_are_gone_through() => Traced.Check(new Parameters(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %list_0 : [num_users=2] = get_attr[target=list.0]
            %mul : [num_users=1] = call_function[target=mul](%x, %list_0)
            %list_1 : [num_users=1] = get_attr[target=list.1]
            %mul_1 : [num_users=2] = call_function[target=mul](%mul, %list_1)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%mul_1, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
            %arange : [num_users=1] = call_function[target=arange](%getitem, None, None, False)
            %unsqueeze : [num_users=1] = call_method[target=unsqueeze](%arange, 0)
            %expand : [num_users=1] = call_method[target=expand](%unsqueeze, [1, -1])
            %dict_a : [num_users=1] = get_attr[target=dict.a]
            %add : [num_users=1] = call_function[target=add](%mul_1, %dict_a)
            %add_1 : [num_users=1] = call_function[target=add](%add, %list_0)
            %table : [num_users=1] = call_module[target=table](%expand)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%table, 0)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %getitem_1)
            return %add_2
        """, [rand(2, 3)], [rand(4, 3)]);
}
