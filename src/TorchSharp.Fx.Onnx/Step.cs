using System.Globalization;
using System.Reflection;
using TorchSharp.Fx.Onnx.Format;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>
/// One node on its way to ONNX: what it is given, by the names of the callee's parameters, and what the example runs show of it. A module's settings and parameters are read in the same way as a
/// function's arguments, so that <c>Conv2d</c> and <c>conv2d</c> are one converter.
/// </summary>
internal sealed class Step(Node node, nn.Module? module, string path, string[] parameters, IReadOnlyList<ExampleRun> runs, long[] free, Func<Node, object?> valueOf, OnnxGraph graph)
{
    internal Node Node => node;

    internal OnnxGraph Graph => graph;

    internal nn.Module? Module => module;

    /// <summary>Shape and type of the node's value.</summary>
    internal TensorFacts Output => (TensorFacts)runs[0].Values[node]!;

    /// <summary>Shape and type of the tensor that is the first argument.</summary>
    internal TensorFacts Input => Facts(0) ?? throw new NotSupportedException("its first argument is no tensor");

    /// <summary>Shapes and types of a list's tensors; null where the value is no list of tensors.</summary>
    internal TensorFacts[]? Parts => runs[0].Values[node] is object?[] items && items.All(item => item is TensorFacts) ? [.. items.Cast<TensorFacts>()] : null;

    /// <summary>Whether the first argument is a list of tensors.</summary>
    internal bool IsList => Given(0) is object?[] items && items.Any(item => item is TensorFacts);

    internal int Rank => Input.Shape.Length;

    internal TensorFacts? Facts(int position) => runs[0].Arguments[node].ElementAtOrDefault(position) as TensorFacts;

    internal int Count => node.args.Length;

    internal string Add(string op, IEnumerable<string> inputs, params ReadOnlySpan<AttributeProto> attributes) => graph.Add(op, node.name, inputs, attributes);

    /// <summary>The value that stands for an argument, a number made a tensor of <paramref name="type"/>.</summary>
    internal string Value(int position, ScalarType? type = null) => node.args[position] switch
    {
        NodeArgument { Node: var read } when valueOf(read) is string name => name,
        _ when Given(position) is { } number and not (Array or string) => graph.Scalar(Convert.ToDouble(number, CultureInfo.InvariantCulture), type ?? Input.Type),
        _ => throw new NotSupportedException($"its argument {node.args[position]} is neither a tensor nor a number"),
    };

    /// <summary>The value and the facts of a tensor inside an argument; null where it is none.</summary>
    internal (string Name, TensorFacts Facts)? Read(Argument argument)
        => argument is NodeArgument { Node: var read } && valueOf(read) is string name && runs[0].Values[read] is TensorFacts facts ? (name, facts) : null;

    /// <summary>The tensors of a list.</summary>
    internal string[] Values(int position) => node.args[position] switch
    {
        ListArgument list => [.. list.Items.Select(item => item is NodeArgument { Node: var read } && valueOf(read) is string name ? name : throw new NotSupportedException("not all items of a list are tensors"))],
        NodeArgument { Node: var read } when valueOf(read) is string[] names => names,
        _ => throw new NotSupportedException($"its argument {node.args[position]} is no list of tensors"),
    };

    /// <summary>A tensor among a module's parameters and buffers or a function's arguments; null where it is left out.</summary>
    internal string? Tensor(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            if (module is not null && (module.get_parameter(name) ?? module.get_buffer(name)) is { } tensor)
                return graph.Initializer($"{(path.Length == 0 ? "" : path + ".")}{node.target.name}.{name}", tensor);
            else if (module is null && Array.IndexOf(parameters, name) is var at and >= 0 && at < Count && Given(at) is TensorFacts)
                return Value(at);
        return null;
    }

    /// <summary>A setting under the first of its names that there is.</summary>
    internal object? Setting(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            if (module is not null && module.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic) is { } property)
                return property.GetValue(module);
            else if (module is null && Array.IndexOf(parameters, name) is var at and >= 0 && at < Count)
                return Given(at);
        return null;
    }

    internal long Long(string name, long otherwise) => Setting(name) is { } value ? Convert.ToInt64(value, CultureInfo.InvariantCulture) : otherwise;

    internal double Double(string name, double otherwise) => Setting(name) is { } value ? Convert.ToDouble(value, CultureInfo.InvariantCulture) : otherwise;

    internal bool Flag(string name) => Setting(name) is true;

    /// <summary>A list of numbers, one number repeated where it stands for all.</summary>
    internal long[]? Longs(int count, params ReadOnlySpan<string> names) => Setting(names) switch
    {
        null => null,
        Array { Length: 0 } => null,
        Array list when list.Length == 1 => [.. Enumerable.Repeat(Convert.ToInt64(list.GetValue(0), CultureInfo.InvariantCulture), count)],
        Array list => [.. list.Cast<object>().Select(item => Convert.ToInt64(item, CultureInfo.InvariantCulture))],
        System.Runtime.CompilerServices.ITuple tuple => [.. Enumerable.Range(0, tuple.Length).Select(i => Convert.ToInt64(tuple[i], CultureInfo.InvariantCulture))],
        var number => [.. Enumerable.Repeat(Convert.ToInt64(number, CultureInfo.InvariantCulture), count)],
    };

    /// <summary>A dimension counted from the front.</summary>
    internal long Dimension(long dim, int? rank = null) => dim < 0 ? dim + (rank ?? Rank) : dim;

    /// <summary>Sizes of an argument that may depend on the free dimension.</summary>
    internal Size[] Sizes(int position)
    {
        var lists = runs.Select(run => run.Arguments[node].Skip(position).SelectMany(Flat).ToArray()).ToArray();
        return [.. Enumerable.Range(0, lists[0].Length).Select(i => Size([.. lists.Select(list => list[i])]))];
    }

    /// <summary>The sizes of a node's own value, or of an argument's.</summary>
    internal Size[] Shape(int? argument = null)
    {
        var shapes = runs.Select(run => (argument is { } at ? (TensorFacts)run.Arguments[node][at]! : (TensorFacts)run.Values[node]!).Shape).ToArray();
        return [.. Enumerable.Range(0, shapes[0].Length).Select(i => Size([.. shapes.Select(shape => shape[i])]))];
    }

    private Size Size(long[] seen) => Onnx.Size.Of(seen, free) ?? throw new NotSupportedException($"a size of it ({string.Join(", ", seen)} for {string.Join(", ", free)}) does not grow evenly with the free dimension");

    private object? Given(int position) => runs[0].Arguments[node][position];

    private static IEnumerable<long> Flat(object? value) => value switch
    {
        long or int => [Convert.ToInt64(value, CultureInfo.InvariantCulture)],
        Array list => list.Cast<object?>().SelectMany(Flat),
        _ => [],
    };
}
