using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Tensors made inside <c>forward</c>: sized by an input they are nodes, else constants; random ones are always nodes.</summary>
[Collection("Tensor counts")]
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
        graph(%x, %y):
            %x : [num_users=6] = placeholder[target=x]
            %y : [num_users=6] = placeholder[target=y]
            %getattr_1 : [num_users=2] = call_function[target=getattr](%x, dtype)
            %getattr_2 : [num_users=2] = call_function[target=getattr](%x, device)
            %to : [num_users=1] = call_method[target=to](%y, %getattr_1, False, False, False)
            %to_1 : [num_users=1] = call_method[target=to](%to, %getattr_2, False, False, False)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %to_2 : [num_users=1] = call_method[target=to](%y, %getattr_3, False, False, False)
            %add : [num_users=1] = call_function[target=add](%to_1, %to_2)
            %getattr_4 : [num_users=1] = call_function[target=getattr](%x, device)
            %to_3 : [num_users=1] = call_method[target=to](%y, %getattr_4, False, False, False)
            %type_as : [num_users=1] = call_method[target=type_as](%to_3, %x)
            %add_1 : [num_users=1] = call_function[target=add](%add, %type_as)
            %float_1 : [num_users=1] = call_method[target=float](%y)
            %to_type : [num_users=1] = call_method[target=to_type](%float_1, torch.float64, False, False, False)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %to_type)
            %to_4 : [num_users=1] = call_method[target=to](%y, torch.float32, False, False, False)
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %to_4)
            %to_5 : [num_users=1] = call_method[target=to](%y, %x, False)
            %add_4 : [num_users=1] = call_function[target=add](%add_3, %to_5)
            %arange : [num_users=1] = call_function[target=arange](3, None, %getattr_2, False)
            %to_6 : [num_users=1] = call_method[target=to](%arange, %getattr_1, False, False, False)
            %add_5 : [num_users=1] = call_function[target=add](%add_4, %to_6)
            return %add_5
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
            %x : [num_users=3] = placeholder[target=x]
            %rand : [num_users=1] = call_function[target=rand](3, None, None, False, None, None)
            %add : [num_users=1] = call_function[target=add](%x, %rand)
            %randn_like : [num_users=1] = call_function[target=randn_like](%x, None, None, False)
            %add_1 : [num_users=1] = call_function[target=add](%add, %randn_like)
            %randint : [num_users=1] = call_function[target=randint](0, 5, [3], None, None, False, None, None)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %randint)
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %clone : [num_users=1] = call_method[target=clone](%_tensor_constant0)
            %uniform_ : [num_users=1] = call_method[target=uniform_](%clone, 0.0, 1.0, None)
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %uniform_)
            %_tensor_constant1 : [num_users=1] = get_attr[target=_tensor_constant1]
            %bernoulli : [num_users=1] = call_function[target=bernoulli](%_tensor_constant1, None)
            %add_4 : [num_users=1] = call_function[target=add](%add_3, %bernoulli)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %rand_1 : [num_users=1] = call_function[target=rand](%getattr_1, None, None, False, None, None)
            %add_5 : [num_users=1] = call_function[target=add](%add_4, %rand_1)
            %_tensor_constant2 : [num_users=1] = get_attr[target=_tensor_constant2]
            %add_6 : [num_users=1] = call_function[target=add](%add_5, %_tensor_constant2)
            return %add_6
        """, [rand(3)]);

    private sealed class Limits() : Module<Tensor, Tensor>("Limits")
    {
        public override Tensor forward(Tensor x)
        {
            var mask = zeros_like(x, dtype: ScalarType.Bool);
            return x.masked_fill(mask, finfo(x.dtype).min) + finfo(ScalarType.Float32).eps + empty_like(x).zero_() + x.new_ones(x.shape[0], 1);
        }
    }

    [Fact]
    public void Limits_of_a_dtype_are_read() => Traced.Check(new Limits(), """
        graph(%x):
            %x : [num_users=6] = placeholder[target=x]
            %zeros_like : [num_users=1] = call_function[target=zeros_like](%x, torch.bool, None, False, None)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %finfo : [num_users=1] = call_function[target=finfo](%getattr_1)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%finfo, min)
            %masked_fill : [num_users=1] = call_method[target=masked_fill](%x, %zeros_like, %getattr_2)
            %add : [num_users=1] = call_function[target=add](%masked_fill, 1.1920928955078125E-07)
            %empty_like : [num_users=1] = call_function[target=empty_like](%x, None, None, False, None)
            %zero_ : [num_users=1] = call_method[target=zero_](%empty_like)
            %add_1 : [num_users=1] = call_function[target=add](%add, %zero_)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_3, 0)
            %new_ones : [num_users=1] = call_method[target=new_ones](%x, %getitem, 1, None, None, False)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %new_ones)
            return %add_2
        """, [rand(2, 3)], [rand(3, 2, dtype: ScalarType.Float64)]);

    private sealed class Scatters() : Module<Tensor, Tensor, Tensor>("Scatters")
    {
        public override Tensor forward(Tensor x, Tensor index)
        {
            var hot = zeros_like(x).scatter_(1, index, ones_like(index).to(x.dtype));
            var put = zeros(2, 3);
            put.index_add_(0, index[.., 0], x, 1);
            put.masked_fill_(x > 0.9, 0);
            x.requires_grad = false;
            return hot + x.gather(1, index.expand(-1, 3)) + put + nonzero(index).sum();
        }
    }

    [Fact]
    public void Scattering_in_place_is_recorded() => Traced.Check(new Scatters(), """
        graph(%x, %index):
            %x : [num_users=6] = placeholder[target=x]
            %index : [num_users=5] = placeholder[target=index]
            %zeros_like : [num_users=1] = call_function[target=zeros_like](%x, None, None, False, None)
            %ones_like : [num_users=1] = call_function[target=ones_like](%index, None, None, False, None)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %to : [num_users=1] = call_method[target=to](%ones_like, %getattr_1, False, False, False)
            %scatter_ : [num_users=1] = call_method[target=scatter_](%zeros_like, 1, %index, %to)
            %getitem : [num_users=1] = call_function[target=getitem](%index, [slice(0, None, None), 0])
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %clone : [num_users=3] = call_method[target=clone](%_tensor_constant0)
            %index_add_ : [num_users=0] = call_method[target=index_add_](%clone, 0, %getitem, %x, 1)
            %gt : [num_users=1] = call_function[target=gt](%x, 0.9)
            %masked_fill_ : [num_users=0] = call_method[target=masked_fill_](%clone, %gt, 0)
            %setattr_1 : [num_users=0] = call_function[target=setattr](%x, False)
            %expand : [num_users=1] = call_method[target=expand](%index, [-1, 3])
            %gather : [num_users=1] = call_method[target=gather](%x, 1, %expand)
            %add : [num_users=1] = call_function[target=add](%scatter_, %gather)
            %add_1 : [num_users=1] = call_function[target=add](%add, %clone)
            %nonzero : [num_users=1] = call_function[target=nonzero](%index)
            %sum_1 : [num_users=1] = call_method[target=sum](%nonzero, None)
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %sum_1)
            return %add_2
        """, [rand(2, 3), tensor(new long[,] { { 1 }, { 0 } })]);
}
