using System.Reflection;
using TorchSharp.Fx.Onnx.Converters;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>Walks a graph and makes ONNX nodes of those that compute tensors; sizes are known from the example runs.</summary>
internal sealed class Exporter(OnnxGraph graph, long[] free)
{
    private static readonly Dictionary<string, Func<Step, object>> Table = MakeTable();

    /// <summary>The names of the results, in order, of a graph whose inputs have names already.</summary>
    /// <param name="runs">The example runs of the graph.</param>
    /// <param name="path">Where the graph's module is in the whole.</param>
    /// <param name="inputs">The names of the inputs.</param>
    internal Dictionary<string, (string Value, TensorFacts Facts)> Export(ExampleRun[] runs, string path, IReadOnlyList<object?> inputs)
    {
        var values = new Dictionary<Node, object?>();
        var given = new Queue<object?>(inputs);
        foreach (var node in runs[0].graph.nodes.Where(node => node.op != Opcode.output))
            try
            {
                values[node] = node.op switch
                {
                    Opcode.placeholder => given.Dequeue(),
                    Opcode.get_attr => graph.Initializer(Join(path, node.target.name), runs[0].TensorAt(node.target.name)),
                    _ => Convert(node, runs, path, values),
                };
            }
            catch (NotSupportedException error) when (error is not OnnxExportException)
            {
                throw new OnnxExportException(node, error.Message, Table.Keys);
            }
        return Results(runs[0], values);
    }

    private object? Convert(Node node, ExampleRun[] runs, string path, Dictionary<Node, object?> values)
    {
        // Sizes, checks of sizes and the like are known from the example.
        if (!HoldsTensors(runs[0].Values[node]))
            return null;
        if (runs[0].Nested.ContainsKey(node))
            return Expand(node, runs, path, values);
        var module = node.target is ModuleTarget target ? runs[0].ModuleAt(target.Path) : null;
        var name = (module?.GetType().Name ?? node.target.name).ToLowerInvariant();
        var inPlace = name.EndsWith('_');
        var converter = Table.GetValueOrDefault(name) ?? Table.GetValueOrDefault(name.TrimEnd('_')) ?? throw new NotSupportedException($"there is no converter for '{name}'");
        var step = new Step(node, module, path, Parameters(node), runs, free, read => values.GetValueOrDefault(read), graph);
        if (step.Facts(0) is { } from && runs[0].Values[node] is TensorFacts to && from.Type != to.Type && converter != Table["to"])
            throw new NotSupportedException($"it makes {to.Type} of {from.Type}; convert the tensor before (to_type)");
        var value = converter(step);
        if ((inPlace || step.Flag("inplace")) && node.args[0] is NodeArgument { Node: var written })
            Overwrite(written, values, value, node, runs[0]);
        return value;
    }

    /// <summary>Who reads a tensor that was written to in place, under whatever name, reads the new value. A view on a part of it would have to change too, and can't.</summary>
    private static void Overwrite(Node written, Dictionary<Node, object?> values, object value, Node by, ExampleRun run)
    {
        var old = values[written];
        foreach (var node in values.Keys.Where(node => Equals(values[node], old)).ToArray())
            values[node] = value;
        foreach (var node in new AliasAnalysis(run.graph, run.Modules).ClassOf(written))
            if (node != by && values.TryGetValue(node, out var other) && !Equals(other, value) && other is not null && IsReadAfter(node, by))
                throw new NotSupportedException($"it writes to a tensor in place that '{node.name}' is a view of");
    }

    private static bool IsReadAfter(Node node, Node by)
    {
        for (var later = by.next; later.prev.op != Opcode.output; later = later.next)
            if (node.users.Contains(later))
                return true;
        return false;
    }

    private object Expand(Node node, ExampleRun[] runs, string path, Dictionary<Node, object?> values)
    {
        var inputs = node.args.Select(argument => argument is NodeArgument { Node: var read } ? values.GetValueOrDefault(read) : null).ToArray();
        var results = Export([.. runs.Select(run => run.Nested[node])], node.target is ModuleTarget ? Join(path, node.target.name) : path, inputs);
        return results.Count == 1 ? results.Values.Single().Value : results.Values.Select(result => result.Value).ToArray();
    }

    private static Dictionary<string, (string, TensorFacts)> Results(ExampleRun run, Dictionary<Node, object?> values)
    {
        var output = run.graph.output_node();
        return output.args[0] switch
        {
            DictArgument dict => dict.Entries.ToDictionary(entry => entry.Key is Literal { Value: { } key } ? key.ToString()! : throw Refused(), entry => Result(entry.Value)),
            ListArgument list => Numbered(list.Items.Select(Result)),
            TupleArgument tuple => Numbered(tuple.Items.Select(Result)),
            NodeArgument { Node: var node } when values[node] is string[] names => Numbered(names.Zip(((object?[])run.Values[node]!).Cast<TensorFacts>())),
            var only => new() { ["output"] = Result(only) },
        };

        (string, TensorFacts) Result(Argument argument) => argument switch
        {
            NodeArgument { Node: var node } when values[node] is string name => (name, (TensorFacts)run.Values[node]!),
            // What an inner function leaves out, as attention does its weights.
            Literal { Value: null } => ("", new([], ScalarType.Float32)),
            _ => throw Refused(),
        };

        OnnxExportException Refused() => new(output, "not all of what it returns are tensors", []);
    }

    private static Dictionary<string, (string, TensorFacts)> Numbered(IEnumerable<(string, TensorFacts)> results) => results.Index().ToDictionary(item => $"output_{item.Index}", item => item.Item);

    private static bool HoldsTensors(object? facts) => facts is TensorFacts || (facts is object?[] items && items.Any(HoldsTensors));

    private static string[] Parameters(Node node) => node.target switch
    {
        FunctionTarget { Method: var method } => Names(method, !method.IsStatic && !method.IsConstructor),
        MethodTarget { Method: var method } => Names(method, true),
        _ => [],
    };

    private static string[] Names(MethodBase method, bool hasReceiver) => [.. hasReceiver ? ["self"] : Array.Empty<string>(), .. method.GetParameters().Select(parameter => parameter.Name ?? "")];

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static Dictionary<string, Func<Step, object>> MakeTable()
    {
        var table = new Dictionary<string, Func<Step, object>>(StringComparer.Ordinal);
        Elements.AddTo(table);
        Activations.AddTo(table);
        Layers.AddTo(table);
        Shapes.AddTo(table);
        Attention.AddTo(table);
        return table;
    }
}
