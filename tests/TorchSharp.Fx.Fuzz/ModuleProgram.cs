using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz;

/// <summary>A generated module.</summary>
internal static class ModuleProgram
{
    /// <summary>The compiled module, as it is before its first call.</summary>
    internal static nn.Module<Tensor, Tensor> New(int seed, Assembly assembly) => (nn.Module<Tensor, Tensor>)Activator.CreateInstance(assembly.GetType($"M{seed}")!)!;

    internal static string Write(int seed)
    {
        var random = new Random(seed);
        var writer = new ProgramWriter(ModuleGrammar.Grammar, random);
        foreach (var (type, name) in new[] { ("Tensor", "x"), ("Tensor", "y"), ("long", "n"), ("int", "k"), ("bool", "flag"), ("double", "scale") })
            writer.Declare(type, name);
        writer.Declare("count", "width", isWritable: false);
        writer.Declare("axis", "1", isWritable: false);
        var body = writer.Statements(random.Next(4, 10));
        return $$"""
            public sealed class M{{seed}} : nn.Module<Tensor, Tensor>
            {
                private readonly nn.Module<Tensor, Tensor> act = nn.Sigmoid();
                private readonly Gate inner = new();
                private readonly Tensor weight = torch.tensor(new float[] { {{random.Next(1, 9)}} });
                private readonly int width = {{random.Next(1, 4)}};
                private Tensor? cache;
                private int steps;

                public M{{seed}}() : base("M") => RegisterComponents();

                private static Tensor Rows(Tensor t) => t.reshape(t.shape[0], -1);
                private static Tensor Doubled(Tensor t, int axis) => t.numel() > 200 ? t : torch.cat([t, t.neg()], axis);
                private static long Area(long a, int b) { var area = a * b; return area > 1000 ? 1000 : area; }

                public override Tensor forward(Tensor x)
                {
                    int fuel = 12;
                    long n = x.shape[0];
                    int k = (int)x.size(1);
                    var y = x * 2;
                    bool flag = {{(random.Next(2) == 0 ? "true" : "n > 2")}};
                    double scale = {{(random.Next(2) == 0 ? "0.5" : "(double)k / 3")}};
                    List<Tensor> lt = [x, y];
                    List<long> dims = [n, 5];
                    var size = new Size(n, k);
                    (Tensor, long) pair = (x, n);
                    Func<Tensor, Tensor> hook = z => z;
            {{body}}
                    return torch.cat([x.reshape(-1), y.reshape(-1), pair.Item1.reshape(-1) + pair.Item2 % 97, lt[^1].reshape(-1) * (n % 89), (x * scale).reshape(-1) + size.Rows % 7 + size.Cols % 5 + (flag ? k % 83 : dims[0] % 3), hook(x).reshape(-1)]);
                }
            }

            """;
    }
}
