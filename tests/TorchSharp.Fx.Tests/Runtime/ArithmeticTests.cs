using System.Linq.Expressions;

namespace TorchSharp.Fx.Tests.Runtime;

/// <summary>Arithmetic on numbers in both evaluators against the C# compiler's.</summary>
public sealed class ArithmeticTests
{
    private static readonly int[] Ints = [0, 1, -1, 7, -7, 3, 31, 33, int.MaxValue, int.MinValue];
    private static readonly uint[] Uints = [0, 1, 7, 3, 31, 33, uint.MaxValue, 0x80000000];
    private static readonly long[] Longs = [0, 1, -1, 7, -7, 3, 63, 65, long.MaxValue, long.MinValue];
    private static readonly ulong[] Ulongs = [0, 1, 7, 3, 63, 65, ulong.MaxValue, 1UL << 63];
    private static readonly nint[] Natives = [0, 1, -1, 7, -7, 3, nint.MaxValue, nint.MinValue];
    private static readonly float[] Floats = [0, -0f, 1, -2.5f, 7, 0.1f, float.MaxValue, float.NaN, float.PositiveInfinity, float.NegativeInfinity];
    private static readonly double[] Doubles = [0, -0.0, 1, -2.5, 7, 0.1, double.MaxValue, double.NaN, double.PositiveInfinity, double.NegativeInfinity];
    private static readonly bool[] Bools = [true, false];

    [Fact]
    public void Int() => Compare(Ints, new()
    {
        [Builtin.add] = (a, b) => unchecked(a + b), [Builtin.sub] = (a, b) => unchecked(a - b), [Builtin.mul] = (a, b) => unchecked(a * b),
        [Builtin.floordiv] = (a, b) => a / b, [Builtin.mod] = (a, b) => a % b, [Builtin.neg] = (a, _) => unchecked(-a), [Builtin.invert] = (a, _) => ~a,
        [Builtin.and_] = (a, b) => a & b, [Builtin.or_] = (a, b) => a | b, [Builtin.xor] = (a, b) => a ^ b, [Builtin.lshift] = (a, b) => a << b, [Builtin.rshift] = (a, b) => a >> b,
        [Builtin.eq] = (a, b) => a == b, [Builtin.ne] = (a, b) => a != b, [Builtin.lt] = (a, b) => a < b, [Builtin.le] = (a, b) => a <= b, [Builtin.gt] = (a, b) => a > b, [Builtin.ge] = (a, b) => a >= b,
    });

    [Fact]
    public void Int_checked() => Compare(Ints, new()
    {
        [Builtin.add] = (a, b) => checked(a + b), [Builtin.sub] = (a, b) => checked(a - b), [Builtin.mul] = (a, b) => checked(a * b), [Builtin.neg] = (a, _) => checked(-a),
    }, isChecked: true);

    [Fact]
    public void Uint() => Compare(Uints, new()
    {
        [Builtin.add] = (a, b) => unchecked(a + b), [Builtin.sub] = (a, b) => unchecked(a - b), [Builtin.mul] = (a, b) => unchecked(a * b),
        [Builtin.floordiv] = (a, b) => a / b, [Builtin.mod] = (a, b) => a % b, [Builtin.neg] = (a, _) => unchecked(0 - a), [Builtin.invert] = (a, _) => ~a,
        [Builtin.and_] = (a, b) => a & b, [Builtin.or_] = (a, b) => a | b, [Builtin.xor] = (a, b) => a ^ b, [Builtin.lshift] = (a, b) => a << (int)b, [Builtin.rshift] = (a, b) => a >> (int)b,
        [Builtin.eq] = (a, b) => a == b, [Builtin.ne] = (a, b) => a != b, [Builtin.lt] = (a, b) => a < b, [Builtin.le] = (a, b) => a <= b, [Builtin.gt] = (a, b) => a > b, [Builtin.ge] = (a, b) => a >= b,
    });

    [Fact]
    public void Uint_checked() => Compare(Uints, new()
    {
        [Builtin.add] = (a, b) => checked(a + b), [Builtin.sub] = (a, b) => checked(a - b), [Builtin.mul] = (a, b) => checked(a * b),
    }, isChecked: true);

