using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>A bug of the tracer's own is told as that, and the traced program's handlers never see it.</summary>
public sealed class InterpreterFaultTests
{
    /// <summary>Where the interpreter writes the code that it enters, with a bug: it fails at the second method.</summary>
    private sealed class Broken(Exception bug) : StringWriter
    {
        private bool isEntered;

        public override void WriteLine(string? value)
        {
            if (isEntered)
                throw bug;
            isEntered = true;
        }
    }

    private static Tensor Relu(Tensor x) => x.relu();

    private sealed class Catching() : Module<Tensor, Tensor>(nameof(Catching))
    {
        internal int Caught { get; private set; }

        public override Tensor forward(Tensor x)
        {
            try
            {
                return Relu(x);
            }
            catch (Exception) when (x.shape[0] > 0)
            {
                return x;
            }
            catch (Exception)
            {
                Caught++;
                return x;
            }
        }
    }

    private sealed class Calling() : Module<Tensor, Tensor>(nameof(Calling))
    {
        public override Tensor forward(Tensor x)
        {
            var parts = new List<Tensor> { x, x };
            try
            {
                // .NET's own code wraps what a comparison throws.
                parts.Sort((a, b) => a.relu() is null ? 0 : 1);
                return parts[0];
            }
            catch (InvalidOperationException)
            {
                return x;
            }
        }
    }

    private sealed class Messaging() : Module<Tensor, Tensor>(nameof(Messaging))
    {
        public override Tensor forward(Tensor x)
        {
            if (x.shape[0] == 3)
                throw new ArgumentException($"not {Relu(x)}");
            return x;
        }
    }

    public static TheoryData<string> Bugs => ["NullReferenceException", "KeyNotFoundException", "InvalidCastException", "IndexOutOfRangeException", "ArgumentException", "InvalidOperationException", "DivideByZeroException"];

    [Theory, MemberData(nameof(Bugs))]
    public void The_programs_handlers_do_not_see_it(string kind)
    {
        var bug = (Exception)Activator.CreateInstance(typeof(object).Assembly.GetType("System." + kind) ?? typeof(KeyNotFoundException))!;
        using var model = new Catching();
        var fault = Fault(model, bug);
        Assert.Equal(0, model.Caught);
        Assert.Same(bug, fault.InnerException);
        Assert.StartsWith("TorchSharp.Fx itself failed while it traced the root module at InterpreterFaultTests.cs:", fault.Message, StringComparison.Ordinal);
        Assert.Contains($": {bug.GetType().Name}: {bug.Message} This is a fault of TorchSharp.Fx, not of the model. Please report it, with this message, the inner exception's stack trace and, if you can, the code at that line. Until it is mended, make the method a leaf function (tracer_kwargs.autowrap_functions) or its module a leaf module (tracer_kwargs.leaf_modules).", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Code_of_dot_net_between_cannot_wrap_or_swallow_it() => Fault(new Calling(), new KeyNotFoundException("our bug"));

    [Fact]
    public void It_is_not_taken_for_the_end_of_a_message() => Fault(new Messaging(), new KeyNotFoundException("our bug"));

    private static InterpreterFault Fault(nn.Module model, Exception bug)
        
        => Assert.Throws<InterpreterFault>(() => new Tracer { CodeWriter = new Broken(bug) }.trace(model, [ones(3, 2)]));

    private sealed class Stubborn : Tracer
    {
        public override bool is_leaf_module(nn.Module m, string module_qualified_name) => throw new InvalidOperationException("of the tracer's author");
    }

    private sealed class Outer : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> inner = Linear(2, 2);

        public Outer() : base(nameof(Outer)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            try
            {
                return inner.call(x);
            }
            catch (Exception)
            {
                return x;
            }
        }
    }

    [Fact]
    public void What_a_tracers_own_override_throws_stays_as_it_is()
        => Assert.Equal("of the tracer's author", Assert.Throws<InvalidOperationException>(() => new Stubborn().trace(new Outer())).Message);

    private sealed class Raising(int what) : Module<Tensor, Tensor>(nameof(Raising))
    {
        private readonly int[] numbers = [1];
        private readonly object text = "text";
        private readonly Func<int, int>?[] missing = [null];

        public override Tensor forward(Tensor x)
        {
            try
            {
                return x * Raise();
            }
            catch (Exception error) when (error is not ApplicationException)
            {
                return x + error.GetType().Name.Length;
            }
        }

        private int Raise() => what switch
        {
            0 => numbers[numbers.Length],
            1 => numbers[0] / (numbers.Length - 1),
            2 => checked(numbers[0] + int.MaxValue),
            3 => (int)text,
            4 => ((string?)null)!.Length,
            5 => missing[0]!(1),
            6 => int.Parse("x", null),
            7 => new List<int>()[3],
            8 => ((int?)null)!.Value,
            9 => throw new NotSupportedException(),
            10 => numbers.Select(number => number / 0 is 1 ? 1 : 0).Sum(),
            11 => new int[numbers[0] - 2].Length,
            12 => new Dictionary<string, int>()["x"],
            13 => ((object[])["text"]).Cast<int>().First(),
            14 => checked((byte)(numbers[0] + 300)),
            15 => numbers.AsSpan()[2],
            16 => numbers[2..].Length,
            17 => checked((int)(numbers[0] * 1e20)),
            18 => DateTime.Parse("x", null).Day,
            19 => $"{numbers[0]:Q}".Length,
            _ => 1,
        };
    }

    [Theory, MemberData(nameof(Raisers))]
    public void The_programs_own_exceptions_are_caught_by_it(int what)
    {
        using var model = new Raising(what);
        using var traced = fx.symbolic_trace<Tensor, Tensor>(model);
        using var x = rand(2);
        Assert.Equal(model.call(x).data<float>().ToArray(), traced.call(x).data<float>().ToArray());
        Assert.Contains("add", traced.graph.ToString(), StringComparison.Ordinal);
    }

    public static TheoryData<int> Raisers => [.. Enumerable.Range(0, 20)];
}
