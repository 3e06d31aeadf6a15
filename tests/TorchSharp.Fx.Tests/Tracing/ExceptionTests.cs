using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

public sealed class ExceptionTests
{
    private sealed class Recovering : nn.Module<Tensor, Tensor>
    {
        public Recovering() : base(nameof(Recovering)) { }

        public override Tensor forward(Tensor x)
        {
            try
            {
                x = x + 1;
                Fail(x);
                x = x + 2;
            }
            catch (ArgumentException)
            {
                x = x + 3;
            }
            catch (InvalidOperationException error) when (error.Message == "other")
            {
                x = x + 4;
            }
            catch (InvalidOperationException error) when (error.Message.Length == 4)
            {
                x = x + error.Message.Length * 10;
            }
            finally
            {
                x = x * 2;
            }
            return x;
        }

        private static void Fail(Tensor x)
        {
            using var scope = NewDisposeScope();
            throw new InvalidOperationException(x is null ? "null" : "fail");
        }
    }

    [Fact]
    public void Catch_when_and_finally()
        => Traced.Check(new Recovering(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 1)
                %add_1 : [num_users=1] = call_function[target=add](%add, 40)
                %mul : [num_users=1] = call_function[target=mul](%add_1, 2)
                return %mul
            """);

    private sealed class Returning : nn.Module<Tensor, Tensor>
    {
        private readonly List<Tensor> seen = [];

        public Returning() : base(nameof(Returning)) { }

        public override Tensor forward(Tensor x)
        {
            var y = Inner(x, 0) + Inner(x, 1);
            return seen.Aggregate(y, (sum, next) => sum * next);
        }

        private Tensor Inner(Tensor x, int way)
        {
            foreach (var i in new[] { 1, 2, 3 })
            {
                try
                {
                    try
                    {
                        if (way == 0)
                            return x + i;
                        if (i == 2)
                            break;
                        continue;
                    }
                    finally
                    {
                        seen.Add(x - i);
                    }
                }
                finally
                {
                    seen.Add(x * i);
                }
            }
            return x;
        }
    }

    [Fact]
    public void Return_break_and_continue_run_nested_finally_blocks_inner_ones_first()
    {
        var graph = Traced.WithoutState(new Returning());
        Assert.Equal("""
            graph(%x):
                %x : [num_users=8] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 1)
                %sub : [num_users=1] = call_function[target=sub](%x, 1)
                %mul : [num_users=1] = call_function[target=mul](%x, 1)
                %sub_1 : [num_users=1] = call_function[target=sub](%x, 1)
                %mul_1 : [num_users=1] = call_function[target=mul](%x, 1)
                %sub_2 : [num_users=1] = call_function[target=sub](%x, 2)
                %mul_2 : [num_users=1] = call_function[target=mul](%x, 2)
                %add_1 : [num_users=1] = call_function[target=add](%add, %x)
                %mul_3 : [num_users=1] = call_function[target=mul](%add_1, %sub)
                %mul_4 : [num_users=1] = call_function[target=mul](%mul_3, %mul)
                %mul_5 : [num_users=1] = call_function[target=mul](%mul_4, %sub_1)
                %mul_6 : [num_users=1] = call_function[target=mul](%mul_5, %mul_1)
                %mul_7 : [num_users=1] = call_function[target=mul](%mul_6, %sub_2)
                %mul_8 : [num_users=1] = call_function[target=mul](%mul_7, %mul_2)
                return %mul_8

