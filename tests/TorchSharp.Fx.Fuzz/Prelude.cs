namespace TorchSharp.Fx.Fuzz;

/// <summary>What generated programs share.</summary>
internal static class Prelude
{
    internal static string Text { get; } = string.Concat(Family.All.Select(family => family.Declarations).Prepend(Common));

    private const string Common = """
        global using System;
        global using System.Collections.Generic;
        global using System.Linq;
        global using TorchSharp;
        global using static TorchSharp.torch;

        [Flags] public enum Color : byte { None, Red, Blue }

        public struct Inner { public long C; public byte D; }

        public struct Pair(int a, double b)
        {
            public int A = a;
            public double B = b;
            public Inner In = new() { C = a, D = unchecked((byte)a) };
            public readonly long Sum() => unchecked(A + In.C + In.D);
            public void Grow(int by) { A = unchecked(A + by); In.C = unchecked(In.C * by); }
            public readonly void Deconstruct(out int a, out double b) => (a, b) = (A, B);
            public readonly Pair Moved(int by) { var copy = this; copy.Grow(by); return copy; }
        }

        public struct Size(long rows, int cols)
        {
            public long Rows = rows;
            public int Cols = cols;
            public void Grow(int by) { Rows += by; Cols *= 2; }
        }

        public sealed class Gate : nn.Module<Tensor, Tensor>
        {
            public Gate() : base("inner") { }
            public override Tensor forward(Tensor x) => x.shape[0] > 3 ? x * 2 : x.sigmoid() + x.shape[1];
        }

        public record Named(string Text, int Number);

        public sealed class Node { public int Value { get; set; } public Node? Next { get; set; } }

        public sealed class Custom(int code) : Exception("custom") { public int Code => code; }

        public sealed class Scope(List<int> log) : IDisposable { public void Dispose() => log[0] = unchecked(log[0] + 1); }

        public static class Helpers
        {
            public static T Pick<T>(bool first, T a, T b) => first ? a : b;
            public static void Use<T>(ref T value) => _ = value;
            public static T Same<T>(T x) => x;
            public static int Twice(int x) => checked(x * 2);
            public static int Later(int x, ref int counter) { try { return counter / x; } finally { counter = unchecked(counter + 1); } }
            public static long Fold(long[] values) { long sum = 0; foreach (var value in values) sum = unchecked(sum * 31 + value); return sum; }
            public static int Count(int n) => n == 0 ? 0 : 1 + Count(n - 1);
            public static double Mean(double a, double b, float c) => (a + b + c) / 3;
            public static void Swap<T>(ref T a, ref T b) => (a, b) = (b, a);
            public static void Parts(long x, out long high, out int low) { high = x >> 32; low = unchecked((int)x); }
            public static IEnumerable<int> Numbers(int n) { try { for (var i = 0; i < n; i++) yield return i * i; } finally { n = 0; } }
            public static long Deep(int n, long x)
            {
                try
                {
                    if (n == 0) return 100 / x;
                    return unchecked(Deep(n - 1, x - 1) + n);
                }
                catch (DivideByZeroException) when (n > 2) { return -n; }
                finally { n = -1; }
            }
        }

        """;
}
