using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Operations that take or return several tensors.</summary>
public class ListTests
{
    private sealed class Joined() : Module<Tensor, Tensor>("Joined")
    {
        public override Tensor forward(Tensor x)
        {
            var list = new List<Tensor> { x, x.neg() };
            list.Add(x * 2);
            return cat(new[] { cat(list, 1), cat([x, x, x], 1), hstack(x, x, x) }, dim: 0);
        }
    }

    [Fact]
    public void Tensors_are_joined_from_arrays_lists_and_collection_expressions() => Traced.Check(new Joined(), """
        graph(%x):
            %x : [num_users=5] = placeholder[target=x]
            %neg : [num_users=1] = call_method[target=neg](%x)
            %mul : [num_users=1] = call_function[target=mul](%x, 2)
            %cat : [num_users=1] = call_function[target=cat]([%x, %neg, %mul], 1)
            %cat_1 : [num_users=1] = call_function[target=cat]([%x, %x, %x], 1)
            %hstack : [num_users=1] = call_function[target=hstack]([%x, %x, %x])
            %cat_2 : [num_users=1] = call_function[target=cat]([%cat, %cat_1, %hstack], 0)
            return %cat_2
        """, [rand(2, 3)]);

    private sealed class Stacked() : Module<Tensor, Tensor>("Stacked")
    {
        public override Tensor forward(Tensor x)
        {
            var rows = new Tensor[2];
            for (var i = 0; i < rows.Length; i++)
                rows[i] = x + i;
            return stack(rows, -1) + stack(new List<Tensor>(rows), dim: -1) + stack([rows[0], rows[1]], -1);
        }
    }

