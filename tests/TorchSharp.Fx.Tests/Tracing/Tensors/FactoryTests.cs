using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Tensors made inside <c>forward</c>: sized by an input they are nodes, else constants; random ones are always nodes.</summary>
public class FactoryTests
{
    private sealed class Sized() : Module<Tensor, Tensor>("Sized")
    {
        public override Tensor forward(Tensor x)
        {
            var (b, n) = (x.shape[0], x.shape[1]);
            var z = zeros(b, n, device: x.device, dtype: x.dtype);
            var o = ones(new long[] { b, n }, dtype: x.dtype);
            var e = empty(b, n).fill_(2);
            var f = full(b, n, 3.5, dtype: x.dtype);
            return z + o + e + f + ones_like(x) + x.new_zeros(b, n) + full_like(x, 2) + eye(n)[..1] + arange(n) + arange(0, n, 1, device: x.device) + linspace(0, 1, n);
        }
    }

    [Fact]
    public void Factories_take_sizes_from_shapes() => Traced.Check(new Sized(), """
        graph(%x):
            %x : [num_users=10] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=5] = call_function[target=getitem](%getattr_1, 0)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=9] = call_function[target=getitem](%getattr_2, 1)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, device)
            %getattr_4 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %zeros : [num_users=1] = call_function[target=zeros](%getitem, %getitem_1, %getattr_4, %getattr_3, False, None)
            %getattr_5 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %ones : [num_users=1] = call_function[target=ones]([%getitem, %getitem_1], %getattr_5, None, False, None)
            %empty : [num_users=1] = call_function[target=empty](%getitem, %getitem_1, None, None, False, None)
            %fill_ : [num_users=1] = call_method[target=fill_](%empty, 2)
            %getattr_6 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %full : [num_users=1] = call_function[target=full](%getitem, %getitem_1, 3.5, %getattr_6, None, False, None)
            %add : [num_users=1] = call_function[target=add](%zeros, %ones)
            %add_1 : [num_users=1] = call_function[target=add](%add, %fill_)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %full)
            %ones_like : [num_users=1] = call_function[target=ones_like](%x, None, None, False, None)
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %ones_like)
            %new_zeros : [num_users=1] = call_method[target=new_zeros](%x, %getitem, %getitem_1, None, None, False)
            %add_4 : [num_users=1] = call_function[target=add](%add_3, %new_zeros)
            %full_like : [num_users=1] = call_function[target=full_like](%x, 2, None, None, False, None)
            %add_5 : [num_users=1] = call_function[target=add](%add_4, %full_like)
            %eye : [num_users=1] = call_function[target=eye](%getitem_1, -1, None, None, False, None)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%eye, [slice(0, 1, None)])
            %add_6 : [num_users=1] = call_function[target=add](%add_5, %getitem_2)
            %arange : [num_users=1] = call_function[target=arange](%getitem_1, None, None, False)
            %add_7 : [num_users=1] = call_function[target=add](%add_6, %arange)
            %getattr_7 : [num_users=1] = call_function[target=getattr](%x, device)
            %arange_1 : [num_users=1] = call_function[target=arange](0, %getitem_1, 1, None, %getattr_7, False)
            %add_8 : [num_users=1] = call_function[target=add](%add_7, %arange_1)
            %linspace : [num_users=1] = call_function[target=linspace](0.0, 1.0, %getitem_1, None, None, False)
            %add_9 : [num_users=1] = call_function[target=add](%add_8, %linspace)
            return %add_9
        """, [rand(2, 3)], [rand(4, 2)]);

    private sealed class Casts() : Module<Tensor, Tensor, Tensor>("Casts")
    {
        public override Tensor forward(Tensor x, Tensor y)
        {
            var dtype = x.dtype;
            var device = x.device;
            var a = y.to(dtype).to(device);
            return a + y.to(x.dtype) + y.to(x.device).type_as(x) + y.@float().to_type(ScalarType.Float64) + y.to(ScalarType.Float32) + y.to(x) + arange(3, device: device).to(dtype);
        }
    }