            """, graph.ToString());
    }

    private sealed class Rethrowing : nn.Module<Tensor, Tensor>
    {
        public Rethrowing() : base(nameof(Rethrowing)) { }

        public override Tensor forward(Tensor x)
        {
            var log = "";
            try
            {
                try
                {
                    throw new KeyNotFoundException("first");
                }
                catch (KeyNotFoundException)
                {
                    try
                    {
                        try
                        {
                            throw new FormatException("second");
                        }
                        catch (FormatException)
                        {
                            throw new TimeoutException("third");
                        }
                    }
                    catch (TimeoutException error)
                    {
                        log += error.Message;
                    }
                    throw;
                }
                finally
                {
                    try
                    {
                        try
                        {
                            log += "?";
                        }
                        finally
                        {
                            int.Parse("no number", null);
                        }
                    }
                    catch (FormatException)
                    {
                        log += "!";
                    }
                }
            }
            catch (Exception error)
            {
                log += error.Message;
            }
            return x + log.Length + (log == "third?!first" ? 100 : 0);
        }
    }

    [Fact]
    public void Rethrow_gives_the_exception_whose_handler_it_stands_in()
        => Traced.Check(new Rethrowing(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 12)
                %add_1 : [num_users=1] = call_function[target=add](%add, 100)
                return %add_1
            """);

    private sealed class Resource(List<string> log, string label) : IDisposable
    {
        public void Dispose() => log.Add(label);
    }

    private sealed class Using : nn.Module<Tensor, Tensor>
    {
        public Using() : base(nameof(Using)) { }

        public override Tensor forward(Tensor x)
        {
            List<string> log = [];
            using (new Resource(log, "a"))
            {
                using var b = new Resource(log, "b");
                using var doubled = x * 2;
                x = doubled.relu();
            }
            lock (log)
                return x + (string.Join(",", log) == "b,a" ? 1 : 0);
        }
    }

    [Fact]
    public void Using_and_lock()
        => Traced.Check(new Using(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %mul : [num_users=1] = call_function[target=mul](%x, 2)
                %relu : [num_users=1] = call_method[target=relu](%mul)
                %add : [num_users=1] = call_function[target=add](%relu, 1)
                return %add
            """);

#pragma warning disable CA2219 // What happens then is the subject of the test.
    private sealed class FinallyThrows : nn.Module<Tensor, Tensor>
    {
        public FinallyThrows() : base(nameof(FinallyThrows)) { }

        public override Tensor forward(Tensor x)
        {
            for (var i = 0; i < 2; i++)
            {
                try
                {
                    try
                    {
                        x = x + 1;
                        if (i == 0)
                            throw new FormatException();
                    }
                    finally
                    {
                        x = x + 2;
                        if (i == 0)
                            throw new TimeoutException();
                    }
                    x = x + 3;
                }
                catch (TimeoutException)
                {
                    x = x + 4;
                }
            }
            return x;
        }
    }
#pragma warning restore CA2219

    [Fact]
    public void An_exception_in_a_finally_block_replaces_the_first()
        => Traced.Check(new FinallyThrows(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 1)
                %add_1 : [num_users=1] = call_function[target=add](%add, 2)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 4)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, 1)
                %add_4 : [num_users=1] = call_function[target=add](%add_3, 2)
                %add_5 : [num_users=1] = call_function[target=add](%add_4, 3)
                return %add_5
            """);

    private sealed class RuntimeFaults(int[]? numbers, object value, int zero) : nn.Module<Tensor, Tensor>(nameof(RuntimeFaults))
    {
        public override Tensor forward(Tensor x)
        {
            var caught = "";
            foreach (var fault in new Func<object>[] { () => numbers![0], () => (string)value, () => 1 / zero, () => new[] { 1 }[1 + zero], () => checked(int.MaxValue - zero + 1), () => (int)(object)1L, () => new int[zero - 1] })
            {
                try
                {
                    fault();
                }
                catch (Exception error)
                {
                    caught += error.GetType().Name[..2];
                }
            }
            return caught == "NuInDiInOvInOv" ? x.relu() : throw new InvalidOperationException(caught);
        }
    }

    [Fact]
    public void The_runtime_s_own_exceptions_are_thrown_where_the_CLR_throws_them()
        => Traced.Check(new RuntimeFaults(null, 5, 0), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %relu : [num_users=1] = call_method[target=relu](%x)
                return %relu
            """);

    private sealed class FaultyFilter(int[] numbers) : nn.Module<Tensor, Tensor>(nameof(FaultyFilter))
    {
        public override Tensor forward(Tensor x)
        {
            try
            {
                try
                {
                    throw new InvalidOperationException();
                }
                catch (InvalidOperationException) when (Read(9) > 0)
                {
                    return x.neg();
                }
            }
            catch (InvalidOperationException)
            {
                return x.relu();
            }
        }

        private int Read(int index) => numbers[index];
    }

    [Fact]
    public void What_a_filter_throws_is_swallowed_and_the_filter_takes_nothing()
        => Traced.Check(new FaultyFilter([1]), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %relu : [num_users=1] = call_method[target=relu](%x)
                return %relu
            """);
}