    [Fact]
    public void Long() => Compare(Longs, new()
    {
        [Builtin.add] = (a, b) => unchecked(a + b), [Builtin.sub] = (a, b) => unchecked(a - b), [Builtin.mul] = (a, b) => unchecked(a * b),
        [Builtin.floordiv] = (a, b) => a / b, [Builtin.mod] = (a, b) => a % b, [Builtin.neg] = (a, _) => unchecked(-a), [Builtin.invert] = (a, _) => ~a,
        [Builtin.and_] = (a, b) => a & b, [Builtin.or_] = (a, b) => a | b, [Builtin.xor] = (a, b) => a ^ b, [Builtin.lshift] = (a, b) => a << (int)b, [Builtin.rshift] = (a, b) => a >> (int)b,
        [Builtin.eq] = (a, b) => a == b, [Builtin.ne] = (a, b) => a != b, [Builtin.lt] = (a, b) => a < b, [Builtin.le] = (a, b) => a <= b, [Builtin.gt] = (a, b) => a > b, [Builtin.ge] = (a, b) => a >= b,
    });

    [Fact]
    public void Long_checked() => Compare(Longs, new()
    {
        [Builtin.add] = (a, b) => checked(a + b), [Builtin.sub] = (a, b) => checked(a - b), [Builtin.mul] = (a, b) => checked(a * b), [Builtin.neg] = (a, _) => checked(-a),
    }, isChecked: true);

    [Fact]
    public void Ulong() => Compare(Ulongs, new()
    {
        [Builtin.add] = (a, b) => unchecked(a + b), [Builtin.sub] = (a, b) => unchecked(a - b), [Builtin.mul] = (a, b) => unchecked(a * b),
        [Builtin.floordiv] = (a, b) => a / b, [Builtin.mod] = (a, b) => a % b, [Builtin.neg] = (a, _) => unchecked(0 - a), [Builtin.invert] = (a, _) => ~a,
        [Builtin.lshift] = (a, b) => a << (int)b, [Builtin.rshift] = (a, b) => a >> (int)b,
        [Builtin.lt] = (a, b) => a < b, [Builtin.le] = (a, b) => a <= b, [Builtin.gt] = (a, b) => a > b, [Builtin.ge] = (a, b) => a >= b,
    });

    [Fact]
    public void Native() => Compare(Natives, new()
    {
        [Builtin.add] = (a, b) => unchecked(a + b), [Builtin.sub] = (a, b) => unchecked(a - b), [Builtin.mul] = (a, b) => unchecked(a * b),
        [Builtin.floordiv] = (a, b) => a / b, [Builtin.mod] = (a, b) => a % b, [Builtin.neg] = (a, _) => unchecked(-a), [Builtin.lt] = (a, b) => a < b, [Builtin.eq] = (a, b) => a == b,
    });

    [Fact]
    public void Native_checked() => Compare(Natives, new()
    {
        [Builtin.add] = (a, b) => checked(a + b), [Builtin.sub] = (a, b) => checked(a - b), [Builtin.mul] = (a, b) => checked(a * b),
    }, isChecked: true);

    [Fact]
    public void Float() => Compare(Floats, new()
    {
        [Builtin.add] = (a, b) => a + b, [Builtin.sub] = (a, b) => a - b, [Builtin.mul] = (a, b) => a * b, [Builtin.truediv] = (a, b) => a / b, [Builtin.mod] = (a, b) => a % b, [Builtin.neg] = (a, _) => -a,
        [Builtin.eq] = (a, b) => a == b, [Builtin.ne] = (a, b) => a != b, [Builtin.lt] = (a, b) => a < b, [Builtin.le] = (a, b) => a <= b, [Builtin.gt] = (a, b) => a > b, [Builtin.ge] = (a, b) => a >= b,
    });

    [Fact]
    public void Double() => Compare(Doubles, new()
    {
        [Builtin.add] = (a, b) => a + b, [Builtin.sub] = (a, b) => a - b, [Builtin.mul] = (a, b) => a * b, [Builtin.truediv] = (a, b) => a / b, [Builtin.mod] = (a, b) => a % b, [Builtin.neg] = (a, _) => -a,
        [Builtin.eq] = (a, b) => a == b, [Builtin.ne] = (a, b) => a != b, [Builtin.lt] = (a, b) => a < b, [Builtin.le] = (a, b) => a <= b, [Builtin.gt] = (a, b) => a > b, [Builtin.ge] = (a, b) => a >= b,
    });

    [Fact]
    public void Bool() => Compare(Bools, new()
    {
        [Builtin.and_] = (a, b) => a & b, [Builtin.or_] = (a, b) => a | b, [Builtin.xor] = (a, b) => a ^ b, [Builtin.not_] = (a, _) => !a, [Builtin.eq] = (a, b) => a == b, [Builtin.ne] = (a, b) => a != b,
    });