    [Fact]
    public void Tensors_are_stacked() => Traced.Check(new Stacked(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %add : [num_users=3] = call_function[target=add](%x, 0)
            %add_1 : [num_users=3] = call_function[target=add](%x, 1)
            %stack : [num_users=1] = call_function[target=stack]([%add, %add_1], -1)
            %stack_1 : [num_users=1] = call_function[target=stack]([%add, %add_1], -1)
            %add_2 : [num_users=1] = call_function[target=add](%stack, %stack_1)
            %stack_2 : [num_users=1] = call_function[target=stack]([%add, %add_1], -1)
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %stack_2)
            return %add_3
        """, [rand(2, 3)]);

    private sealed class Parts() : Module<Tensor, Tensor>("Parts")
    {
        public override Tensor forward(Tensor x)
        {
            var qkv = x.chunk(3, dim: -1);
            var (q, k, v) = (qkv[0], qkv[1], qkv[2]);
            var halves = x.split(3, 1);
            return q * k + v + halves[0] + x.split(new long[] { 2, 3, 4 }, 1)[1] + x.unbind(1)[0].unsqueeze(1);
        }
    }

    [Fact]
    public void Parts_are_indexed() => Traced.Check(new Parts(), """
        graph(%x):
            %x : [num_users=4] = placeholder[target=x]
            %chunk : [num_users=3] = call_method[target=chunk](%x, 3, -1)
            %getitem : [num_users=1] = call_function[target=getitem](%chunk, 0)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%chunk, 1)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%chunk, 2)
            %split : [num_users=1] = call_method[target=split](%x, 3, 1)
            %mul : [num_users=1] = call_function[target=mul](%getitem, %getitem_1)
            %add : [num_users=1] = call_function[target=add](%mul, %getitem_2)
            %getitem_3 : [num_users=1] = call_function[target=getitem](%split, 0)
            %add_1 : [num_users=1] = call_function[target=add](%add, %getitem_3)
            %split_1 : [num_users=1] = call_method[target=split](%x, [2, 3, 4], 1)
            %getitem_4 : [num_users=1] = call_function[target=getitem](%split_1, 1)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %getitem_4)
            %unbind : [num_users=1] = call_method[target=unbind](%x, 1)
            %getitem_5 : [num_users=1] = call_function[target=getitem](%unbind, 0)
            %unsqueeze : [num_users=1] = call_method[target=unsqueeze](%getitem_5, 1)
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %unsqueeze)
            return %add_3
        """, [rand(2, 9)], [rand(5, 9)]);

    private sealed class Tuples() : Module<Tensor, Tensor>("Tuples")
    {
        public override Tensor forward(Tensor x)
        {
            var (values, indices) = x.max(1);
            var (top, _) = x.topk(2, dim: 1);
            var sorted = x.sort(1).Values;
            var (low, where) = min(x, 1, true);
            return values + top[.., 0] + sorted[.., -1] + indices + low.squeeze(1) + where.squeeze(1);
        }
    }

    [Fact]
    public void Tuples_of_values_and_indices_are_taken_apart() => Traced.Check(new Tuples(), """
        graph(%x):
            %x : [num_users=4] = placeholder[target=x]
            %max_1 : [num_users=2] = call_method[target=max](%x, 1, False)
            %getitem : [num_users=1] = call_function[target=getitem](%max_1, 0)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%max_1, 1)
            %topk : [num_users=1] = call_method[target=topk](%x, 2, 1, True, True)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%topk, 0)
            %sort : [num_users=1] = call_method[target=sort](%x, 1, False, False)
            %getitem_3 : [num_users=1] = call_function[target=getitem](%sort, 0)
            %min_1 : [num_users=2] = call_function[target=min](%x, 1, True)
            %getitem_4 : [num_users=1] = call_function[target=getitem](%min_1, 0)
            %getitem_5 : [num_users=1] = call_function[target=getitem](%min_1, 1)
            %getitem_6 : [num_users=1] = call_function[target=getitem](%getitem_2, [slice(0, None, None), 0])
            %add : [num_users=1] = call_function[target=add](%getitem, %getitem_6)
            %getitem_7 : [num_users=1] = call_function[target=getitem](%getitem_3, [slice(0, None, None), -1])
            %add_1 : [num_users=1] = call_function[target=add](%add, %getitem_7)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %getitem_1)
            %squeeze : [num_users=1] = call_method[target=squeeze](%getitem_4, 1)
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %squeeze)
            %squeeze_1 : [num_users=1] = call_method[target=squeeze](%getitem_5, 1)
            %add_4 : [num_users=1] = call_function[target=add](%add_3, %squeeze_1)
            return %add_4
        """, [rand(2, 3)], [rand(4, 5)]);

    private sealed class Recurrent : Module<Tensor, Tensor>
    {
        private readonly LSTM lstm = LSTM(3, 4, batchFirst: true);

        public Recurrent() : base("Recurrent") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var (output, h, c) = lstm.call(x);
            var (again, _, _) = lstm.forward(x, (h, c));
            return output + again;
        }
    }

    [Fact]
    public void A_recurrent_layer_returns_a_tuple_and_takes_its_state() => Traced.Check(new Recurrent(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %lstm : [num_users=3] = call_module[target=lstm](%x, None)
            %getitem : [num_users=1] = call_function[target=getitem](%lstm, 0)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%lstm, 1)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%lstm, 2)
            %lstm_1 : [num_users=1] = call_module[target=lstm](%x, (%getitem_1, %getitem_2))
            %getitem_3 : [num_users=1] = call_function[target=getitem](%lstm_1, 0)
            %add : [num_users=1] = call_function[target=add](%getitem, %getitem_3)
            return %add
        """, [rand(2, 5, 3)]);

    private sealed class Products() : Module<Tensor, Tensor, Tensor>("Products")
    {
        public override Tensor forward(Tensor x, Tensor y) => einsum("bij,bjk->bik", x, y) + x.bmm(y) + matmul(x, y) + x.matmul(y.mT.transpose(-1, -2));
    }

    [Fact]
    public void Products_are_nodes() => Traced.Check(new Products(), """
        graph(%x, %y):
            %x : [num_users=4] = placeholder[target=x]
            %y : [num_users=4] = placeholder[target=y]
            %einsum : [num_users=1] = call_function[target=einsum]('bij,bjk->bik', [%x, %y])
            %bmm : [num_users=1] = call_method[target=bmm](%x, %y)
            %add : [num_users=1] = call_function[target=add](%einsum, %bmm)
            %matmul : [num_users=1] = call_function[target=matmul](%x, %y)
            %add_1 : [num_users=1] = call_function[target=add](%add, %matmul)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%y, mT)
            %transpose : [num_users=1] = call_method[target=transpose](%getattr_1, -1, -2)
            %matmul_1 : [num_users=1] = call_method[target=matmul](%x, %transpose)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %matmul_1)
            return %add_2
        """, [rand(2, 3, 4), rand(2, 4, 5)]);

    private sealed class Masks() : Module<Tensor, Tensor>("Masks")
    {
        public override Tensor forward(Tensor x)
        {
            var n = x.size(0);
            var mask = triu(ones(n, n, dtype: ScalarType.Bool, device: x.device), 1);
            var masked = x.masked_fill(mask, float.NegativeInfinity).softmax(-1);
            var kept = where(x > 0.5, x, zeros_like(x));
            return masked + kept + where(x.isnan(), 0, x) + x.tril() + masked.masked_fill(mask.logical_not(), 0);
        }
    }

    [Fact]
    public void Masks_are_made_and_used() => Traced.Check(new Masks(), """
        graph(%x):
            %x : [num_users=9] = placeholder[target=x]
            %size : [num_users=1] = call_method[target=size](%x, 0)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, device)
            %ones : [num_users=1] = call_function[target=ones](%size, %size, torch.bool, %getattr_1, False, None)
            %triu : [num_users=2] = call_function[target=triu](%ones, 1)
            %masked_fill : [num_users=1] = call_method[target=masked_fill](%x, %triu, -inf)
            %softmax : [num_users=2] = call_method[target=softmax](%masked_fill, -1, None)
            %gt : [num_users=1] = call_function[target=gt](%x, 0.5)
            %zeros_like : [num_users=1] = call_function[target=zeros_like](%x, None, None, False, None)
            %where : [num_users=1] = call_function[target=where](%gt, %x, %zeros_like)
            %add : [num_users=1] = call_function[target=add](%softmax, %where)
            %isnan : [num_users=1] = call_method[target=isnan](%x)
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %where_1 : [num_users=1] = call_function[target=where](%isnan, %_tensor_constant0, %x)
            %add_1 : [num_users=1] = call_function[target=add](%add, %where_1)
            %tril : [num_users=1] = call_method[target=tril](%x, 0)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %tril)
            %logical_not : [num_users=1] = call_method[target=logical_not](%triu)
            %masked_fill_1 : [num_users=1] = call_method[target=masked_fill](%softmax, %logical_not, 0)
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %masked_fill_1)
            return %add_3
        """, [rand(3, 3)], [rand(4, 4)]);

    private sealed class Selected() : Module<Tensor, Tensor>("Selected")
    {
        public override Tensor forward(Tensor x)
        {
            var parts = x.split(2, 1).Select(part => part.relu()).ToList();
            return cat(parts, 1);
        }
    }

    private sealed class Chunked() : Module<Tensor, Tensor>("Chunked")
    {
        public override Tensor forward(Tensor x)
        {
            var parts = x.chunk(2, 1).Select(part => part.relu()).ToList();
            parts.Reverse();
            return cat(parts, 1);
        }
    }

    [Fact]
    public void Chunks_are_as_many_as_were_asked_for()
        => Traced.Check(new Chunked(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %chunk : [num_users=3] = call_method[target=chunk](%x, 2, 1)
                %len_1 : [num_users=1] = call_function[target=len](%chunk)
                %eq : [num_users=1] = call_function[target=eq](%len_1, 2)
                %_assert : [num_users=0] = call_function[target=_assert](%eq, 'chunk has 2 parts, as many as it was asked for')
                %getitem : [num_users=1] = call_function[target=getitem](%chunk, 0)
                %relu : [num_users=1] = call_method[target=relu](%getitem)
                %getitem_1 : [num_users=1] = call_function[target=getitem](%chunk, 1)
                %relu_1 : [num_users=1] = call_method[target=relu](%getitem_1)
                %cat : [num_users=1] = call_function[target=cat]([%relu_1, %relu], 1)
                return %cat
            """);

    [Fact]
    public void Parts_of_a_size_are_the_turns_of_a_loop()
    {
        using var model = new Selected();
        using var traced = fx.symbolic_trace<Tensor, Tensor>(model);
        foreach (var width in new[] { 2, 5, 8 })
        {
            using var x = randn(3, width);
            using var expected = model.call(x);
            using var result = traced.call(x);
            Assert.True(expected.equal(result).all().item<bool>());
        }
    }
}
