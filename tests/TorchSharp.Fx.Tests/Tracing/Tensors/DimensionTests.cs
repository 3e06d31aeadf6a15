using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Dimensions as numbers: in arithmetic, in checks, in tensors, and shapes that are rewritten.</summary>
public class DimensionTests
{
    private sealed class MathOnDimensions() : Module<Tensor, Tensor>("MathOnDimensions")
    {
        public override Tensor forward(Tensor x)
        {
            var n = (int)x.shape[1];
            var half = (int)Math.Ceiling(n / 2.0);
            var side = (long)Math.Sqrt(x.shape[0]);
            return x.narrow(1, 0, Math.Max(half, 1)).reshape(side, side, -1) * x.dim() * x.numel() * x.ndim;
        }
    }

    [Fact]
    public void Math_works_on_dimensions() => Traced.Check(new MathOnDimensions(), """
        graph(%x):
            %x : [num_users=6] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 1)
            %truediv : [num_users=1] = call_function[target=truediv](double(int(%getitem)), 2.0)
            %ceil : [num_users=1] = call_function[target=ceil](%truediv)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_2, 0)
            %sqrt : [num_users=1] = call_function[target=sqrt](double(%getitem_1))
            %max_1 : [num_users=1] = call_function[target=max](int(%ceil), 1)
            %narrow : [num_users=1] = call_method[target=narrow](%x, 1, 0, long(%max_1))
            %reshape : [num_users=1] = call_method[target=reshape](%narrow, [long(%sqrt), long(%sqrt), -1])
            %dim : [num_users=1] = call_method[target=dim](%x)
            %mul : [num_users=1] = call_function[target=mul](%reshape, %dim)
            %numel : [num_users=1] = call_method[target=numel](%x)
            %mul_1 : [num_users=1] = call_function[target=mul](%mul, %numel)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, ndim)
            %mul_2 : [num_users=1] = call_function[target=mul](%mul_1, %getattr_3)
            return %mul_2
        """, [rand(4, 3)], [rand(9, 6)]);

    private sealed class SameShape() : Module<Tensor, Tensor, Tensor>("SameShape")
    {
        public override Tensor forward(Tensor x, Tensor y) => x.view(y.shape).view_as(y).expand_as(y).reshape(y.size());
    }

    [Fact]
    public void A_whole_shape_is_an_argument() => Traced.Check(new SameShape(), """
        graph(%x, %y):
            %x : [num_users=1] = placeholder[target=x]
            %y : [num_users=4] = placeholder[target=y]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%y, shape)
            %view : [num_users=1] = call_method[target=view](%x, %getattr_1)
            %view_as : [num_users=1] = call_method[target=view_as](%view, %y)
            %expand_as : [num_users=1] = call_method[target=expand_as](%view_as, %y)
            %size : [num_users=1] = call_method[target=size](%y)
            %reshape : [num_users=1] = call_method[target=reshape](%expand_as, %size)
            return %reshape
        """, [rand(2, 6), rand(3, 4)], [rand(4, 2), rand(8)]);

    private sealed class Rewritten() : Module<Tensor, Tensor>("Rewritten")
    {
        public override Tensor forward(Tensor x)
        {
            var shape = x.shape;
            shape[^1] = 2;
            shape[0] = -1;
            if (shape[0] != -1)
                throw new InvalidOperationException();
            return x.reshape(shape);
        }
    }