    [Fact]
    public void Casts_truncate_wrap_and_saturate_as_csharps_do() => Cast(isChecked: false,
        To(Doubles.Concat([1e10, -1e10, 300.7, -1.5, 4e18]), a => unchecked((int)a)), To(Doubles.Concat([1e10, 300.7, -1.5]), a => unchecked((byte)a)), To(Doubles.Append(-1.5), a => unchecked((long)a)),
        To(Doubles.Append(1e19), a => unchecked((ulong)a)), To(Doubles, a => unchecked((uint)a)), To(Doubles, a => (float)a), To(Floats, a => unchecked((short)a)), To(Longs, a => unchecked((int)a)),
        To(Longs, a => unchecked((ulong)a)), To(Longs, a => (float)a), To(Ulongs, a => (double)a), To(Ulongs, a => (float)a), To(Uints, a => (float)a), To(Uints, a => unchecked((int)a)), To(Ints, a => unchecked((sbyte)a)), To(Ints, a => (long)a),
        To(Ints, a => unchecked((char)a)), To(Longs, a => (nint)a), To(Natives, a => unchecked((int)a)), To(Ints, a => unchecked((ulong)a)));

    [Fact]
    public void Checked_casts_throw_where_csharps_do() => Cast(isChecked: true,
        To(Doubles.Concat([2147483647.5, -2147483648.5, 1e10]), a => checked((int)a)), To(Doubles.Append(255.9), a => checked((byte)a)), To(Doubles, a => checked((ulong)a)), To(Longs, a => checked((int)a)),
        To(Longs, a => checked((ulong)a)), To(Ulongs, a => checked((long)a)), To(Uints, a => checked((int)a)), To(Ints, a => checked((sbyte)a)), To(Ints, a => checked((uint)a)), To(Floats, a => checked((short)a)));

    private static void Compare<T>(T[] numbers, Dictionary<Builtin, Func<T, T, object>> operators, bool isChecked = false)
    {
        foreach (var (operation, expected) in operators)
        {
            var target = new BuiltinTarget(operation, typeof(T), isChecked);
            var compiled = Compile<T>(target);
            var right = operation is Builtin.lshift or Builtin.rshift ? numbers.Where(number => Convert.ToDouble(number) is >= 0 and < 100) : numbers;
            foreach (var (a, b) in numbers.SelectMany(_ => right, (a, b) => (a, b)))
            {
                var wanted = Outcome(() => expected(a, b));
                Assert.Equal((operation, a, b, wanted), (operation, a, b, Outcome(() => Arithmetic.Evaluate(target, a, b))));
                Assert.Equal((operation, a, b, wanted), (operation, a, b, Outcome(() => compiled(a, b))));
            }
        }
    }

    private static Func<T, T, object> Compile<T>(BuiltinTarget target)
    {
        var (a, b) = (Expression.Parameter(typeof(T)), Expression.Parameter(typeof(T)));
        var unary = target.Operation is Builtin.neg or Builtin.invert or Builtin.not_;
        return Expression.Lambda<Func<T, T, object>>(Expression.Convert(ArithmeticEmitter.Emit(target, a, unary ? null : b), typeof(object)), a, b).Compile();
    }

    private static (IEnumerable<object> Numbers, Func<object, object> Expected, Type From, Type To) To<TFrom, TTo>(IEnumerable<TFrom> numbers, Func<TFrom, TTo> cast)
        => (numbers.Cast<object>(), number => cast((TFrom)number)!, typeof(TFrom), typeof(TTo));

    private static void Cast(bool isChecked, params (IEnumerable<object> Numbers, Func<object, object> Expected, Type From, Type To)[] casts)
    {
        foreach (var (numbers, expected, from, to) in casts)
        {
            var parameter = Expression.Parameter(typeof(object));
            var compiled = Expression.Lambda<Func<object, object>>(
                Expression.Convert(ArithmeticEmitter.Cast(Expression.Convert(parameter, from), to, isChecked), typeof(object)), parameter).Compile();
            foreach (var number in numbers)
            {
                var wanted = Outcome(() => expected(number));
                Assert.Equal((from, to, number, wanted), (from, to, number, Outcome(() => Evaluation.Cast.To(number, to, isChecked))));
                Assert.Equal((from, to, number, wanted), (from, to, number, Outcome(() => compiled(number))));
            }
        }
    }

    /// <summary>The result with its type, to the bit, or the exception's type.</summary>
    private static object Outcome(Func<object> compute)
    {
        try
        {
            return compute() switch
            {
                double number => (typeof(double), double.IsNaN(number) ? 0 : BitConverter.DoubleToInt64Bits(number)),
                float number => (typeof(float), float.IsNaN(number) ? 0L : BitConverter.SingleToInt32Bits(number)),
                var other => (other.GetType(), other),
            };
        }
        catch (ArithmeticException error)
        {
            return error.GetType();
        }
    }
}
