using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Indexers: ranges, TensorIndex, masks, symbolic bounds, and setters.</summary>
public class IndexTests
{
    private sealed class Ranges() : Module<Tensor, Tensor>("Ranges")
    {
        public override Tensor forward(Tensor x)
            => x[.., ^1] + x[.., 0] + x[.., 1..3, TensorIndex.None][.., 0, 0] + x[TensorIndex.Ellipsis, 0] + x[.., 1..][.., 0] + x[0, 0] + x[^1][0] + x[.., TensorIndex.Slice(0, null, 2)][.., 1]
                + x[TensorIndex.Colon, 1] + x[TensorIndex.Null, ..][0, .., 0] + x[1..^0][0, 0];
    }

    [Fact]
    public void Ranges_are_slices() => Traced.Check(new Ranges(), """
        graph(%x):
            %x : [num_users=11] = placeholder[target=x]
            %getitem : [num_users=1] = call_function[target=getitem](%x, [slice(0, None, None), -1])
            %getitem_1 : [num_users=1] = call_function[target=getitem](%x, [slice(0, None, None), 0])
            %add : [num_users=1] = call_function[target=add](%getitem, %getitem_1)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%x, [slice(0, None, None), slice(1, 3, None), None])
            %getitem_3 : [num_users=1] = call_function[target=getitem](%getitem_2, [slice(0, None, None), 0, 0])
            %add_1 : [num_users=1] = call_function[target=add](%add, %getitem_3)
            %getitem_4 : [num_users=1] = call_function[target=getitem](%x, [Ellipsis, 0])
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %getitem_4)
            %getitem_5 : [num_users=1] = call_function[target=getitem](%x, [slice(0, None, None), slice(1, None, None)])
            %getitem_6 : [num_users=1] = call_function[target=getitem](%getitem_5, [slice(0, None, None), 0])
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %getitem_6)
            %getitem_7 : [num_users=1] = call_function[target=getitem](%x, 0, 0)
            %add_4 : [num_users=1] = call_function[target=add](%add_3, %getitem_7)
            %getitem_8 : [num_users=1] = call_function[target=getitem](%x, [-1])
            %getitem_9 : [num_users=1] = call_function[target=getitem](%getitem_8, 0)
            %add_5 : [num_users=1] = call_function[target=add](%add_4, %getitem_9)
            %getitem_10 : [num_users=1] = call_function[target=getitem](%x, [slice(0, None, None), slice(0, None, 2)])
            %getitem_11 : [num_users=1] = call_function[target=getitem](%getitem_10, [slice(0, None, None), 1])
            %add_6 : [num_users=1] = call_function[target=add](%add_5, %getitem_11)
            %getitem_12 : [num_users=1] = call_function[target=getitem](%x, [slice(None, None, None), 1])
            %add_7 : [num_users=1] = call_function[target=add](%add_6, %getitem_12)
            %getitem_13 : [num_users=1] = call_function[target=getitem](%x, [None, slice(0, None, None)])
            %getitem_14 : [num_users=1] = call_function[target=getitem](%getitem_13, [0, slice(0, None, None), 0])
            %add_8 : [num_users=1] = call_function[target=add](%add_7, %getitem_14)
            %getitem_15 : [num_users=1] = call_function[target=getitem](%x, [slice(1, None, None)])
            %getitem_16 : [num_users=1] = call_function[target=getitem](%getitem_15, 0, 0)
            %add_9 : [num_users=1] = call_function[target=add](%add_8, %getitem_16)
            return %add_9
        """, [rand(2, 4)], [rand(3, 5)]);

    private sealed class Symbolic() : Module<Tensor, Tensor>("Symbolic")
    {
        public override Tensor forward(Tensor x)
        {
            var n = x.shape[0] / 2;
            var k = (int)n;
            return x[..k] + x[TensorIndex.Slice(0, n)] + x[n - 1] + x[k - 1, ..] + x[..(int)x.shape[0]][..k] + x[^k..] + x[(k - 1)..^1][..1];
        }
    }

