using System.Collections.Immutable;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Traces a module that runs a graph: each of its nodes is recorded anew, with what the present trace has for its inputs. What was a leaf
/// stays one.
/// </summary>
/// <param name="interpreter">Who traces.</param>
/// <param name="module">The module that runs the graph.</param>
internal sealed class Replay(Interpreter interpreter, torch.nn.Module module)
{
    private readonly IHoldsGraph holder = (IHoldsGraph)module;
    private readonly Dictionary<Node, Argument> values = [];

    /// <summary>Whether following a method of a module means to follow a graph.</summary>
    internal static bool Is(torch.nn.Module module, MethodBase method)
        => module is IHoldsGraph && method.DeclaringType?.Assembly == typeof(Graph).Assembly;

    /// <summary>The result as an argument, for the trace of the module itself.</summary>
    internal Value Root(Value[] inputs) => Value.OfObject(new Proxy(Run(inputs), holder.Held.output_node().type));

    /// <summary>The result as the program goes on with it.</summary>
    /// <param name="inputs">A value for each input, or all in one array, as the typeless graph module takes them.</param>
    internal Value Nested(Value[] inputs)
    {
        if (inputs is [{ Reference: object?[] array }] && !TakesArray())
            inputs = [.. Enumerable.Range(0, array.Length).Select(i => interpreter.LoadElement(array, i))];
        var type = holder.Held.output_node().type;
        return Run(inputs) is var result && result.nodes().Any()
            ? interpreter.FromProxy(new Proxy(result, type)) : interpreter.ToValue(((Literal)result).Value, type);
    }

    private bool TakesArray() => holder.Held.find_nodes(Opcode.placeholder).FirstOrDefault() is { type.IsArray: true };

    private Argument Run(Value[] inputs)
    {
        var given = new Queue<Value>(inputs);
        foreach (var node in holder.Held.nodes)
        {
            if (node.op == Opcode.output)
                return node.args[0].map(inner => values[inner]);
            values[node] = node.target switch
            {
                PlaceholderTarget target => given.TryDequeue(out var input)
                    ? interpreter.ToArgument(input, node.type) : target.Default ?? new Literal(null),
                AttributeTarget target => Read(node, target),
                ModuleTarget target => Call(node, target),
                StateTarget target
                    when node.args is []
                        or [Literal, _] =>
                            Stands(interpreter.Tracer.create_proxy(node.op, Within(target), Arguments(node), node.type), node),
                MapTarget target => Stands(interpreter.Tracer.create_proxy(node.op, Within(target), Arguments(node), node.type), node),
                _ => Stands(interpreter.Tracer.create_proxy(node.op, node.target, Arguments(node), node.type), node),
            };
        }
        throw new InvalidOperationException("The graph has no output node: end it with graph.output(...).");
    }

    private ImmutableArray<Argument> Arguments(Node node) => [.. node.args.Select(argument => argument.map(inner => values[inner]))];

    private NodeArgument Read(Node node, AttributeTarget target)
    {
        var read = interpreter.Tracer.Attributes.NodeFor(interpreter, holder.Names.Attribute(target.Path)());
        read.origin ??= node.origin;
        return new(read);
    }

    private Argument Call(Node node, ModuleTarget target)
    {
        var parameters = Traits.Of(target.Method).Parameters;
        var operands = Arguments(node).Select((argument, i) => Value.OfObject(new Proxy(argument, parameters[i].ParameterType))).ToArray();
        var result = interpreter.Tracer.CallLeaf(holder.Names.Module(target.Path), target.Method, operands);
        return Stands(result, node);
    }

    /// <summary>The state of a module inside is the root's, at a longer path.</summary>
    private StateTarget Within(StateTarget target)
        => interpreter.Tracer.path_of_module(module) is { Length: > 0 } path ? target with { Path = $"{path}.{target.Path}" } : target;

    private MapTarget Within(MapTarget target) => target.Renamed(path => interpreter.Tracer.path_of_module(holder.Names.Module(path)));

    private static Argument Stands(Proxy proxy, Node node)
    {
        proxy.node.origin = node.origin ?? proxy.node.origin;
        proxy.node.gradient_mode = node.gradient_mode ?? proxy.node.gradient_mode;
        return proxy.Argument;
    }
}
