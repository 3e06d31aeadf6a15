using System.Collections;
using System.Globalization;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>
/// A graph's inputs and results as the tensors of a file: by name or by position, what is inside of a list or dictionary after a dot. A
/// number is a tensor without dimensions.
/// </summary>
internal static class NamedTensors
{
    /// <summary>The values that a graph's inputs take.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="given">The tensors of the file.</param>
    /// <param name="file">What the file is called, for a message.</param>
    internal static object?[] Inputs(Graph graph, IReadOnlyDictionary<string, Tensor> given, string file)
    {
        var unread = given.Keys.ToHashSet(StringComparer.Ordinal);
        var inputs = graph.find_nodes(Opcode.placeholder).ToArray();
        object?[] values = [.. inputs.Select((input, position) => Input(input, position))];
        return unread.Count == 0
            ? values : throw new ToolException($"{file} has {Quoted(unread.Order(StringComparer.Ordinal))}, which the model does not take. "
            + $"Its inputs are {string.Join(", ", inputs.Select((input, position) => $"'{input.target.name}' ({position})"))}.");

        object? Input(Node input, int position)
        {
            var target = (PlaceholderTarget)input.target;
            foreach (var name in new[] { target.Parameter, Position(position) })
                if (Read(input.type, name) is { } argument)
                    return new ArgumentBuilder(_ => null, []).Build(argument, input.type);
            return target.Default is Literal { Value: var otherwise } ? otherwise : Nullable.GetUnderlyingType(input.type) is not null
                ? null
                : throw new ToolException(
                    $"{file} has no tensor for the input '{target.Parameter}': give it under that name or as '{position}'.");
        }

        Argument? Read(Type type, string name)
        {
            if (given.TryGetValue(name, out var tensor))
            {
                unread.Remove(name);
                return new Literal(Value(tensor, type, name));
            }
            var inside = given.Keys.Where(key => key.StartsWith(name + ".", StringComparison.Ordinal)).ToArray();
            if (inside.Length == 0)
                return null;
            var parts = inside.Select(key => key[(name.Length + 1)..].Split('.')[0]).Distinct().ToArray();
            if (typeof(IDictionary).IsAssignableFrom(type) && type.GetGenericArguments() is [var key, _] && key == typeof(string))
                return new DictArgument(
                    [.. parts.Select(part =>
                        KeyValuePair.Create<Argument, Argument>(new Literal(part), Part(type.GetGenericArguments()[1], part)))], type);
            if (type.IsAssignableTo(typeof(ITuple)))
                return new TupleArgument([.. type.GetGenericArguments().Select((element, i) => Part(element, Position(i)))], type);
            var element = type.IsArray ? type.GetElementType()! : type.GetGenericArguments() is [var single] ? single
                : throw new ToolException($"The input '{name}' is a {type.Name}, which tensors of a file can't represent.");
            return new ListArgument([.. parts.Select((_, i) => Part(element, Position(i)))], element) { CollectionType = type.IsArray
                ? null : typeof(List<>).MakeGenericType(element) };

            Argument Part(Type kind, string part)
                => Read(kind, $"{name}.{part}")
                    ?? throw new ToolException($"{file} has {parts.Length} tensors for '{name}', but none is called '{name}.{part}'.");
        }

        object Value(Tensor tensor, Type type, string name)
        {
            type = Nullable.GetUnderlyingType(type) ?? type;
            if (!type.IsPrimitive)
                return type.IsAssignableFrom(typeof(Tensor))
                    ? tensor : throw new ToolException(
                        $"The input '{name}' is a {type.Name}, not a tensor: give what is in it as '{name}.0' and so on.");
            if (tensor.numel() != 1)
                throw new ToolException(
                    $"The input '{name}' is a number ({type.Name}), but {file} has a tensor of [{string.Join(", ", tensor.shape)}] for it.");
            return Convert.ChangeType(tensor.is_floating_point() ? tensor.to(float64).item<double>() : tensor.dtype == ScalarType.Bool
                ? tensor.item<bool>() : tensor.to(int64).item<long>(), type, CultureInfo.InvariantCulture);
        }
    }

    /// <summary>
    /// The tensors of a result by name: features by their keys, the parts of a structure by names and positions after dots, a single value
    /// as <c>output</c>.
    /// </summary>
    internal static Dictionary<string, Tensor> Outputs(object? result)
    {
        var found = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        Add("", result is Features features
            ? features.Keys.ToDictionary(key => (object)key, features.value<object?>) : Structure.Simplified(result, leaf => leaf));
        return found;

        void Add(string name, object? value)
        {
            switch (value)
            {
                case null:
                    break;
                case Tensor tensor:
                    found[name.Length == 0 ? "output" : name] = tensor.contiguous();
                    break;
                case bool or long or int or double or float:
                    found[name.Length == 0 ? "output" : name] =
                        value switch { bool flag => tensor(flag),
                            long or int => tensor(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
                            _ => tensor(Convert.ToDouble(value, CultureInfo.InvariantCulture)) };
                    break;
                case Dictionary<object, object?> entries:
                    foreach (var (key, part) in entries)
                        Add(ModuleHierarchy.Join(name, Convert.ToString(key, CultureInfo.InvariantCulture)!), part);
                    break;
                case object?[] items:
                    for (var i = 0; i < items.Length; i++)
                        Add(ModuleHierarchy.Join(name, Position(i)), items[i]);
                    break;
                case var other when Structure.Simplified(other, leaf => leaf) is var simple && !ReferenceEquals(simple, other):
                    Add(name, simple);
                    break;
                default:
                    throw new ToolException(
                        $"The result{(name.Length == 0 ? "" : $" '{name}'")} is a {value.GetType().Name}, which can't be written to a "
                            + "file of tensors.");
            }
        }
    }

    private static string Position(int position) => position.ToString(CultureInfo.InvariantCulture);

    /// <summary>The first few of several names.</summary>
    internal static string Quoted(IEnumerable<string> names) => string.Join(", ", names.Take(5).Select(name => $"'{name}'"));
}