    [Fact]
    public void Bounds_may_be_dimensions() => Traced.Check(new Symbolic(), """
        graph(%x):
            %x : [num_users=9] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
            %floordiv : [num_users=7] = call_function[target=floordiv](%getitem, 2)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%x, [slice(0, long(int(%floordiv)), None)])
            %getitem_2 : [num_users=1] = call_function[target=getitem](%x, [slice(0, %floordiv, None)])
            %add : [num_users=1] = call_function[target=add](%getitem_1, %getitem_2)
            %sub : [num_users=1] = call_function[target=sub](%floordiv, 1)
            %getitem_3 : [num_users=1] = call_function[target=getitem](%x, %sub)
            %add_1 : [num_users=1] = call_function[target=add](%add, %getitem_3)
            %sub_1 : [num_users=1] = call_function[target=sub](int(%floordiv), 1)
            %getitem_4 : [num_users=1] = call_function[target=getitem](%x, [long(%sub_1), slice(0, None, None)])
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %getitem_4)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_5 : [num_users=1] = call_function[target=getitem](%getattr_2, 0)
            %getitem_6 : [num_users=1] = call_function[target=getitem](%x, [slice(0, long(int(%getitem_5)), None)])
            %getitem_7 : [num_users=1] = call_function[target=getitem](%getitem_6, [slice(0, long(int(%floordiv)), None)])
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %getitem_7)
            %neg : [num_users=1] = call_function[target=neg](int(%floordiv))
            %getitem_8 : [num_users=1] = call_function[target=getitem](%x, [slice(%neg, None, None)])
            %add_4 : [num_users=1] = call_function[target=add](%add_3, %getitem_8)
            %sub_2 : [num_users=1] = call_function[target=sub](int(%floordiv), 1)
            %getitem_9 : [num_users=1] = call_function[target=getitem](%x, [slice(long(%sub_2), -1, None)])
            %getitem_10 : [num_users=1] = call_function[target=getitem](%getitem_9, [slice(0, 1, None)])
            %add_5 : [num_users=1] = call_function[target=add](%add_4, %getitem_10)
            return %add_5
        """, [rand(4, 3)], [rand(6, 2)]);

    private sealed class ByTensor() : Module<Tensor, Tensor, Tensor>("ByTensor")
    {
        private readonly Tensor order = tensor(new long[] { 1, 0 });

        public override Tensor forward(Tensor x, Tensor index)
        {
            var positive = x[x > 0.5];
            return x[index] + x[order] + x[TensorIndex.Tensor(index), ..] + positive.sum() + x.index_select(0, index) + x[TensorIndex.Colon, TensorIndex.Tensor(tensor(0L))].unsqueeze(1);
        }
    }

    [Fact]
    public void Tensors_index() => Traced.Check(new ByTensor(), """
        graph(%x, %index):
            %x : [num_users=7] = placeholder[target=x]
            %index : [num_users=3] = placeholder[target=index]
            %gt : [num_users=1] = call_function[target=gt](%x, 0.5)
            %getitem : [num_users=1] = call_function[target=getitem](%x, [%gt])
            %getitem_1 : [num_users=1] = call_function[target=getitem](%x, [%index])
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %getitem_2 : [num_users=1] = call_function[target=getitem](%x, [%_tensor_constant0])
            %add : [num_users=1] = call_function[target=add](%getitem_1, %getitem_2)
            %getitem_3 : [num_users=1] = call_function[target=getitem](%x, [%index, slice(0, None, None)])
            %add_1 : [num_users=1] = call_function[target=add](%add, %getitem_3)
            %sum_1 : [num_users=1] = call_method[target=sum](%getitem, None)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %sum_1)
            %index_select : [num_users=1] = call_method[target=index_select](%x, 0, %index)
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %index_select)
            %_tensor_constant1 : [num_users=1] = get_attr[target=_tensor_constant1]
            %getitem_4 : [num_users=1] = call_function[target=getitem](%x, [slice(None, None, None), %_tensor_constant1])
            %unsqueeze : [num_users=1] = call_method[target=unsqueeze](%getitem_4, 1)
            %add_4 : [num_users=1] = call_function[target=add](%add_3, %unsqueeze)
            return %add_4
        """, [rand(2, 3), tensor(new long[] { 1, 1 })]);

    private sealed class Setters() : Module<Tensor, Tensor>("Setters")
    {
        public override Tensor forward(Tensor x)
        {
            var y = x.clone();
            y[0, 1] = tensor(5f);
            y[.., ^1] = x[.., 0];
            y[1..] = y[1..] * 2;
            var canvas = zeros(3, 4);
            canvas[.., ..2] = x[.., ..2];
            y[y > 1] = 0;
            return y + canvas + canvas[0];
        }
    }

    [Fact]
    public void Setters_are_nodes_that_later_reads_see() => Traced.Check(new Setters(), """
        graph(%x):
            %x : [num_users=3] = placeholder[target=x]
            %clone : [num_users=7] = call_method[target=clone](%x)
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %setitem : [num_users=0] = call_function[target=setitem](%clone, 0, 1, %_tensor_constant0)
            %getitem : [num_users=1] = call_function[target=getitem](%x, [slice(0, None, None), 0])
            %setitem_1 : [num_users=0] = call_function[target=setitem](%clone, [slice(0, None, None), -1], %getitem)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%clone, [slice(1, None, None)])
            %mul : [num_users=1] = call_function[target=mul](%getitem_1, 2)
            %setitem_2 : [num_users=0] = call_function[target=setitem](%clone, [slice(1, None, None)], %mul)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%x, [slice(0, None, None), slice(0, 2, None)])
            %_tensor_constant1 : [num_users=1] = get_attr[target=_tensor_constant1]
            %clone_1 : [num_users=3] = call_method[target=clone](%_tensor_constant1)
            %setitem_3 : [num_users=0] = call_function[target=setitem](%clone_1, [slice(0, None, None), slice(0, 2, None)], %getitem_2)
            %gt : [num_users=1] = call_function[target=gt](%clone, 1)
            %_tensor_constant2 : [num_users=1] = get_attr[target=_tensor_constant2]
            %setitem_4 : [num_users=0] = call_function[target=setitem](%clone, [%gt], %_tensor_constant2)
            %add : [num_users=1] = call_function[target=add](%clone, %clone_1)
            %getitem_3 : [num_users=1] = call_function[target=getitem](%clone_1, 0)
            %add_1 : [num_users=1] = call_function[target=add](%add, %getitem_3)
            return %add_1
        """, [rand(3, 4)]);

