using System.Reflection;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

public sealed class OperationTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Dev(bool everything)
    {
        using var scope = NewDisposeScope();
        var ok = 0;
        using var file = File.CreateText($"/tmp/allops_{everything}.txt");
        foreach (var (name, method) in PublicOperations.All)
        {
            try
            {
                var call = new SymbolicCall(method, everything, new Samples(float32, everything));
                if (call.Calls.Count() != 1)
                    throw new InvalidOperationException("NO NODE: " + string.Join(";", call.Graph().nodes.Select(n => n.target.GetType().Name + " " + n.target)));
                call.Compile();
                ok++;
            }
            catch (Exception e)
            {
                file.WriteLine($"{name}\t{e.GetType().Name}\t{e.Message.Split('\n')[0]}\t{(e is TraceException ? "" : e.StackTrace!.Split('\n')[0])}");
            }
        }
        file.WriteLine($"{ok} of {PublicOperations.All.Count}");
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Bool)]
    public void Run(ScalarType dtype)
    {
        var skip = File.Exists("/tmp/skip.txt") ? File.ReadAllLines("/tmp/skip.txt").ToHashSet() : [];
        using var file = new StreamWriter($"/tmp/allrun_{dtype}.txt") { AutoFlush = true };
        foreach (var (name, method) in PublicOperations.All)
        {
            if (skip.Contains(name) || !name.StartsWith(Environment.GetEnvironmentVariable("OPS") ?? "", StringComparison.Ordinal))
                continue;
            using var scope = NewDisposeScope();
            try
            {
                var call = new SymbolicCall(method, false, new Samples(dtype));
                if (call.Inputs.Count is 0 or > 2 || !call.Inputs.All(input => input is Tensor))
                    continue;
                var compiled = call.Compile();
                file.WriteLine("TRY " + name);
                var eager = Try(() => Invocation.Invoke(method, method.IsStatic || method.IsConstructor ? null : Arg(method.DeclaringType!, new Samples(dtype)), Args(method, new Samples(dtype))));
                file.WriteLine("EAGER " + (eager is Exception e ? e.GetType().Name + " " + e.Message.Split('\n')[0] : "ok"));
                if (eager is Exception) continue;
                var actual = Try(compiled);
                if (actual is Exception a && eager is not Exception) throw a;
                if (((MethodInfo)method).ReturnType != typeof(void)) Traced.Same(eager, actual);
            }
            catch (Exception e) { file.WriteLine($"BAD {name} {e.GetType().Name} {e.Message.Replace('\n', ' ')}"); }
        }
    }
    static object Arg(Type t, Samples s) => s.Receiver(t);
    static object?[] Args(MethodBase m, Samples s) { if (!m.IsStatic && !m.IsConstructor) _ = s.Receiver(m.DeclaringType!); return [.. m.GetParameters().Select(s.Of)]; }
    static object? Try(Func<object?> f) { manual_seed(1); try { return f(); } catch (Exception e) { return e; } }
}
