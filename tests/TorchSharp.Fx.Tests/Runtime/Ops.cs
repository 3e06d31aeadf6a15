using System.Linq.Expressions;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Runtime;

/// <summary>The methods and modules that graphs written by hand name, taken from C# expressions.</summary>
internal static class Ops
{
    internal static MethodInfo Method<TResult>(Expression<Func<Tensor, TResult>> call) => Of(call.Body);

    internal static MethodInfo Method(Expression<Action<Tensor>> call) => Of(call.Body);

    internal static MethodInfo Operator(string name, params Type[] types) => typeof(Tensor).GetMethod(name, types)!;

    internal static Target Property(string name) => new MemberTarget(typeof(Tensor).GetProperty(name)!);

    internal static Node call<TResult>(this Graph graph, Expression<Func<Tensor, TResult>> method, params Argument[] args) => graph.Call(Of(method.Body), args);

    internal static Node Call(this Graph graph, MethodInfo method, params Argument[] args)
        => method.IsStatic ? graph.call_function(method, [.. args]) : graph.call_method(method, [.. args]);

    internal static Node Shape(this Graph graph, Node tensor) => graph.create_node(Opcode.call_function, Property("shape"), [tensor], typeof(long[]));

    internal static Node Builtin(this Graph graph, Builtin operation, Type operand, Type result, params Argument[] args)
        => graph.create_node(Opcode.call_function, new BuiltinTarget(operation, operand), [.. args], result);

    internal static Node Item(this Graph graph, Node sequence, Argument index, Type result) => graph.Builtin(Fx.Builtin.getitem, sequence.type, result, sequence, index);

    internal static Node Module(this Graph graph, string path, params Argument[] args) => graph.Module<Tensor>(path, args);

    internal static Node Module<TResult>(this Graph graph, string path, params Argument[] args)
        => graph.create_node(Opcode.call_module, new ModuleTarget(path, typeof(nn.Module<Tensor, TResult>).GetMethod("call")!), [.. args], typeof(TResult));

    internal static Literal Value(object? value) => new(value);

    internal static ListArgument Longs(params Argument[] items) => new([.. items], typeof(long));

    internal static Node Input(this Graph graph, string name = "x") => graph.placeholder(name, typeof(Tensor));

    internal static Graph Returning(this Graph graph, Argument result, Type type)
    {
        graph.output(result, type);
        graph.lint();
        return graph;
    }

    internal static Graph Returning(this Graph graph, Node result) => graph.Returning(result, result.type);

    private static MethodInfo Of(Expression body) => body switch
    {
        MethodCallExpression call => call.Method,
        BinaryExpression { Method: { } method } => method,
        UnaryExpression { Method: { } method } => method,
        _ => throw new ArgumentException($"{body} calls no method."),
    };
}
