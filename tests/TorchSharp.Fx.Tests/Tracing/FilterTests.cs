using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Exceptions take two passes (ECMA-335 I.12.4.2.5): one looks for the handler and runs the filters, the other runs the finally blocks.</summary>
public sealed class FilterTests
{
    /// <summary>Gives its input plus a number whose digits say in which order its parts ran.</summary>
    private abstract class Ordered(string name) : nn.Module<Tensor, Tensor>(name)
    {
        public override Tensor forward(Tensor x)
        {
            var order = new List<int>();
            Run(order);
            return x + order.Aggregate(0, (digits, digit) => digits * 10 + digit);
        }

        protected abstract void Run(List<int> order);

        protected static void Fail() => throw new ArgumentException("of a finally block");

        protected static bool Note(List<int> order, int digit, bool takes)
        {
            order.Add(digit);
            return takes;
        }
    }

    private static string Adding(int number) => $"""
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %add : [num_users=1] = call_function[target=add](%x, {number})
            return %add
        """;

    private sealed class Outer() : Ordered(nameof(Outer))
    {
        protected override void Run(List<int> order)
        {
            try
            {
                Middle(order);
            }
            catch (InvalidOperationException error) when (Note(order, 2, error.Message.Length == 5))
            {
                order.Add(5);
            }
        }

        private static void Middle(List<int> order)
        {
            try
            {
                Inner(order);
            }
            catch (ArgumentException)
            {
                order.Add(9);
            }
            catch (InvalidOperationException) when (Note(order, 1, false))
            {
                order.Add(8);
            }
            finally
            {
                order.Add(4);
            }
        }

        private static void Inner(List<int> order)
        {
            try
            {
                throw new InvalidOperationException("inner");
            }
            finally
            {
                order.Add(3);
            }
        }
    }

    [Fact]
    public void Filters_of_outer_methods_run_before_inner_finally_blocks() => Traced.Check(new Outer(), Adding(12345));

    private sealed class Busy() : Ordered(nameof(Busy))
    {
        protected override void Run(List<int> order)
        {
            try
            {
                Inner(order);
            }
            catch (InvalidOperationException) when (Note(order, 1, true))
            {
                order.Add(3);
            }
        }

        private static void Inner(List<int> order)
        {
            try
            {
                throw new InvalidOperationException("inner");
            }
            finally
            {
                try
                {
                    Fail();
                }
                catch (ArgumentException)
                {
                    order.Add(2);
                }
            }
        }
    }

    [Fact]
    public void A_filter_runs_once_also_when_a_finally_block_catches_an_exception_of_its_own() => Traced.Check(new Busy(), Adding(123));

    private sealed class Replacing() : Ordered(nameof(Replacing))
    {
        protected override void Run(List<int> order)
        {
            try
            {
                Inner(order);
                order.Add(4);
            }
            catch (InvalidOperationException) when (Note(order, 1, true))
            {
                order.Add(9);
            }
        }

        private static void Inner(List<int> order)
        {
            try
            {
                try
                {
                    throw new InvalidOperationException("first");
                }
                finally
                {
                    order.Add(2);
                    Fail();
                }
            }
            catch (ArgumentException)
            {
                order.Add(3);
            }
        }
    }

    [Fact]
    public void What_a_finally_block_throws_takes_the_place_of_the_first_exception() => Traced.Check(new Replacing(), Adding(1234));

    private sealed class Again() : Ordered(nameof(Again))
    {
        protected override void Run(List<int> order)
        {
            try
            {
                Inner(order);
            }
            catch (Exception) when (Note(order, 3, true))
            {
                order.Add(4);
            }
        }

        private static void Inner(List<int> order)
        {
            try
            {
                throw new InvalidOperationException("inner");
            }
            catch (InvalidOperationException) when (Note(order, 1, true))
            {
                order.Add(2);
                throw;
            }
        }
    }

    [Fact]
    public void An_exception_that_is_thrown_again_looks_for_a_handler_again() => Traced.Check(new Again(), Adding(1234));
}
