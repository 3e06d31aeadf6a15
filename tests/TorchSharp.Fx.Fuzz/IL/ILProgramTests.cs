namespace TorchSharp.Fx.Fuzz;

/// <summary>CIL that no C# compiler writes: the interpreter does what the CLR does.</summary>
public sealed class ILProgramTests
{
    [Fact]
    public void CIL_gives_what_the_CLR_gives() => new Campaign(GetType(), programs: 200, new Kind()).Run();

    private sealed class Kind : IProgramKind
    {
        public Builds? TryCompile(int[] seeds, out string errors)
        {
            errors = "";
            return ILProgram.Compile(seeds);
        }

        public string? Difference(int seed, Builds builds) => ConcreteProgramTests.Difference(builds, "IL", $"R{seed}", Inputs(seed));

        public string Report(int seed)
        {
            using var builds = ILProgram.Compile([seed]);
            return $"{Difference(seed, builds)}\n{ILProgram.Listing(seed)}";
        }
    }

    /// <summary>Numbers at the edges of each type.</summary>
    private static IEnumerable<object[]> Inputs(int seed)
    {
        var random = new Random(seed);
        long[] whole = [0, 1, -1, 2, 7, 127, 128, 255, 256, 32768, 65535, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue, long.MinValue, random.NextInt64(), -random.NextInt64()];
        double[] floating = [0, -0.0, 0.5, -1.5, 255.9, -129, 2147483648, -2147483649, 4294967296, 9.3e18, -1e19, 1.9e19, 1e300, double.NaN, double.NegativeInfinity, random.NextDouble() * 1e6];
        for (var i = 0; i < 4; i++)
            yield return Array.ConvertAll(ILProgram.Types, Value);

        object Value(Type type)
        {
            var number = whole[random.Next(whole.Length)];
            var fraction = floating[random.Next(floating.Length)];
            return Type.GetTypeCode(type) switch
            {
                TypeCode.Single => (float)fraction,
                TypeCode.Double => fraction,
                TypeCode.Boolean => (number & 1) != 0,
                TypeCode.Byte => unchecked((byte)number),
                TypeCode.SByte => unchecked((sbyte)number),
                TypeCode.Int16 => unchecked((short)number),
                TypeCode.Char => unchecked((char)number),
                TypeCode.Int32 => unchecked((int)number),
                TypeCode.UInt32 => unchecked((uint)number),
                TypeCode.Int64 => number,
                TypeCode.UInt64 => unchecked((ulong)number),
                _ => type == typeof(nint) ? (nint)number : unchecked((object)(nuint)number),
            };
        }
    }
}
