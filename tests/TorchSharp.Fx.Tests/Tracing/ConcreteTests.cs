using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Code that has nothing to do with an input, in ways that are easily got wrong: the interpreter does what the CLR does.</summary>
public sealed class ConcreteTests
{
    private static void AssertSame(Func<object?> program)
        => Assert.Equal(program(), new Interpreter(new Tracer(), new Graph(), nn.Identity()).CallBack(program.Method, program.Target, Use.Own));

    private sealed class Marked(string text) : Exception(text)
    {
        public override string Message => "marked " + base.Message;

        public override string ToString() => $"<{base.GetBaseException().Message}>";
    }

    [Fact]
    public void Base_calls_run_the_base_class_s_own_method() => AssertSame(() => $"{new Marked("x").Message} {new Marked("y")}");

    [Fact]
    public void Equal_literals_are_one_object() => AssertSame(() => ReferenceEquals("a literal", string.Intern("a " + string.Concat("lit", "eral"))));

    [Fact]
    public void Span_literals_have_their_length_whatever_the_element()
        => AssertSame(() => $"{"--x--".Trim('-', '+', '*')} {"text"u8.Length} {"text"u8[1]} {Sum([3, 4, 5])} {new string(Upper(['a', 'b', 'c']))}");

    private static int Sum(ReadOnlySpan<byte> items)
    {
        var sum = 0;
        foreach (var item in items)
            sum += item;
        return sum;
    }

    private static char[] Upper(ReadOnlySpan<char> items)
    {
        var upper = new char[items.Length];
        for (var i = 0; i < items.Length; i++)
            upper[i] = char.ToUpperInvariant(items[i]);
        return upper;
    }

    [Fact]
    public void Spans_are_copied_where_they_fit() => AssertSame(() =>
    {
        int[] from = [1, 2, 3], to = [0, 0, 0, 0];
        var fits = from.AsSpan().TryCopyTo(to.AsSpan(1));
        var tooLong = from.AsSpan().TryCopyTo(to.AsSpan(2));
        return $"{fits} {tooLong} {string.Join(",", to)}";
    });

    [Fact]
    public void A_slice_out_of_range_is_the_CLR_s_error() => AssertSame(() =>
    {
        try
        {
            return new int[3].AsSpan(int.Parse("4")).Length;
        }
        catch (ArgumentOutOfRangeException exception)
        {
            return exception.Message;
        }
    });

    [Fact]
    public void Lambdas_fill_a_span_of_NET_s_own_code() => AssertSame(() => string.Create(3, 'z', (span, c) =>
    {
        span.Fill(c);
        span[1] = '-';
    }));

    private static IEnumerable<int> Items(List<string> log)
    {
        try
        {
            for (var i = 0; ; i++)
                yield return i;
        }
        finally
        {
            log.Add("left");
        }
    }

    [Fact]
    public void Iterators_are_left_through_their_finally_block() => AssertSame(() =>
    {
        var log = new List<string>();
        var sum = Items(log).First() + Items(log).Take(3).Sum() + Items(log).Select(i => i + 1).First(i => i > 2);
        return $"{sum} {string.Join(",", log)}";
    });

    [Fact]
    public void An_element_of_the_wrong_type_is_refused_by_the_array() => AssertSame(() =>
    {
        object[] items = new string[1];
        try
        {
            items[0] = 3;
            return "stored";
        }
        catch (ArrayTypeMismatchException)
        {
            return "mismatch";
        }
    });

    [Fact]
    public void A_resized_array_is_the_program_s_own() => AssertSame(() =>
    {
        int[] items = [1, 2, 3];
        Array.Resize(ref items, 4);
        Array.Copy(items, 0, items, 1, 2);
        return items;
    });

    [Fact]
    public void Interpolation_aligns() => AssertSame(() => $"[{int.Parse("7"),4}|{"x",-3}|{1.5,6:F2}]");

    private static int Twice(int x) => 2 * x;

    [Fact]
    public void Delegates_of_one_method_are_equal() => AssertSame(() =>
    {
        var items = new List<int>();
        Func<int, int> first = Twice, second = x => x + 1;
        Predicate<int> contains = items.Contains, same = items.Contains, other = new List<int>().Contains;
        return $"{first == Twice} {first == second} {contains == same} {contains != other}";
    });

    [InlineArray(4)]
    private struct Four
    {
        private int first;
    }

    [Fact]
    public void Copies_of_inline_arrays_have_what_was_written_through_a_span() => AssertSame(() =>
    {
        var four = new Four();
        var at = int.Parse("3");
        ref var slot = ref four[at];
        slot = 7;
        var copy = four;
        copy[0] = 1;
        return four[0] + 10 * copy[0] + 100 * copy[^1];
    });

    private static bool flag;

    [Fact]
    public void Each_build_s_choice_between_one_and_zero_is_the_same_number() => AssertSame(() =>
    {
        flag = int.Parse("5") > 4;
        return (flag ? 0 : 1) + 10 * (flag ? 1 : 0) + 100 * (!flag ? 0 : 1);
    });
}
