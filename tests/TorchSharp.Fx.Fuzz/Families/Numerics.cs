namespace TorchSharp.Fx.Fuzz;

/// <summary>Numbers beyond the operators: compound assignments, Math, bits, and types that are structs.</summary>
internal static class Numerics
{
    private static readonly string[] Integers = ["int", "long", "uint", "ulong", "nint", "nuint", "byte", "sbyte", "short", "ushort", "char"];

    internal static Family Family { get; } = new(
        """
        public sealed class Account
        {
            private long[] items = [1, 2, 3, 4];
            public int Reads;
            public long Balance { get; set; }
            public short Small { get; set; } = 5;
            public long this[int index] { get { Reads++; return items[index & 3]; } set => items[index & 3] = value; }
        }

        """,
        new Dictionary<string, string[]>
        {
            ["int"] = ["Math.Sign(«int»)", "Math.Clamp(«int», -5, 500)", "Math.DivRem(«int», «!int», out _)", "Math.DivRem(«int», «!int»).Remainder", "System.Numerics.BitOperations.PopCount(«uint»)", "System.Numerics.BitOperations.LeadingZeroCount(«ulong»)", "System.Numerics.BitOperations.TrailingZeroCount(«int»)", "int.RotateLeft(«int», 5)", "decimal.ToInt32(decimal.Truncate((decimal)«int» / 3m))", "(int)((decimal)«int» * 0.5m)", "(int)(Half)«float»", "Convert.ToInt32(«double»)", "Convert.ToInt32(«long»)", "checked((int)(«long» * 2))", "checked((int)(«uint» + «uint»))", "unchecked((int)(«char» * «char»))", "(«byte» - «sbyte»)", "(«ushort» << («byte» & 31))", "(+«short»)", "(~«byte»)", "(-«char»)", "«double».CompareTo(«double»)", "«float».GetHashCode()", "«ulong».GetHashCode()", "int.Max(«int», «int»)", "int.CreateSaturating(«long»)", "int.CreateChecked(«double»)", "unchecked((int)0x80000000 >> («int» & 31))", "(«int» is var v§ ? v§++ + ++v§ : 0)"],
            ["long"] = ["Math.BigMul(«int», «int»)", "(«int» * (long)«uint»)", "(«uint» - (long)«int»)", "(long)(Int128)«long»", "(long)(((Int128)«long» * «long») >> 64)", "long.Abs(«long»)", "BitConverter.DoubleToInt64Bits((double)«int»)", "(long)Math.Round(«double», MidpointRounding.ToEven)", "Convert.ToInt64(«float»)", "(«long» >> («int» & 63))", "(«nint» + (long)«int»)", "decimal.ToInt64(decimal.Round((decimal)«int» / 7m, 2) * 100)", "(long)System.Numerics.BigInteger.Remainder(new System.Numerics.BigInteger(«long») * «long», 1000003)"],
            ["uint"] = ["(«uint» % (uint)(1 + («int» & 7)))", "System.Numerics.BitOperations.RoundUpToPowerOf2(«uint»)", "uint.CreateTruncating(«long»)"],
            ["ulong"] = ["(«ulong» / (1 + (ulong)«byte»))", "Math.BigMul(«uint», «uint»)", "ulong.CreateSaturating(«double»)", "(ulong)«uint»"],
            ["double"] = ["Math.Pow(«double», 2)", "(«double» % 3)", "(«double» * «float»)", "(«int» / (double)«uint»)", "Math.Truncate(«double»)", "Math.Round(«double»)", "Math.Ceiling(«double» / 7)", "Math.CopySign(«double», «double»)", "Math.FusedMultiplyAdd(«double», «double», 1)", "(double)(decimal)(«int» / 3.0)", "BitConverter.Int64BitsToDouble(«long»)", "(«double» > «double» ? «double» : -0.0)", "double.MaxMagnitude(«double», «double»)", "(1 / «double»)", "(double)«ulong»", "(double)(float)«double»", "Math.ScaleB(«double», «int» & 15)"],
            ["float"] = ["(«float» * «int»)", "MathF.Sqrt(«float»)", "(float)(«double» + «float»)", "(«float» % 0.7f)", "(float)«ulong»", "(float)«uint»", "BitConverter.Int32BitsToSingle(«int»)", "(float)(Half)«float»", "MathF.Max(«float», «float»)"],
            ["nint"] = ["(«nint» + «int»)", "(«nint» * 2)", "(nint)«int» << («int» & 31)"], ["nuint"] = ["(«nuint» + (nuint)«uint»)", "(«nuint» >> 3)"],
            ["bool"] = ["double.IsFinite(«double»)", "(«double» == «float»)", "(«long» > «uint»)", "(«int» < «uint»)", "(«nint» >= «int»)", "double.IsNegative(«double»)", "(«float» is float.NaN)", "«double».Equals(«double»)", "((«bool» ? 1 : 0) == («bool» ? 0 : 1))", "(!(«double» < «double»))", "(!(«float» >= «float»))", "((decimal)«int» > 0.5m)", "int.IsPow2(«int»)", "(«char» > «short»)"],
            ["string"] = ["((decimal)«int» / 7m).ToString(System.Globalization.CultureInfo.InvariantCulture)", "((Int128)«long» * «long»).ToString()", "((Half)«float»).ToString(System.Globalization.CultureInfo.InvariantCulture)", "«ulong».ToString(\"x\")"],
        },
        [
            .. Integers.SelectMany(type => new[] { $"«={type}» <<= «int» & 7;", $"«={type}» >>= «int» & 7;", $"«={type}» >>>= 3;", $"«={type}» &= «{type}»;", $"«={type}» ^= «{type}»;", $"checked {{ «={type}» += «{type}»; }}", $"checked {{ «={type}»--; --«={type}»; }}" }),
            "p4 %= «double»;", "p5 /= «float»;", "p4 += «float»;", "p5++;", "p7 += «byte»;", "p8 *= «short»;", "sb -= «sbyte»;", "ch += «char»;", "ab[«index»] <<= 1;", "ah[«index»] -= «short»;", "al[«index»] /= «!long»;", "au[«index»] %= 7;", "ad[«index»]--;", "checked { ab[«index»] += «byte»; }", "checked { ah[«index»]++; }", "p0 = ai[«index»]++ + --ai[«index»];",
            "var account§ = new Account { Balance = «long» }; account§.Balance += «long»; account§.Balance++; account§.Small *= «short»; account§[«int»] -= «long»; account§[1]++; p1 = unchecked(account§.Balance + account§.Reads + account§[«index»] + account§.Small);", "decimal money§ = «int»; money§ += 0.25m; money§ *= 3; text = money§.ToString(System.Globalization.CultureInfo.InvariantCulture);", "Int128 big§ = «long»; big§ *= «int»; big§ >>= 3; p1 = (long)big§;", "int a§ = «int», b§ = «int»; p0 = a§++ - ++b§ * a§-- + b§;", "s.A++; s.In.C <<= 2; s.In.D--; structs[«index»].In.D += «byte»; t.Item1--;", "n++; n *= «int»; nd /= «double»; n ??= «int»;",
        ]);
}
