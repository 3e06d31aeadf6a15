using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Submodules: how they are held, named and called.</summary>
[Collection("Tensor counts")]
public class ModuleTests
{
    private sealed class Children : Module<Tensor, Tensor>
    {
        private readonly Linear first = Linear(3, 4);
        private readonly Module<Tensor, Tensor> act = ReLU();
        private readonly Module<Tensor, Tensor> second = Linear(4, 2);

        public Children() : base("Children") => RegisterComponents();

        public override Tensor forward(Tensor x) => second.forward(act.call(first.forward(x)));
    }

    [Fact]
    public void Call_and_forward_are_the_same() => Traced.Check(new Children(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %first : [num_users=1] = call_module[target=first](%x)
            %act : [num_users=1] = call_module[target=act](%first)
            %second : [num_users=1] = call_module[target=second](%act)
            return %second
        """, [rand(2, 3)]);

    private sealed class Inner : Module<Tensor, Tensor>
    {
        private readonly Linear linear = Linear(3, 3);

        public Inner() : base("Inner") => RegisterComponents();

        public override Tensor forward(Tensor x) => linear.call(x).relu();
    }

    private sealed class Repeated : Module<Tensor, Tensor>
    {
        private readonly Inner block = new();
        private readonly Inner alias;

        public Repeated() : base("Repeated")
        {
            alias = block;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => alias.call(block.call(block.call(x)));
    }

    [Fact]
    public void A_shared_module_keeps_its_first_name() => Traced.Check(new Repeated(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %block_linear : [num_users=1] = call_module[target=block.linear](%x)
            %relu : [num_users=1] = call_method[target=relu](%block_linear)
            %block_linear_1 : [num_users=1] = call_module[target=block.linear](%relu)
            %relu_1 : [num_users=1] = call_method[target=relu](%block_linear_1)
            %block_linear_2 : [num_users=1] = call_module[target=block.linear](%relu_1)
            %relu_2 : [num_users=1] = call_method[target=relu](%block_linear_2)
            return %relu_2
        """, [rand(2, 3)]);

    private abstract class Backbone : Module<Tensor, Tensor>
    {
        protected readonly Linear stem = Linear(3, 3);

        protected Backbone(string name) : base(name) { }

        protected abstract Tensor body(Tensor x);

        protected virtual Tensor head(Tensor x) => x.mean([1]);

        public override Tensor forward(Tensor x) => head(body(stem.call(x)));
    }

    private sealed class Concrete : Backbone
    {
        private readonly Linear extra = Linear(3, 3);

        public Concrete() : base("Concrete") => RegisterComponents();

        protected override Tensor body(Tensor x) => extra.call(x);

        protected override Tensor head(Tensor x) => base.head(x).neg();
    }

    [Fact]
    public void A_base_class_calls_its_overrides() => Traced.Check(new Concrete(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %stem : [num_users=1] = call_module[target=stem](%x)
            %extra : [num_users=1] = call_module[target=extra](%stem)
            %mean : [num_users=1] = call_method[target=mean](%extra, [1], False, None)
            %neg : [num_users=1] = call_method[target=neg](%mean)
            return %neg
        """, [rand(2, 3)]);

    private sealed class TwoInputs : Module<Tensor, Tensor, Tensor>
    {
        private readonly Bilinear bilinear = Bilinear(3, 3, 2);

        public TwoInputs() : base("TwoInputs") => RegisterComponents();

        public override Tensor forward(Tensor x, Tensor y) => bilinear.call(x, y);

        public Tensor forward(Tensor x) => forward(x, x);
    }

    private sealed class Overloads : Module<Tensor, Tensor>
    {
        private readonly TwoInputs pair = new();

        public Overloads() : base("Overloads") => RegisterComponents();

        public override Tensor forward(Tensor x) => pair.forward(x) + pair.call(x, x * 2);
    }

    [Fact]
    public void Overloads_of_forward_are_followed() => Traced.Check(new Overloads(), """
        graph(%x):
            %x : [num_users=3] = placeholder[target=x]
            %pair_bilinear : [num_users=1] = call_module[target=pair.bilinear](%x, %x)
            %mul : [num_users=1] = call_function[target=mul](%x, 2)
            %pair_bilinear_1 : [num_users=1] = call_module[target=pair.bilinear](%x, %mul)
            %add : [num_users=1] = call_function[target=add](%pair_bilinear, %pair_bilinear_1)
            return %add
        """, [rand(2, 3)]);

    private sealed class Modes : Module<Tensor, Tensor>
    {
        private readonly Dropout drop = Dropout(0.5);

        public Modes() : base("Modes") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = drop.call(x);
            if (training)
                x = x * 2;
            return functional.dropout(x, 0.3, training);
        }
    }

    [Fact]
    public void Training_mode_is_read_while_tracing()
    {
        Traced.Check(new Modes(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %drop : [num_users=1] = call_module[target=drop](%x)
            %mul : [num_users=1] = call_function[target=mul](%drop, 2)
            %dropout : [num_users=1] = call_function[target=dropout](%mul, 0.3, True, False)
            return %dropout
        """, [ones(4, 4)]);
    }

    [Fact]
    public void Evaluation_mode_is_read_while_tracing()
    {
        var module = new Modes();
        module.eval();
        Traced.Check(module, """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %drop : [num_users=1] = call_module[target=drop](%x)
            %dropout : [num_users=1] = call_function[target=dropout](%drop, 0.3, False, False)
            return %dropout
        """, [ones(4, 4)]);
    }

    private sealed class Attention : Module<Tensor, Tensor>
    {
        private readonly MultiheadAttention attention = MultiheadAttention(4, 2);
        private readonly TransformerEncoder encoder = TransformerEncoder(TransformerEncoderLayer(4, 2, 8, 0), 1);
        private readonly Embedding embedding = Embedding(10, 4);
        private readonly LayerNorm norm = LayerNorm(4);

        public Attention() : base("Attention") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var e = embedding.call(x);
            var (attended, _) = attention.call(e, e, e);
            return norm.call(encoder.call(attended + e, null, null));
        }
    }

    [Fact]
    public void TorchSharps_own_modules_are_leaves() => Traced.Check(new Attention(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %embedding : [num_users=2] = call_module[target=embedding](%x)
            %attention : [num_users=2] = call_module[target=attention](%embedding, %embedding, %embedding, None, True, None)
            %getitem : [num_users=1] = call_function[target=getitem](%attention, 0)
            %getitem_1 : [num_users=0] = call_function[target=getitem](%attention, 1)
            %add : [num_users=1] = call_function[target=add](%getitem, %embedding)
            %encoder : [num_users=1] = call_module[target=encoder](%add, None, None)
            %norm : [num_users=1] = call_module[target=norm](%encoder)
            return %norm
        """, [randint(0, 10, [5, 2])], [randint(0, 10, [3, 1])]);

    private sealed class Elsewhere() : Module<Tensor, Tensor>("Elsewhere")
    {
        private static readonly TorchSharp.Modules.Linear Shared = Linear(3, 3);

        public override Tensor forward(Tensor x) => Shared.call(x);
    }

    [Fact]
    public void A_module_that_the_root_does_not_reach_is_refused()
    {
        var error = Assert.Throws<TraceException>(() => Traced.Graph(new Elsewhere()));
        Assert.StartsWith("FX009: The module Linear that is called here is not reachable from the root module by its submodules and fields, so it has no qualified name. It happens in the root module at ModuleTests.cs:", error.Message);
        Assert.EndsWith(". Keep it in a field of a module and register it (RegisterComponents or register_module).", error.Message);
    }
}
