using System.Reflection;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Calls by reflection are followed as any other; what they throw says what was called.</summary>
public sealed class ReflectedCallTests
{
    private sealed class Reflecting() : Module<Tensor, Tensor>(nameof(Reflecting))
    {
        public override Tensor forward(Tensor x)
        {
            var scaled = (Tensor)GetType().GetMethod(nameof(Scaled), BindingFlags.Instance | BindingFlags.NonPublic)!.Invoke(this, [x, x.shape[0]])!;
            var width = (long)typeof(Reflecting).GetMethod(nameof(Width), BindingFlags.Static | BindingFlags.NonPublic)!.Invoke(null, [scaled])!;
            return scaled.reshape(width, -1) * ((long[])typeof(Tensor).GetProperty(nameof(Tensor.shape))!.GetValue(x)!)[1];
        }

        private Tensor Scaled(Tensor x, long by) => training ? x * by : x;

        private static long Width(Tensor x) => x.shape[1];
    }

    [Fact]
    public void A_call_by_reflection_is_followed()
    {
        using var scope = NewDisposeScope();
        using var model = new Reflecting();
        using var traced = fx.symbolic_trace(model, suppress_trace_warning: true);
        foreach (var shape in new long[][] { [2, 3], [4, 6] })
        {
            var x = randn(shape);
            Assert.True(traced.call(x).Equals(model.call(x)));
        }
    }

    private sealed class Throwing() : Module<Tensor, Tensor>(nameof(Throwing))
    {
        public override Tensor forward(Tensor x) => (Tensor)typeof(Throwing).GetMethod(nameof(Loaded))!.Invoke(null, [x])!;

        public static Tensor Loaded(Tensor x) => throw new InvalidOperationException("The vocabulary is not there.");
    }

    private sealed class Making() : Module<Tensor, Tensor>(nameof(Making))
    {
        public override Tensor forward(Tensor x) => x * Activator.CreateInstance(typeof(Uri), "no address")!.GetHashCode();
    }

    [Fact]
    public void What_a_reflected_call_throws_names_the_method_and_the_error()
    {
        var error = Assert.Throws<TracedProgramException>(() => fx.symbolic_trace(new Throwing()));
        Assert.StartsWith("The model threw TargetInvocationException while it was traced: Throwing.Loaded, which is called by reflection, threw InvalidOperationException: The vocabulary is not there. It happened in the root module at ReflectedCallTests.cs:", error.Message, StringComparison.Ordinal);

        var made = Assert.Throws<TracedProgramException>(() => fx.symbolic_trace(new Making()));
        Assert.StartsWith("The model threw UriFormatException in Uri.CreateThis, which it calls by reflection, while it was traced: Invalid URI", made.Message, StringComparison.Ordinal);
    }

    private sealed class Catching() : Module<Tensor, Tensor>(nameof(Catching))
    {
        public override Tensor forward(Tensor x)
        {
            try
            {
                return (Tensor)typeof(Throwing).GetMethod(nameof(Throwing.Loaded))!.Invoke(null, [x])!;
            }
            catch (TargetInvocationException error) when (error.InnerException is InvalidOperationException)
            {
                return x * 3;
            }
        }
    }

    [Fact]
    public void A_program_catches_it_as_without_a_trace()
    {
        using var scope = NewDisposeScope();
        using var model = new Catching();
        using var traced = fx.symbolic_trace(model);
        var x = randn(2);
        Assert.True(traced.call(x).Equals(model.call(x)));
    }
}
