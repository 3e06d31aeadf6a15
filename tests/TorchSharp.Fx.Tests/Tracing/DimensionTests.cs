using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Arithmetic on dimensions of an input is recorded with .NET's own meaning.</summary>
public sealed class DimensionTests
{
    private sealed class Integers : nn.Module<Tensor, Tensor>
    {
        public Integers() : base(nameof(Integers)) { }

        public override Tensor forward(Tensor x)
        {
            var n = x.shape[0];
            var m = (int)x.shape[1];
            return x * (n * m - 7) + (n / -2) + (n % 3) + (-n) + (m << 3) + (m >> 1) + (m & 6 | 1 ^ m) + (~m) + checked(m + 1);
        }
    }

    [Fact]
    public void Integer_operators()
        => Traced.Check(new Integers(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=4] = call_function[target=getitem](%getattr_1, 0)
                %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem_1 : [num_users=7] = call_function[target=getitem](%getattr_2, 1)
                %mul : [num_users=1] = call_function[target=mul](%getitem, long(int(%getitem_1)))
                %sub : [num_users=1] = call_function[target=sub](%mul, 7)
                %mul_1 : [num_users=1] = call_function[target=mul](%x, %sub)
                %floordiv : [num_users=1] = call_function[target=floordiv](%getitem, -2)
                %add : [num_users=1] = call_function[target=add](%mul_1, %floordiv)
                %mod : [num_users=1] = call_function[target=mod](%getitem, 3)
                %add_1 : [num_users=1] = call_function[target=add](%add, %mod)
                %neg : [num_users=1] = call_function[target=neg](%getitem)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, %neg)
                %lshift : [num_users=1] = call_function[target=lshift](int(%getitem_1), 3)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, %lshift)
                %rshift : [num_users=1] = call_function[target=rshift](int(%getitem_1), 1)
                %add_4 : [num_users=1] = call_function[target=add](%add_3, %rshift)
                %and_ : [num_users=1] = call_function[target=and_](int(%getitem_1), 6)
                %xor : [num_users=1] = call_function[target=xor](1, int(%getitem_1))
                %or_ : [num_users=1] = call_function[target=or_](%and_, %xor)
                %add_5 : [num_users=1] = call_function[target=add](%add_4, %or_)
                %invert : [num_users=1] = call_function[target=invert](int(%getitem_1))
                %add_6 : [num_users=1] = call_function[target=add](%add_5, %invert)
                %add_7 : [num_users=1] = call_function[target=add](int(%getitem_1), 1)
                %add_8 : [num_users=1] = call_function[target=add](%add_6, %add_7)
                return %add_8
            """);

    private sealed class Floating : nn.Module<Tensor, Tensor>
    {
        public Floating() : base(nameof(Floating)) { }

        public override Tensor forward(Tensor x)
        {
            var d = x.shape[^1];
            var scale = 1.0 / Math.Sqrt(d);
            var single = MathF.Max(d, 2.5f) * 0.5f;
            var half = (int)(d * 0.5);
            var rounded = (long)Math.Ceiling((double)d / 3) + Math.Min(d, 5) + Convert.ToInt64(Math.Round(d / 2.0));
            return x * scale * single + half + rounded + Math.Pow(d, -0.5) + (float)d / 3;
        }
    }

    [Fact]
    public void Floating_point_conversions_and_Math()
        => Traced.Check(new Floating(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=8] = call_function[target=getitem](%getattr_1, -1)
                %sqrt : [num_users=1] = call_function[target=sqrt](double(%getitem))
                %truediv : [num_users=1] = call_function[target=truediv](1.0, %sqrt)
                %max_1 : [num_users=1] = call_function[target=max](float(%getitem), 2.5)
                %mul : [num_users=1] = call_function[target=mul](%max_1, 0.5)
                %mul_1 : [num_users=1] = call_function[target=mul](double(%getitem), 0.5)
                %truediv_1 : [num_users=1] = call_function[target=truediv](double(%getitem), 3.0)
                %ceil : [num_users=1] = call_function[target=ceil](%truediv_1)
                %min_1 : [num_users=1] = call_function[target=min](%getitem, 5)
                %add : [num_users=1] = call_function[target=add](long(%ceil), %min_1)
                %truediv_2 : [num_users=1] = call_function[target=truediv](double(%getitem), 2.0)
                %round_1 : [num_users=1] = call_function[target=round](%truediv_2)
                %to_int64 : [num_users=1] = call_function[target=ToInt64](%round_1)
                %add_1 : [num_users=1] = call_function[target=add](%add, %to_int64)
                %mul_2 : [num_users=1] = call_function[target=mul](%x, %truediv)
                %mul_3 : [num_users=1] = call_function[target=mul](%mul_2, %mul)
                %add_2 : [num_users=1] = call_function[target=add](%mul_3, int(%mul_1))
                %add_3 : [num_users=1] = call_function[target=add](%add_2, %add_1)
                %pow_1 : [num_users=1] = call_function[target=pow](double(%getitem), -0.5)
                %add_4 : [num_users=1] = call_function[target=add](%add_3, %pow_1)
                %truediv_3 : [num_users=1] = call_function[target=truediv](float(%getitem), 3.0)
                %add_5 : [num_users=1] = call_function[target=add](%add_4, %truediv_3)
                return %add_5
            """);

    private sealed class Unsigned : nn.Module<Tensor, Tensor>
    {
        public Unsigned() : base(nameof(Unsigned)) { }

        public override Tensor forward(Tensor x)
        {
            var u = (uint)(x.shape[0] - 5);
            var b = (byte)(x.shape[1] * 100);
            var w = (ulong)x.shape[1] / 3;
            return x + (long)(u / 2) + b + (short)w + (u >> 28);
        }
    }

    [Fact]
    public void Unsigned_and_small_integers_wrap_as_in_the_CLR()
        => Traced.Check(new Unsigned(), """
            graph(%x):
                %x : [num_users=4] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
                %sub : [num_users=2] = call_function[target=sub](%getitem, 5)
                %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_2, 1)
                %mul : [num_users=1] = call_function[target=mul](%getitem_1, 100)
                %getattr_3 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem_2 : [num_users=1] = call_function[target=getitem](%getattr_3, 1)
                %floordiv : [num_users=1] = call_function[target=floordiv](%getitem_2, 3)
                %floordiv_1 : [num_users=1] = call_function[target=floordiv](uint32(%sub), 2)
                %add : [num_users=1] = call_function[target=add](%x, uint64(%floordiv_1))
                %add_1 : [num_users=1] = call_function[target=add](%add, byte(%mul))
                %add_2 : [num_users=1] = call_function[target=add](%add_1, int16(%floordiv))
                %rshift : [num_users=1] = call_function[target=rshift](uint32(%sub), 28)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, uint64(%rshift))
                return %add_3
            """);

    private sealed class Compared : nn.Module<Tensor, Tensor>
    {
        public Compared() : base(nameof(Compared)) { }

        public override Tensor forward(Tensor x)
        {
            var even = x.shape[0] % 2 == 0;
            var wide = x.shape[1] > 4;
            return x * Convert.ToInt32(even) + Convert.ToInt32(!wide) + Convert.ToInt32(even & wide | false);
        }
    }

    [Fact]
    public void Comparisons_as_numbers()
        => Traced.Check(new Compared(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
                %mod : [num_users=1] = call_function[target=mod](%getitem, 2)
                %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem_1 : [num_users=2] = call_function[target=getitem](%getattr_2, 1)
                %eq : [num_users=2] = call_function[target=eq](%mod, 0)
                %to_int32 : [num_users=1] = call_function[target=ToInt32](%eq)
                %mul : [num_users=1] = call_function[target=mul](%x, %to_int32)
                %le : [num_users=1] = call_function[target=le](%getitem_1, 4)
                %to_int32_1 : [num_users=1] = call_function[target=ToInt32](%le)
                %add : [num_users=1] = call_function[target=add](%mul, %to_int32_1)
                %gt : [num_users=1] = call_function[target=gt](%getitem_1, 4)
                %and_ : [num_users=1] = call_function[target=and_](%eq, %gt)
                %to_int32_2 : [num_users=1] = call_function[target=ToInt32](%and_)
                %add_1 : [num_users=1] = call_function[target=add](%add, %to_int32_2)
                return %add_1
            """);

    private sealed class Stored : nn.Module<Tensor, Tensor>
    {
        public Stored() : base(nameof(Stored)) { }

        public override Tensor forward(Tensor x)
        {
            var sizes = new long[] { x.shape[0], 1, x.shape[1] };
            var list = new List<int> { (int)sizes[0], 3 };
            list[1] += list[0];
            (long rows, double width) pair = (sizes[0], sizes[2]);
            object boxed = sizes[2];
            var dictionary = new Dictionary<string, long> { ["n"] = (long)boxed };
            float[] floats = [sizes[0], 2];
            return x.reshape(sizes).reshape(pair.rows, dictionary["n"]) + list[1] + pair.width + floats[0] + sizes.Length;
        }
    }

    [Fact]
    public void Symbolic_numbers_in_arrays_lists_tuples_boxes_and_dictionaries()
        => Traced.Check(new Stored(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=4] = call_function[target=getitem](%getattr_1, 0)
                %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem_1 : [num_users=3] = call_function[target=getitem](%getattr_2, 1)
                %add : [num_users=1] = call_function[target=add](3, int(%getitem))
                %reshape : [num_users=1] = call_method[target=reshape](%x, [%getitem, 1, %getitem_1])
                %reshape_1 : [num_users=1] = call_method[target=reshape](%reshape, [%getitem, %getitem_1])
                %add_1 : [num_users=1] = call_function[target=add](%reshape_1, %add)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, double(%getitem_1))
                %add_3 : [num_users=1] = call_function[target=add](%add_2, float(%getitem))
                %add_4 : [num_users=1] = call_function[target=add](%add_3, 3)
                return %add_4
            """);

    private sealed class Concrete : nn.Module<Tensor, Tensor>
    {
        public Concrete() : base(nameof(Concrete)) { }

        public override Tensor forward(Tensor x)
        {
            var price = 0.1m + 0.2m;
            var big = (Int128)long.MaxValue * 4;
            nint native = 5;
            native <<= 2;
            var half = (Half)1.5;
            var span = TimeSpan.FromMinutes(1.5);
            var date = new DateTime(2020, 2, 28).AddDays(1);
            return x + (double)price + (long)(big >> 62) + native + (double)half + span.TotalSeconds + date.Day + (price == 0.3m ? 1 : 0) + int.Parse("12", null) + char.ToUpperInvariant('a');
        }
    }

    [Fact]
    public void Decimals_native_integers_and_other_numbers_are_concrete()
        => Traced.Check(new Concrete(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 0.3)
                %add_1 : [num_users=1] = call_function[target=add](%add, 7)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 20)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, 1.5)
                %add_4 : [num_users=1] = call_function[target=add](%add_3, 90.0)
                %add_5 : [num_users=1] = call_function[target=add](%add_4, 29)
                %add_6 : [num_users=1] = call_function[target=add](%add_5, 1)
                %add_7 : [num_users=1] = call_function[target=add](%add_6, 12)
                %add_8 : [num_users=1] = call_function[target=add](%add_7, 65)
                return %add_8
            """);
}