    [Fact]
    public void A_shape_is_rewritten() => Traced.Check(new Rewritten(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, slice(None, -1, None))
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getitem, slice(1, None, None))
            %reshape : [num_users=1] = call_method[target=reshape](%x, [-1, *%getitem_1, 2])
            return %reshape
        """, [rand(2, 3, 4)], [rand(5, 6)]);

    private sealed class Checked() : Module<Tensor, Tensor>("Checked")
    {
        public override Tensor forward(Tensor x)
        {
            if (x.dim() != 3 || x.shape.Length != 3)
                throw new ArgumentException($"Three dimensions are needed, not {x.dim()}.");
            if (x.shape[2] % 2 != 0)
                throw new ArgumentException("The width must be even.", nameof(x));
            ArgumentOutOfRangeException.ThrowIfLessThan(x.shape[1], 1);
            return x * 2;
        }
    }

    [Fact]
    public void Checks_become_assertions() => Traced.Check(new Checked(), """
        graph(%x):
            %x : [num_users=5] = placeholder[target=x]
            %dim : [num_users=1] = call_method[target=dim](%x)
            %eq : [num_users=1] = call_function[target=eq](%dim, 3)
            %_assert : [num_users=0] = call_function[target=_assert](%eq, 'Three dimensions are needed, not {…}.')
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %len_1 : [num_users=1] = call_function[target=len](%getattr_1)
            %eq_1 : [num_users=1] = call_function[target=eq](%len_1, 3)
            %_assert_1 : [num_users=0] = call_function[target=_assert](%eq_1, 'Three dimensions are needed, not {…}.')
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_2, 2)
            %mod : [num_users=1] = call_function[target=mod](%getitem, 2)
            %eq_2 : [num_users=1] = call_function[target=eq](%mod, 0)
            %_assert_2 : [num_users=0] = call_function[target=_assert](%eq_2, 'The width must be even.')
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_3, 1)
            %ge : [num_users=1] = call_function[target=ge](%getitem_1, 1)
            %_assert_3 : [num_users=0] = call_function[target=_assert](%ge, 'ThrowIfLessThan(x.shape[1])')
            %mul : [num_users=1] = call_function[target=mul](%x, 2)
            return %mul
        """, [rand(2, 3, 4)]);

    private sealed class SameShapes() : Module<Tensor, Tensor, Tensor>("SameShapes")
    {
        public override Tensor forward(Tensor x, Tensor y)
        {
            if (!x.shape.SequenceEqual(y.shape))
                throw new ArgumentException("The shapes differ.");
            if (!Enumerable.SequenceEqual(x.shape, [x.shape[0], 3]))
                throw new ArgumentException("Three columns are needed.");
            return x + y;
        }
    }

    [Fact]
    public void A_comparison_of_shapes_becomes_an_assertion()
    {
        var module = new SameShapes();
        Traced.Check(module, """
        graph(%x, %y):
            %x : [num_users=4] = placeholder[target=x]
            %y : [num_users=2] = placeholder[target=y]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%y, shape)
            %eq : [num_users=1] = call_function[target=eq](%getattr_1, %getattr_2)
            %ne : [num_users=1] = call_function[target=ne](%eq, False)
            %_assert : [num_users=0] = call_function[target=_assert](%ne, 'The shapes differ.')
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getattr_4 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_4, 0)
            %eq_1 : [num_users=1] = call_function[target=eq](%getattr_3, [%getitem, 3])
            %ne_1 : [num_users=1] = call_function[target=ne](%eq_1, False)
            %_assert_1 : [num_users=0] = call_function[target=_assert](%ne_1, 'Three columns are needed.')
            %add : [num_users=1] = call_function[target=add](%x, %y)
            return %add
        """, [rand(2, 3), rand(2, 3)], [rand(4, 3), rand(4, 3)]);
        var error = Assert.Throws<GraphAssertionException>(() => fx.symbolic_trace((Module)module).call(rand(2, 3), rand(1, 3)));
        Assert.Contains("The shapes differ.", error.Message, StringComparison.Ordinal);
    }

    private sealed class SizesAsTensor() : Module<Tensor, Tensor>("SizesAsTensor")
    {
        public override Tensor forward(Tensor x)
        {
            var (h, w) = (x.shape[0], x.shape[1]);
            var sizes = tensor(new[] { h, w }, dtype: ScalarType.Float32);
            Scalar s = w;
            return x / sizes + tensor(h) * s + tensor(new[] { 1f, w });
        }
    }

    [Fact]
    public void Dimensions_are_put_into_tensors() => Traced.Check(new SizesAsTensor(), """
        graph(%x):
            %x : [num_users=3] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=2] = call_function[target=getitem](%getattr_1, 0)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=3] = call_function[target=getitem](%getattr_2, 1)
            %tensor : [num_users=1] = call_function[target=tensor]([%getitem, %getitem_1], torch.float32, None, False, None)
            %truediv : [num_users=1] = call_function[target=truediv](%x, %tensor)
            %tensor_1 : [num_users=1] = call_function[target=tensor](%getitem, None, None, False)
            %mul : [num_users=1] = call_function[target=mul](%tensor_1, %getitem_1)
            %add : [num_users=1] = call_function[target=add](%truediv, %mul)
            %tensor_2 : [num_users=1] = call_function[target=tensor]([1.0, float(%getitem_1)], None, None, False, None)
            %add_1 : [num_users=1] = call_function[target=add](%add, %tensor_2)
            return %add_1
        """, [rand(3, 2)], [rand(5, 2)]);

    private sealed class Repeats() : Module<Tensor, Tensor>("Repeats")
    {
        public override Tensor forward(Tensor x)
        {
            var n = x.shape[0];
            var (a, b) = (n / 2, n - n / 2);
            var parts = x.split([a, b], 0);
            return parts[0].unsqueeze(0).repeat(b, 1, 1).sum(new long[] { 0 }).repeat_interleave(2, 0)[..(int)a] + parts[1].mean([0], keepdim: true);
        }
    }

    [Fact]
    public void Dimensions_are_numbers_of_parts_and_repeats() => Traced.Check(new Repeats(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=3] = call_function[target=getitem](%getattr_1, 0)
            %floordiv : [num_users=2] = call_function[target=floordiv](%getitem, 2)
            %floordiv_1 : [num_users=1] = call_function[target=floordiv](%getitem, 2)
            %sub : [num_users=2] = call_function[target=sub](%getitem, %floordiv_1)
            %split : [num_users=2] = call_method[target=split](%x, [%floordiv, %sub], 0)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%split, 0)
            %unsqueeze : [num_users=1] = call_method[target=unsqueeze](%getitem_1, 0)
            %repeat : [num_users=1] = call_method[target=repeat](%unsqueeze, [%sub, 1, 1])
            %sum_1 : [num_users=1] = call_method[target=sum](%repeat, [0], False, None)
            %repeat_interleave : [num_users=1] = call_method[target=repeat_interleave](%sum_1, 2, 0, None)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%repeat_interleave, [slice(0, long(int(%floordiv)), None)])
            %getitem_3 : [num_users=1] = call_function[target=getitem](%split, 1)
            %mean : [num_users=1] = call_method[target=mean](%getitem_3, [0], True, None)
            %add : [num_users=1] = call_function[target=add](%getitem_2, %mean)
            return %add
        """, [rand(4, 2)], [rand(6, 3)]);

    private sealed class Meshes() : Module<Tensor, Tensor>("Meshes")
    {
        public override Tensor forward(Tensor x)
        {
            var grids = meshgrid([arange(x.shape[0]), arange(x.shape[1])], indexing: "ij");
            return stack([grids[0], grids[1]], -1).reshape(-1, 2) + x.sum();
        }
    }

    [Fact]
    public void Meshes_are_made_of_dimensions() => Traced.Check(new Meshes(), """
        graph(%x):
            %x : [num_users=3] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
            %arange : [num_users=1] = call_function[target=arange](%getitem, None, None, False)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_2, 1)
            %arange_1 : [num_users=1] = call_function[target=arange](%getitem_1, None, None, False)
            %meshgrid : [num_users=2] = call_function[target=meshgrid]([%arange, %arange_1], 'ij')
            %getitem_2 : [num_users=1] = call_function[target=getitem](%meshgrid, 0)
            %getitem_3 : [num_users=1] = call_function[target=getitem](%meshgrid, 1)
            %stack : [num_users=1] = call_function[target=stack]([%getitem_2, %getitem_3], -1)
            %reshape : [num_users=1] = call_method[target=reshape](%stack, [-1, 2])
            %sum_1 : [num_users=1] = call_method[target=sum](%x, None)
            %add : [num_users=1] = call_function[target=add](%reshape, %sum_1)
            return %add
        """, [rand(4, 2)], [rand(6, 3)]);
}
