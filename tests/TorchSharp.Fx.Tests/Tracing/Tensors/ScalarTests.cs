using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Numbers beside tensors: C# converts them to <c>Scalar</c> and <c>Tensor</c> without a word, and so does Python.</summary>
public class ScalarTests
{
    private sealed class Numbers(int dim) : Module<Tensor, Tensor>("Numbers")
    {
        public override Tensor forward(Tensor x) => (1 - x * 2 + 0.5f) / Math.Sqrt(dim) * (float)Math.Sqrt(dim) - -x + 1 / x;
    }

    [Fact]
    public void Constants_become_scalars() => Traced.Check(new Numbers(16), """
        graph(%x):
            %x : [num_users=3] = placeholder[target=x]
            %mul : [num_users=1] = call_function[target=mul](%x, 2)
            %sub : [num_users=1] = call_function[target=sub](1, %mul)
            %add : [num_users=1] = call_function[target=add](%sub, 0.5)
            %truediv : [num_users=1] = call_function[target=truediv](%add, 4.0)
            %mul_1 : [num_users=1] = call_function[target=mul](%truediv, 4.0)
            %neg : [num_users=1] = call_function[target=neg](%x)
            %sub_1 : [num_users=1] = call_function[target=sub](%mul_1, %neg)
            %truediv_1 : [num_users=1] = call_function[target=truediv](1, %x)
            %add_1 : [num_users=1] = call_function[target=add](%sub_1, %truediv_1)
            return %add_1
        """, [rand(2, 3)]);

    private sealed class Dimensions() : Module<Tensor, Tensor>("Dimensions")
    {
        public override Tensor forward(Tensor x)
        {
            var n = x.shape[1];
            return x * n / (float)n + (int)n - n + x.mul(n).div(2 * n).pow(2) + x * (1.0 / n) + x * (n % 2);
        }
    }

    [Fact]
    public void Dimensions_become_scalars() => Traced.Check(new Dimensions(), """
        graph(%x):
            %x : [num_users=5] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=8] = call_function[target=getitem](%getattr_1, 1)
            %mul : [num_users=1] = call_function[target=mul](%x, %getitem)
            %truediv : [num_users=1] = call_function[target=truediv](%mul, float(%getitem))
            %add : [num_users=1] = call_function[target=add](%truediv, int(%getitem))
            %sub : [num_users=1] = call_function[target=sub](%add, %getitem)
            %mul_1 : [num_users=1] = call_method[target=mul](%x, %getitem)
            %mul_2 : [num_users=1] = call_function[target=mul](2, %getitem)
            %div : [num_users=1] = call_method[target=div](%mul_1, %mul_2, RoundingMode.None)
            %pow_1 : [num_users=1] = call_method[target=pow](%div, 2)
            %add_1 : [num_users=1] = call_function[target=add](%sub, %pow_1)
            %truediv_1 : [num_users=1] = call_function[target=truediv](1.0, double(%getitem))
            %mul_3 : [num_users=1] = call_function[target=mul](%x, %truediv_1)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %mul_3)
            %mod : [num_users=1] = call_function[target=mod](%getitem, 2)
            %mul_4 : [num_users=1] = call_function[target=mul](%x, %mod)
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %mul_4)
            return %add_3
        """, [rand(2, 3)], [rand(4, 2)]);

    private sealed class ToTensor() : Module<Tensor, Tensor>("ToTensor")
    {
        public override Tensor forward(Tensor x)
        {
            Tensor scale = 2.5f;
            Tensor rows = x.shape[0];
            return x * scale + rows + tensor(3f) + x.shape[1].ToTensor();
        }
    }

    [Fact]
    public void Numbers_become_tensors() => Traced.Check(new ToTensor(), """
        graph(%x):
            %x : [num_users=3] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
            %tensor : [num_users=1] = call_function[target=tensor](%getitem)
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %mul : [num_users=1] = call_function[target=mul](%x, %_tensor_constant0)
            %add : [num_users=1] = call_function[target=add](%mul, %tensor)
            %_tensor_constant1 : [num_users=1] = get_attr[target=_tensor_constant1]
            %add_1 : [num_users=1] = call_function[target=add](%add, %_tensor_constant1)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_2, 1)
            %to_tensor : [num_users=1] = call_function[target=ToTensor](%getitem_1, None, False)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %to_tensor)
            return %add_2
        """, [rand(2, 3)], [rand(4, 2)]);

    private sealed class Comparisons() : Module<Tensor, Tensor>("Comparisons")
    {
        public override Tensor forward(Tensor x)
        {
            var y = x.t();
            var a = (x > y) & (x >= 0) | (x < 0.5) ^ (x <= y);
            return a & (x == y) | (x != 0) | ~a;
        }
    }

    [Fact]
    public void Comparison_operators_are_nodes() => Traced.Check(new Comparisons(), """
        graph(%x):
            %x : [num_users=7] = placeholder[target=x]
            %t : [num_users=3] = call_method[target=t](%x)
            %gt : [num_users=1] = call_function[target=gt](%x, %t)
            %ge : [num_users=1] = call_function[target=ge](%x, 0)
            %and_ : [num_users=1] = call_function[target=and_](%gt, %ge)
            %lt : [num_users=1] = call_function[target=lt](%x, 0.5)
            %le : [num_users=1] = call_function[target=le](%x, %t)
            %xor : [num_users=1] = call_function[target=xor](%lt, %le)
            %or_ : [num_users=2] = call_function[target=or_](%and_, %xor)
            %eq : [num_users=1] = call_function[target=eq](%x, %t)
            %and__1 : [num_users=1] = call_function[target=and_](%or_, %eq)
            %ne : [num_users=1] = call_function[target=ne](%x, 0)
            %or__1 : [num_users=1] = call_function[target=or_](%and__1, %ne)
            %invert : [num_users=1] = call_function[target=invert](%or_)
            %or__2 : [num_users=1] = call_function[target=or_](%or__1, %invert)
            return %or__2
        """, [rand(3, 3)]);

    private sealed class Compound() : Module<Tensor, Tensor>("Compound")
    {
        public override Tensor forward(Tensor x)
        {
            x += 1;
            x *= x;
            x /= 2f;
            x -= x.mean();
            return x % 2;
        }
    }

    [Fact]
    public void Compound_assignment_is_out_of_place() => Traced.Check(new Compound(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %add : [num_users=1] = call_function[target=add](%x, 1)
            %mul : [num_users=1] = call_function[target=mul](%add, %add)
            %truediv : [num_users=2] = call_function[target=truediv](%mul, 2.0)
            %mean : [num_users=1] = call_method[target=mean](%truediv)
            %sub : [num_users=1] = call_function[target=sub](%truediv, %mean)
            %mod : [num_users=1] = call_function[target=mod](%sub, 2)
            return %mod
        """, [rand(3, 3)]);
}
