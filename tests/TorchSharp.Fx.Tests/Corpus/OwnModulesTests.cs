using System.Reflection;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Corpus;

/// <summary>
/// TorchSharp's own modules, where a tracer's <c>is_leaf_module</c> doesn't take them for leaves: what is made in C# is followed to the operations it consists of, what hands its
/// work to native code is refused for it. Found by reflection: every factory of <c>torch.nn</c> that simple arguments satisfy.
/// </summary>
public sealed class OwnModulesTests
{
    private static readonly long[][] Shapes = [[2, 4], [2, 4, 8], [2, 4, 8, 8], [2, 4, 8, 8, 8]];

    private sealed class Looking : Tracer
    {
        public override bool is_leaf_module(nn.Module m, string module_qualified_name) => false;
    }

    private sealed class Around(nn.Module<Tensor, Tensor> inner) : nn.Module<Tensor, Tensor>(nameof(Around))
    {
        private readonly nn.Module<Tensor, Tensor> inner = inner;

        public override Tensor forward(Tensor x) => inner.call(x);
    }

    [Fact]
    public void Every_module_is_followed_or_refused()
    {
        using var scope = NewDisposeScope();
        var outcomes = Factories().Select(Outcome).Where(outcome => outcome.Result is not null).DistinctBy(outcome => outcome.Name).ToLookup(outcome => outcome.Result!, outcome => outcome.Name);
        foreach (var o in outcomes) Console.Error.WriteLine($"{o.Key}: {string.Join(" ", o)}");
        Assert.Fail("x");
    }

    private static (string Name, string? Result) Outcome(MethodInfo factory)
    {
        manual_seed(3);
        if (Make(factory) is not { } module || Inputs(module) is not { } input)
            return (factory.Name, null);
        module.eval();
        var around = new Around(module);
        var tracer = new Looking();
        try
        {
            tracer.trace(around);
        }
        catch (TraceException refused)
        {
            return (factory.Name, refused.code);
        }
        using var compiled = new GraphModule(around, tracer.graph, tracer.tensor_constants);
        Traced.Same(module.call(input.clone()), compiled.call(input.clone()));
        return (factory.Name, tracer.graph.nodes.Any(node => node.op == Opcode.call_module) ? "leaf" : "followed");
    }

    private static IEnumerable<MethodInfo> Factories()
        => typeof(nn).GetMethods(BindingFlags.Public | BindingFlags.Static).Where(method => !method.IsGenericMethod && typeof(nn.Module<Tensor, Tensor>).IsAssignableFrom(method.ReturnType)).OrderBy(method => method.Name, StringComparer.Ordinal);

    private static nn.Module<Tensor, Tensor>? Make(MethodInfo factory)
    {
        try
        {
            return (nn.Module<Tensor, Tensor>?)factory.Invoke(null, [.. factory.GetParameters().Select(Argument)]);
        }
        catch (Exception e) when (e is TargetInvocationException or ArgumentException)
        {
            return null;
        }
    }

    private static object? Argument(ParameterInfo parameter) => parameter.ParameterType switch
    {
        _ when parameter.HasDefaultValue => parameter.DefaultValue,
        var type when type == typeof(long) => parameter.Name!.Contains("kernel", StringComparison.OrdinalIgnoreCase) || parameter.Name.Contains("factor", StringComparison.OrdinalIgnoreCase) || parameter.Name.Contains("groups", StringComparison.OrdinalIgnoreCase) ? 2L : 4L,
        var type when type == typeof(int) => 1,
        var type when type == typeof(double) => 0.5,
        var type when type == typeof(long[]) => Enumerable.Repeat(2L, Dimensions(parameter)).ToArray(),
        var type when type == typeof(long?[]) => Enumerable.Repeat<long?>(2, Dimensions(parameter)).ToArray(),
        var type when type == typeof((long, long)) => (2L, 2L),
        var type when type == typeof((long, long, long)) => (2L, 2L, 2L),
        var type when type == typeof((long, long, long, long)) => (1L, 1L, 1L, 1L),
        _ => null,
    };

    private static int Dimensions(ParameterInfo parameter) => parameter.Member.Name[^2] is >= '1' and <= '3' ? parameter.Member.Name[^2] - '0' : 2;

    private static Tensor? Inputs(nn.Module<Tensor, Tensor> module)
    {
        foreach (var shape in Shapes)
            try
            {
                var input = rand(shape);
                module.eval();
                _ = module.call(input.clone());
                return input;
            }
            catch (Exception e) when (e is System.Runtime.InteropServices.ExternalException or ArgumentException or NotImplementedException or NullReferenceException)
            {
            }
        return null;
    }
}
