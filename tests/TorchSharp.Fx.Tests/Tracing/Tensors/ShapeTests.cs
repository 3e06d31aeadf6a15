using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Shapes as <c>forward</c> methods read, compute and pass them on.</summary>
public class ShapeTests
{
    private sealed class Reads() : Module<Tensor, Tensor>("Reads")
    {
        public override Tensor forward(Tensor x)
        {
            var n = x.shape[0];
            var c = x.size(1);
            return x.reshape(n, c, -1);
        }
    }

    [Fact]
    public void Dimensions_are_read_by_shape_and_size() => Traced.Check(new Reads(), """
        graph(%x):
            %x : [num_users=3] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
            %size : [num_users=1] = call_method[target=size](%x, 1)
            %reshape : [num_users=1] = call_method[target=reshape](%x, [%getitem, %size, -1])
            return %reshape
        """, [rand(2, 3, 4, 5)], [rand(1, 6, 7, 2)]);

    private sealed class LastDimension() : Module<Tensor, Tensor>("LastDimension")
    {
        public override Tensor forward(Tensor x) => x.view(-1, x.shape[^1]);
    }

    [Fact]
    public void Last_dimension_is_index_minus_one() => Traced.Check(new LastDimension(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, -1)
            %view : [num_users=1] = call_method[target=view](%x, [-1, %getitem])
            return %view
        """, [rand(2, 3, 4)], [rand(5, 1, 2, 6)]);

    private sealed class Arithmetic() : Module<Tensor, Tensor>("Arithmetic")
    {
        public override Tensor forward(Tensor x)
        {
            var (h, w) = (x.shape[2], x.shape[3]);
            return x.view(x.shape[0], -1, h / 2, 2, w / 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(x.shape[0], x.shape[1] * 4, h / 2, w / 2);
        }
    }

    [Fact]
    public void Arithmetic_on_dimensions_is_recorded() => Traced.Check(new Arithmetic(), """
        graph(%x):
            %x : [num_users=6] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=2] = call_function[target=getitem](%getattr_1, 2)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=2] = call_function[target=getitem](%getattr_2, 3)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%getattr_3, 0)
            %floordiv : [num_users=1] = call_function[target=floordiv](%getitem, 2)
            %floordiv_1 : [num_users=1] = call_function[target=floordiv](%getitem_1, 2)
            %view : [num_users=1] = call_method[target=view](%x, [%getitem_2, -1, %floordiv, 2, %floordiv_1, 2])
            %permute : [num_users=1] = call_method[target=permute](%view, [0, 1, 3, 5, 2, 4])
            %getattr_4 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_3 : [num_users=1] = call_function[target=getitem](%getattr_4, 0)
            %getattr_5 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_4 : [num_users=1] = call_function[target=getitem](%getattr_5, 1)
            %mul : [num_users=1] = call_function[target=mul](%getitem_4, 4)
            %floordiv_2 : [num_users=1] = call_function[target=floordiv](%getitem, 2)
            %floordiv_3 : [num_users=1] = call_function[target=floordiv](%getitem_1, 2)
            %reshape : [num_users=1] = call_method[target=reshape](%permute, [%getitem_3, %mul, %floordiv_2, %floordiv_3])
            return %reshape
        """, [rand(2, 3, 4, 6)], [rand(1, 2, 8, 2)]);

    private sealed class Spread() : Module<Tensor, Tensor>("Spread")
    {
        public override Tensor forward(Tensor x)
        {
            var s = x.shape;
            return x.reshape([.. s[..^1], 2, s[^1] / 2]);
        }
    }

    [Fact]
    public void A_slice_of_a_shape_is_spread() => Traced.Check(new Spread(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %getattr_1 : [num_users=2] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, slice(0, -1, None))
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_1, -1)
            %floordiv : [num_users=1] = call_function[target=floordiv](%getitem_1, 2)
            %reshape : [num_users=1] = call_method[target=reshape](%x, [*%getitem, 2, %floordiv])
            return %reshape
        """, [rand(2, 3, 4)], [rand(5, 6)]);

    private sealed class TakeAppend() : Module<Tensor, Tensor>("TakeAppend")
    {
        public override Tensor forward(Tensor x) => x.reshape(x.shape.Take(2).Append(x.shape[2] * x.shape[3]).ToArray());
    }

    [Fact]
    public void Linq_builds_a_shape() => Traced.Check(new TakeAppend(), """
        graph(%x):
            %x : [num_users=4] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, slice(None, 2, None))
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_2, 2)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%getattr_3, 3)
            %mul : [num_users=1] = call_function[target=mul](%getitem_1, %getitem_2)
            %reshape : [num_users=1] = call_method[target=reshape](%x, [*%getitem, %mul])
            return %reshape
        """, [rand(2, 3, 4, 6)], [rand(1, 2, 8, 2)]);

    private sealed class NewArray() : Module<Tensor, Tensor>("NewArray")
    {
        public override Tensor forward(Tensor x)
        {
            long n = x.shape[0], c = x.shape[1];
            return x.reshape(new long[] { n, c, -1 }) + x.view(new[] { n, c, x.shape[2] * x.shape[3] });
        }
    }

    [Fact]
    public void Arrays_of_dimensions_are_arguments() => Traced.Check(new NewArray(), """
        graph(%x):
            %x : [num_users=6] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=2] = call_function[target=getitem](%getattr_1, 0)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=2] = call_function[target=getitem](%getattr_2, 1)
            %reshape : [num_users=1] = call_method[target=reshape](%x, [%getitem, %getitem_1, -1])
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%getattr_3, 2)
            %getattr_4 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_3 : [num_users=1] = call_function[target=getitem](%getattr_4, 3)
            %mul : [num_users=1] = call_function[target=mul](%getitem_2, %getitem_3)
            %view : [num_users=1] = call_method[target=view](%x, [%getitem, %getitem_1, %mul])
            %add : [num_users=1] = call_function[target=add](%reshape, %view)
            return %add
        """, [rand(2, 3, 4, 6)], [rand(1, 2, 8, 2)]);

    private sealed class ListOfDimensions() : Module<Tensor, Tensor>("ListOfDimensions")
    {
        public override Tensor forward(Tensor x)
        {
            var dims = new List<long> { x.shape[0] };
            dims.Add(x.shape[1] * x.shape[2]);
            return x.reshape(dims.ToArray());
        }
    }

    [Fact]
    public void A_list_of_dimensions_is_an_argument() => Traced.Check(new ListOfDimensions(), """
        graph(%x):
            %x : [num_users=4] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_2, 1)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%getattr_3, 2)
            %mul : [num_users=1] = call_function[target=mul](%getitem_1, %getitem_2)
            %reshape : [num_users=1] = call_method[target=reshape](%x, [%getitem, %mul])
            return %reshape
        """, [rand(2, 3, 4)], [rand(5, 6, 1)]);

    private sealed class CollectionExpression() : Module<Tensor, Tensor>("CollectionExpression")
    {
        public override Tensor forward(Tensor x)
        {
            ReadOnlySpan<long> dims = [x.shape[0], -1];
            long[] array = [x.shape[0], x.shape[1], 1];
            return x.sum([1], keepdim: true) * zeros(dims[..1]).unsqueeze(1) + x.reshape([x.shape[0], -1]) + x.view(array).flatten(1);
        }
    }

    [Fact]
    public void Collection_expressions_are_arguments() => Traced.Check(new CollectionExpression(), """
        graph(%x):
            %x : [num_users=7] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_2, 0)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%getattr_3, 1)
            %sum_1 : [num_users=1] = call_method[target=sum](%x, [1], True, None)
            %zeros : [num_users=1] = call_function[target=zeros]([%getitem], None, None, False, None)
            %unsqueeze : [num_users=1] = call_method[target=unsqueeze](%zeros, 1)
            %mul : [num_users=1] = call_function[target=mul](%sum_1, %unsqueeze)
            %getattr_4 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_3 : [num_users=1] = call_function[target=getitem](%getattr_4, 0)
            %reshape : [num_users=1] = call_method[target=reshape](%x, [%getitem_3, -1])
            %add : [num_users=1] = call_function[target=add](%mul, %reshape)
            %view : [num_users=1] = call_method[target=view](%x, [%getitem_1, %getitem_2, 1])
            %flatten : [num_users=1] = call_method[target=flatten](%view, 1, -1)
            %add_1 : [num_users=1] = call_function[target=add](%add, %flatten)
            return %add_1
        """, [rand(2, 3)], [rand(5, 6)]);

    private sealed class InPieces() : Module<Tensor, Tensor>("InPieces")
    {
        public override Tensor forward(Tensor x)
        {
            var (n, c) = Sizes(x);
            var target = (Rows: n, Columns: c);
            return x.expand(target.Rows, target.Columns).t().reshape(target.Columns * target.Rows);
        }

        private static (long, long) Sizes(Tensor x) => (x.shape[0], x.size(-1));
    }

    [Fact]
    public void Dimensions_pass_through_tuples_and_helpers() => Traced.Check(new InPieces(), """
        graph(%x):
            %x : [num_users=3] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=2] = call_function[target=getitem](%getattr_1, 0)
            %size : [num_users=2] = call_method[target=size](%x, -1)
            %expand : [num_users=1] = call_method[target=expand](%x, [%getitem, %size])
            %t : [num_users=1] = call_method[target=t](%expand)
            %mul : [num_users=1] = call_function[target=mul](%size, %getitem)
            %reshape : [num_users=1] = call_method[target=reshape](%t, [%mul])
            return %reshape
        """, [rand(2, 3)], [rand(5, 6)]);

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
