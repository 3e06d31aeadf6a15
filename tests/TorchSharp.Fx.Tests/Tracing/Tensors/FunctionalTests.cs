using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>torch.nn.functional, and blocks that switch gradients.</summary>
[Collection("Tensor counts")]
public class FunctionalTests
{
    private sealed class Functionals : Module<Tensor, Tensor>
    {
        private readonly Parameter weight = Parameter(rand(8));

        public Functionals() : base("Functionals") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = functional.relu(x);
            x = functional.dropout(x, 0.5, training: training);
            x = functional.interpolate(x, size: [x.shape[2] * 2, 8], mode: InterpolationMode.Bilinear, align_corners: false);
            x = functional.pad(x, [1, 1, 0, 0], PaddingModes.Constant, 0);
            x = functional.avg_pool2d(x, 2, 1, padding: 0)[.., .., .., ..8];
            x = functional.layer_norm(x, [8], weight, weight);
            return functional.softmax(x, dim: -1) + functional.gelu(x) + functional.normalize(x, 2, 1);
        }
    }

    [Fact]
    public void Functions_are_nodes() => Traced.Check(new Functionals(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %relu : [num_users=1] = call_function[target=relu](%x, False)
            %dropout : [num_users=2] = call_function[target=dropout](%relu, 0.5, True, False)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%dropout, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 2)
            %mul : [num_users=1] = call_function[target=mul](%getitem, 2)
            %interpolate : [num_users=1] = call_function[target=interpolate](%dropout, [%mul, 8], None, InterpolationMode.Bilinear, False, False, False)
            %pad : [num_users=1] = call_function[target=pad](%interpolate, [1, 1, 0, 0], PaddingModes.Constant, 0.0)
            %avg_pool2d : [num_users=1] = call_function[target=avg_pool2d](%pad, 2, 1, 0, False, True, None)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%avg_pool2d, [slice(0, None, None), slice(0, None, None), slice(0, None, None), slice(0, 8, None)])
            %weight : [num_users=1] = get_attr[target=weight]
            %layer_norm : [num_users=3] = call_function[target=layer_norm](%getitem_1, [8], %weight, %weight, 1E-05)
            %softmax : [num_users=1] = call_function[target=softmax](%layer_norm, -1, None)
            %gelu : [num_users=1] = call_function[target=gelu](%layer_norm)
            %add : [num_users=1] = call_function[target=add](%softmax, %gelu)
            %normalize : [num_users=1] = call_function[target=normalize](%layer_norm, 2.0, 1, 1E-12)
            %add_1 : [num_users=1] = call_function[target=add](%add, %normalize)
            return %add_1
        """, [rand(1, 2, 4, 4)], [rand(2, 3, 6, 4)]);

    private sealed class Attention() : Module<Tensor, Tensor, Tensor>("Attention")
    {
        public override Tensor forward(Tensor x, Tensor target)
        {
            var attended = functional.scaled_dot_product_attention(x, x, x, is_casual: true);
            return functional.cross_entropy(attended.flatten(0, 2), target) + functional.mse_loss(attended, x, Reduction.Mean);
        }
    }

    [Fact]
    public void Attention_and_losses_are_nodes() => Traced.Check(new Attention(), """
        graph(%x, %target):
            %x : [num_users=2] = placeholder[target=x]
            %target : [num_users=1] = placeholder[target=target]
            %scaled_dot_product_attention : [num_users=2] = call_function[target=scaled_dot_product_attention](%x, %x, %x, None, 0.0, True)
            %flatten : [num_users=1] = call_method[target=flatten](%scaled_dot_product_attention, 0, 2)
            %cross_entropy : [num_users=1] = call_function[target=cross_entropy](%flatten, %target, None, -100, Reduction.Mean, 0.0)
            %mse_loss : [num_users=1] = call_function[target=mse_loss](%scaled_dot_product_attention, %x, Reduction.Mean)
            %add : [num_users=1] = call_function[target=add](%cross_entropy, %mse_loss)
            return %add
        """, [rand(1, 2, 3, 4), tensor(new long[] { 0, 1, 2, 3, 0, 1 })]);

    private sealed class NoGrad() : Module<Tensor, Tensor>("NoGrad")
    {
        public override Tensor forward(Tensor x)
        {
            Tensor y;
            using (no_grad())
                y = x * 2;
            using (inference_mode())
                y = y.clone() + 1;
            return x + y;
        }
    }

    [Fact]
    public void Blocks_without_gradients_are_the_modes_of_nodes() => Traced.Check(new NoGrad(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %mul : [num_users=1, gradient_mode=no_grad] = call_function[target=mul](%x, 2)
            %clone : [num_users=1, gradient_mode=inference_mode] = call_method[target=clone](%mul)
            %add : [num_users=1, gradient_mode=inference_mode] = call_function[target=add](%clone, 1)
            %add_1 : [num_users=1] = call_function[target=add](%x, %add)
            return %add_1
        """, [rand(2)]);

    [Fact]
    public void Tracing_leaves_gradients_as_they_were()
    {
        Traced.Graph(new NoGrad());
        Assert.True(is_grad_enabled());
    }

    private sealed class Convolutions : Module<Tensor, Tensor>
    {
        private readonly Parameter weight = Parameter(rand(4, 3, 3, 3));

        public Convolutions() : base("Convolutions") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var normal = weight / weight.pow(2).sum([1, 2, 3], keepdim: true).sqrt();
            x = functional.conv2d(x, normal, strides: [1, 1], padding: [1, 1]);
            return functional.max_pool2d(x, 2) + functional.adaptive_avg_pool2d(x, 1) + functional.batch_norm(x, zeros(4), ones(4)).mean();
        }
    }

    [Fact]
    public void Convolutions_with_computed_weights() => Traced.Check(new Convolutions(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %weight : [num_users=2] = get_attr[target=weight]
            %pow_1 : [num_users=1] = call_method[target=pow](%weight, 2)
            %sum_1 : [num_users=1] = call_method[target=sum](%pow_1, [1, 2, 3], True, None)
            %sqrt : [num_users=1] = call_method[target=sqrt](%sum_1)
            %truediv : [num_users=1] = call_function[target=truediv](%weight, %sqrt)
            %conv2d : [num_users=3] = call_function[target=conv2d](%x, %truediv, None, [1, 1], [1, 1], None, 1)
            %max_pool2d : [num_users=1] = call_function[target=max_pool2d](%conv2d, 2, None, None, None, False)
            %adaptive_avg_pool2d : [num_users=1] = call_function[target=adaptive_avg_pool2d](%conv2d, 1)
            %add : [num_users=1] = call_function[target=add](%max_pool2d, %adaptive_avg_pool2d)
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %_tensor_constant1 : [num_users=1] = get_attr[target=_tensor_constant1]
            %batch_norm : [num_users=1] = call_function[target=batch_norm](%conv2d, %_tensor_constant0, %_tensor_constant1, None, None, False, 0.1, 1E-05)
            %mean : [num_users=1] = call_method[target=mean](%batch_norm)
            %add_1 : [num_users=1] = call_function[target=add](%add, %mean)
            return %add_1
        """, [rand(1, 3, 4, 4)], [rand(2, 3, 6, 8)]);
}
