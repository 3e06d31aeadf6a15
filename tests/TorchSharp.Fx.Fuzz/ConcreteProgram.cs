using System.Text;

namespace TorchSharp.Fx.Fuzz;

/// <summary>A generated method on numbers and its inputs.</summary>
internal static class ConcreteProgram
{
    private static readonly string[] Parameters = ["int", "long", "uint", "ulong", "double", "float", "nint", "byte", "short", "bool", "string"];

    /// <summary>A class with a method Run that returns all variables, or throws.</summary>
    internal static string Write(int seed)
    {
        var random = new Random(seed);
        var writer = new ProgramWriter(ConcreteGrammar.Grammar, random);
        var text = new StringBuilder();
        text.AppendLine($"public static class P{seed}\n{{\npublic static object?[] Run({string.Join(", ", Parameters.Select((type, i) => $"{type} p{i}"))})\n{{\nAnimal.Born = 0; int fuel = 40; string error = \"\", text = \"\"; Func<int, int> hook = z => z ^ 5;");
        for (var i = 0; i < Parameters.Length; i++)
            writer.Declare(Parameters[i], $"p{i}");
        writer.Declare("index", "(fuel & 3)", isWritable: false);
        foreach (var (type, name, value) in ConcreteGrammar.Prologue)
        {
            text.AppendLine($"{type} {name} = {value};");
            writer.Declare(type, name);
        }
        text.AppendLine("Span<int> sp = ai, st = new int[4];");
        var body = writer.Statements(random.Next(4, 9));
        // Mostly the exception is caught, so that what was done before it can be seen.
        text.AppendLine(random.Next(4) == 0 ? body : $"try\n{{\n{body}}}\ncatch (Exception e) when (e is not NullReferenceException)\n{{\nerror += e.GetType().Name + (e is InvalidCastException ? \"\" : e.Message);\n}}");
        text.AppendLine($"return [error, text, fuel, hook(3), {string.Join(", ", Parameters.Select((_, i) => $"p{i}"))}, {string.Join(", ", ConcreteGrammar.Prologue.Select(variable => variable.Name))}];\n}}\n}}");
        return text.ToString();
    }

    /// <summary>A few sets of arguments for Run.</summary>
    internal static IEnumerable<object[]> Inputs(int seed)
    {
        var random = new Random(seed);
        long[] whole = [0, 1, -1, 2, 3, 7, 100, 255, 256, -128, 32768, 65536, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue, long.MinValue, random.NextInt64()];
        double[] floating = [0, -0.0, 1, -1.5, 0.1, 2147483648, -1e19, 1e300, double.NaN, double.PositiveInfinity, random.NextDouble() * 1000];
        for (var i = 0; i < 3; i++)
            yield return unchecked([(int)Whole(), Whole(), (uint)Whole(), (ulong)Whole(), Floating(), (float)Floating(), (nint)Whole(), (byte)Whole(), (short)Whole(), random.Next(2) == 0, random.Next(3) switch { 0 => "", 1 => "a", _ => "b" + random.Next(99) }]);

        long Whole() => whole[random.Next(whole.Length)];
        double Floating() => floating[random.Next(floating.Length)];
    }
}
