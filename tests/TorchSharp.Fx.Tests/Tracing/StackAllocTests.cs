using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

public sealed class StackAllocTests
{
    private sealed class Sizes() : nn.Module<Tensor, Tensor>(nameof(Sizes))
    {
        public override Tensor forward(Tensor x)
        {
            Span<long> sizes = stackalloc long[2];
            sizes[^1] = 1;
            sizes[0] = x.shape[0];
            return x + ones((ReadOnlySpan<long>)sizes);
        }
    }

    [Fact]
    public void Numbers_and_symbols_in_a_span_on_the_stack()
        => Traced.Check(new Sizes(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
                %ones : [num_users=1] = call_function[target=ones]([%getitem, 1], None, None, False, None)
                %add : [num_users=1] = call_function[target=add](%x, %ones)
                return %add
            """);

    /// <summary>The compiler writes constants as a block of data, others one by one, at offsets in bytes.</summary>
    private sealed class Initialised() : nn.Module<Tensor, Tensor>(nameof(Initialised))
    {
        private readonly int seven = 7;

        public override Tensor forward(Tensor x)
        {
            Span<int> constants = stackalloc[] { 1, -2, 3, 40000 };
            ReadOnlySpan<double> computed = stackalloc double[] { seven, 0.5, seven * 2 };
            Span<uint> unsigned = stackalloc uint[] { 3000000000, (uint)seven };
            Span<byte> bytes = stackalloc byte[] { 255, 255, 7, 6, 5 };
            bytes[1]++;
            Span<short> zeros = stackalloc short[bytes[3]];
            zeros[5] = -3;
            var sum = 0.0;
            foreach (var constant in constants)
                sum = sum * 2 + constant;
            for (var i = 0; i < computed.Length; i++)
                sum += computed[i];
            return x + (sum + unsigned[0] / unsigned[1] + bytes[1] + bytes[2] + zeros.Length + zeros[5]);
        }
    }

    // 8·1 − 4·2 + 2·3 + 40000 + 7 + 0.5 + 14 + 3000000000 / 7 + 0 + 7 + 6 − 3
    [Fact]
    public void Memory_with_initial_numbers()
        => Traced.Check(new Initialised(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 428611465.5)
                return %add
            """);
}
