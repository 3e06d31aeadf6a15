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
}