    private sealed class ViewsOfConstants() : Module<Tensor, Tensor>("ViewsOfConstants")
    {
        public override Tensor forward(Tensor x)
        {
            var canvas = zeros(3, 4);
            var row = canvas[0];
            var unused = canvas[1].add_(1);
            row.add_(x[0]);
            unused.mul_(3);
            return canvas + row + x;
        }
    }

    [Fact]
    public void A_constant_that_is_written_to_starts_anew_in_each_run() => Traced.Check(new ViewsOfConstants(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %getitem : [num_users=1] = call_function[target=getitem](%x, 0)
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %clone : [num_users=3] = call_method[target=clone](%_tensor_constant0)
            %getitem_1 : [num_users=2] = call_function[target=getitem](%clone, 0)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%clone, 1)
            %add_ : [num_users=0] = call_method[target=add_](%getitem_1, %getitem)
            %mul_ : [num_users=0] = call_method[target=mul_](%getitem_2, 3)
            %add : [num_users=1] = call_function[target=add](%clone, %getitem_1)
            %add_1 : [num_users=1] = call_function[target=add](%add, %x)
            return %add_1
        """, [rand(3, 4)], [rand(3, 4)]);

    private sealed class ReadThenWritten() : Module<Tensor, Tensor>("ReadThenWritten")
    {
        public override Tensor forward(Tensor x)
        {
            var table = zeros(2, 4);
            var row = table[0];
            var halves = table.chunk(2, 1);
            var before = x + table;
            row.fill_(5);
            halves[1].add_(1);
            return before * 10 + table;
        }
    }

    [Fact]
    public void A_constant_that_was_read_keeps_what_it_was() => Traced.Check(new ReadThenWritten(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %_tensor_constant0 : [num_users=2] = get_attr[target=_tensor_constant0]
            %add : [num_users=1] = call_function[target=add](%x, %_tensor_constant0)
            %clone : [num_users=4] = call_method[target=clone](%_tensor_constant0)
            %getitem : [num_users=1] = call_function[target=getitem](%clone, 0)
            %chunk : [num_users=1] = call_method[target=chunk](%clone, 2, 1)
            %getitem_1 : [num_users=0] = call_function[target=getitem](%chunk, 0)
            %chunk_1 : [num_users=1] = call_method[target=chunk](%clone, 2, 1)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%chunk_1, 1)
            %fill_ : [num_users=0] = call_method[target=fill_](%getitem, 5)
            %add_ : [num_users=0] = call_method[target=add_](%getitem_2, 1)
            %mul : [num_users=1] = call_function[target=mul](%add, 10)
            %add_1 : [num_users=1] = call_function[target=add](%mul, %clone)
            return %add_1
        """, [rand(2, 4)], [rand(2, 4)]);

    private sealed class InPlace() : Module<Tensor, Tensor>("InPlace")
    {
        public override Tensor forward(Tensor x)
        {
            var y = x * 1;
            var before = y + 0;
            y.add_(1).mul_(2);
            y.relu_();
            var z = zeros(2, 3);
            z.copy_(y);
            z.add_(1);
            functional.relu(z, inplace: true);
            return before + y + z;
        }
    }

    [Fact]
    public void In_place_operations_are_seen_by_later_reads() => Traced.Check(new InPlace(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %mul : [num_users=5] = call_function[target=mul](%x, 1)
            %add : [num_users=1] = call_function[target=add](%mul, 0)
            %add_ : [num_users=1] = call_method[target=add_](%mul, 1)
            %mul_ : [num_users=0] = call_method[target=mul_](%add_, 2)
            %relu_ : [num_users=0] = call_method[target=relu_](%mul)
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %clone : [num_users=4] = call_method[target=clone](%_tensor_constant0)
            %copy_ : [num_users=0] = call_method[target=copy_](%clone, %mul, False)
            %add__1 : [num_users=0] = call_method[target=add_](%clone, 1)
            %relu : [num_users=0] = call_function[target=relu](%clone, True)
            %add_1 : [num_users=1] = call_function[target=add](%add, %mul)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %clone)
            return %add_2
        """, [rand(2, 3) - 0.5]);
}