    [Fact]
    public void Dtype_and_device_of_another_tensor_are_read() => Traced.Check(new Casts(), """
        graph(%x):
            %x : [num_users=10] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=5] = call_function[target=getitem](%getattr_1, 0)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=9] = call_function[target=getitem](%getattr_2, 1)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, device)
            %getattr_4 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %zeros : [num_users=1] = call_function[target=zeros](%getitem, %getitem_1, %getattr_4, %getattr_3, False, None)
            %getattr_5 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %ones : [num_users=1] = call_function[target=ones]([%getitem, %getitem_1], %getattr_5, None, False, None)
            %empty : [num_users=1] = call_function[target=empty](%getitem, %getitem_1, None, None, False, None)
            %fill_ : [num_users=1] = call_method[target=fill_](%empty, 2)
            %getattr_6 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %full : [num_users=1] = call_function[target=full](%getitem, %getitem_1, 3.5, %getattr_6, None, False, None)
            %add : [num_users=1] = call_function[target=add](%zeros, %ones)
            %add_1 : [num_users=1] = call_function[target=add](%add, %fill_)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %full)
            %ones_like : [num_users=1] = call_function[target=ones_like](%x, None, None, False, None)
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %ones_like)
            %new_zeros : [num_users=1] = call_method[target=new_zeros](%x, %getitem, %getitem_1, None, None, False)
            %add_4 : [num_users=1] = call_function[target=add](%add_3, %new_zeros)
            %full_like : [num_users=1] = call_function[target=full_like](%x, 2, None, None, False, None)
            %add_5 : [num_users=1] = call_function[target=add](%add_4, %full_like)
            %eye : [num_users=1] = call_function[target=eye](%getitem_1, -1, None, None, False, None)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%eye, [slice(0, 1, None)])
            %add_6 : [num_users=1] = call_function[target=add](%add_5, %getitem_2)
            %arange : [num_users=1] = call_function[target=arange](%getitem_1, None, None, False)
            %add_7 : [num_users=1] = call_function[target=add](%add_6, %arange)
            %getattr_7 : [num_users=1] = call_function[target=getattr](%x, device)
            %arange_1 : [num_users=1] = call_function[target=arange](0, %getitem_1, 1, None, %getattr_7, False)
            %add_8 : [num_users=1] = call_function[target=add](%add_7, %arange_1)
            %linspace : [num_users=1] = call_function[target=linspace](0.0, 1.0, %getitem_1, None, None, False)
            %add_9 : [num_users=1] = call_function[target=add](%add_8, %linspace)
            return %add_9
        """, [rand(3), arange(3)], [rand(3, dtype: ScalarType.Float64), arange(3)]);

    private readonly struct Options
    {
        public ScalarType DType { get; init; }

        public Device Device { get; init; }
    }

    private sealed class OptionsOfInput() : Module<Tensor, Tensor>("OptionsOfInput")
    {
        public override Tensor forward(Tensor x)
        {
            var options = new Options { DType = x.dtype, Device = x.device };
            return Make(x.shape[0], options) + Make(x.shape[0], dtype: x.dtype) + Make(x.shape[0]);
        }

        private static Tensor Make(long n, Options options) => zeros(n, dtype: options.DType, device: options.Device);

        private static Tensor Make(long n, ScalarType? dtype = null, Device? device = null) => ones(n, dtype: dtype ?? ScalarType.Float32, device: device ?? CPU);
    }

    [Fact]
    public void Dtype_and_device_pass_through_structs_and_nullables() => Traced.Check(new OptionsOfInput(), """
        graph(%x):
            %x : [num_users=6] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, device)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_3, 0)
            %zeros : [num_users=1] = call_function[target=zeros](%getitem, %getattr_1, %getattr_2, False, None)
            %getattr_4 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_4, 0)
            %getattr_5 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %ones : [num_users=1] = call_function[target=ones](%getitem_1, %getattr_5, device('cpu'), False, None)
            %add : [num_users=1] = call_function[target=add](%zeros, %ones)
            %getattr_6 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%getattr_6, 0)
            %ones_1 : [num_users=1] = call_function[target=ones](%getitem_2, torch.float32, device('cpu'), False, None)
            %add_1 : [num_users=1] = call_function[target=add](%add, %ones_1)
            return %add_1
        """, [rand(3)], [rand(2, dtype: ScalarType.Float64)]);

    private sealed class RandomDraws() : Module<Tensor, Tensor>("RandomDraws")
    {
        public override Tensor forward(Tensor x) => x + rand(3) + randn_like(x) + torch.randint(0, 5, [3]) + empty(3).uniform_(0, 1) + bernoulli(full(3, 0.5)) + rand(x.shape) + arange(3);
    }

    [Fact]
    public void Random_draws_are_nodes_and_constants_are_folded() => Traced.Check(new RandomDraws(), """
        graph(%x):
            %x : [num_users=6] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, device)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_3, 0)
            %zeros : [num_users=1] = call_function[target=zeros](%getitem, %getattr_1, %getattr_2, False, None)
            %getattr_4 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_4, 0)
            %getattr_5 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %ones : [num_users=1] = call_function[target=ones](%getitem_1, %getattr_5, device('cpu'), False, None)
            %add : [num_users=1] = call_function[target=add](%zeros, %ones)
            %getattr_6 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%getattr_6, 0)
            %ones_1 : [num_users=1] = call_function[target=ones](%getitem_2, torch.float32, device('cpu'), False, None)
            %add_1 : [num_users=1] = call_function[target=add](%add, %ones_1)
            return %add_1
        """, [rand(3)]);
}
