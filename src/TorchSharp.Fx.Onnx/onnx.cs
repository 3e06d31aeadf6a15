using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>Exports to ONNX and imports from it. Counterpart: <c>torch.onnx</c>.</summary>
public static partial class onnx
{
    // A protobuf message can't have more.
    private const long MostBytes = 2_000_000_000;

    /// <summary>
    /// Writes a graph module or a feature extractor, in its present mode, as an ONNX model of opset 17. Weights and constants become
    /// initializers under their names. Leaf modules and functions of your own are traced into the model. Counterpart:
    /// <c>torch.onnx.export</c>.
    /// </summary>
    /// <param name="graph_module">A module that <c>symbolic_trace</c> or <c>create_feature_extractor</c> made.</param>
    /// <param name="path">The file. An existing file is replaced only when the new one is complete.</param>
    /// <param name="example_inputs">A tensor or an <see cref="InputShape"/> for each input. Its sizes become fixed, except those given as
    /// letters (<c>Nx3x224x224</c>, <c>NxCxH=64xW=64</c>), which stay free.</param>
    /// <param name="input_names">Names for the inputs; when null, those of the parameters of <c>forward</c>.</param>
    /// <param name="dynamic_axes">Further free dimensions: for each input name, dimension indices with their names. Counterpart: the
    /// parameter of the same name.</param>
    /// <param name="external_data">Whether to write the weights to a separate file, <c>PATH.data</c>. Weights of 2 GB or more always go
    /// there.</param>
    /// <exception cref="OnnxExportException">A node can't be expressed in ONNX. The message names the node, its C# line and what is
    /// supported.</exception>
    /// <exception cref="ArgumentException">The module is no graph module, a name matches no input, or the model doesn't run with other
    /// values of a free size.</exception>
    public static void export(
        nn.Module graph_module, string path, IReadOnlyList<object?> example_inputs, IReadOnlyList<string>? input_names = null,
        IReadOnlyDictionary<string, IReadOnlyDictionary<int, string>>? dynamic_axes = null, bool external_data = false)
    {
        ArgumentNullException.ThrowIfNull(example_inputs);
        if (graph_module is not IGraphModule { Program: var program })
            throw new ArgumentException(
                $"{graph_module?.GetType().Name} is no graph module: export what fx.symbolic_trace or "
                    + "feature_extraction.create_feature_extractor makes of it.", nameof(graph_module));
        Hooks.Refuse((IGraphModule)graph_module, "exported to ONNX");
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (source, given, state, kept) = Stateless(program, NamedOperations.In(program.Current),
            Completed(program.Current, example_inputs));
        var names = Signature.Names(source, input_names);
        var axes = Signature.Axes(names, dynamic_axes, given);
        var examples = Examples.Of(new(program.Source.Root, source, program.Constants), given, axes,
            [.. names.Select((name, i) => IsNumber(given[i]) && dynamic_axes?.ContainsKey(name) is true)],
            [.. source.find_nodes(Opcode.placeholder).Select(kept.Contains)]);
        var graph = new OnnxGraph { HasNumbers = examples.Numbers.Contains(true) };
        var inputs = Signature.Inputs(graph, examples, names);
        var keys = Signature.Keys(graph, source);
        var converted = new Exporter(graph).Export(examples.Runs, "", inputs);
        var results = Exporter.Results(converted);
        foreach (var (place, value) in state)
            results.Add($"{place}.next", Kept(converted, value, place));
        Signature.Outputs(graph, results, keys);
        graph.Prune();
        OnnxFile.Write(graph, path, external_data
            || graph.Initializers.Sum(entry => entry.Tensor.NumberOfElements * entry.Tensor.element_size()) > MostBytes);
    }

    /// <summary>The example with the defaults of parameters that it leaves out.</summary>
    private static IReadOnlyList<object?> Completed(Graph graph, IReadOnlyList<object?> example_inputs)
        => [.. example_inputs, .. graph.find_nodes(Opcode.placeholder).Skip(example_inputs.Count)
            .Select(node => node.target is PlaceholderTarget { Default: { } value } ? value.Value : throw new ArgumentException(
                $"example_inputs has {example_inputs.Count} of the inputs, and '{node.target.name}' has no default: give something for each.",
                nameof(example_inputs)))];

    /// <summary>
    /// The graph with inputs and outputs for what it keeps and for what is in the objects that it is given, which ONNX knows nothing of.
    /// </summary>
    private static (Graph Graph, IReadOnlyList<object?> Given, IReadOnlyList<KeyValuePair<string, Argument>> State,
        HashSet<Node> Numbers) Stateless(GraphProgram program, Graph graph, IReadOnlyList<object?> given)
    {
        if (!StateLifting.IsNeeded(graph, program.Source, given) && !HasMembers(graph.output_node().args[0]))
            return (graph, given, [], []);
        var lifted = StateLifting.Of(graph, program.Source, given);
        lifted.Graph.output(HasMembers(lifted.Result) ? Members(lifted.Result) : lifted.Result, lifted.Type);
        // A number on which no tensor and no way depends, such as a count of calls, is no business of the file.
        var numbers = lifted.Inputs.Where(input => input.IsLifted && IsNumber(input.Value)
            && lifted.State.ContainsKey(input.Node.target.name) && HasPart(input.Node)).Select(input => input.Node).ToHashSet();
        var state = lifted.State.Where(entry => entry.Value is NodeArgument { Node.type: var type } && TensorTypes.IsTensor(type)
            || numbers.Any(number => number.target.name == entry.Key)).ToArray();
        return (lifted.Graph, lifted.Values, state, numbers);

        static bool HasPart(Node number) => Readers(number).Any(reader => reader.op == Opcode.output || TensorTypes.MayHold(reader.type)
            || reader.target is BuiltinTarget { Operation: Builtin._assert });
    }

    private static bool IsNumber(object? value) => value is not null && IsNumber(value.GetType());

    private static bool IsNumber(Type type)
        => type == typeof(int) || type == typeof(long) || type == typeof(double) || type == typeof(float);

    /// <summary>Whether a result is, or has inside, an object or a dictionary within something else.</summary>
    private static bool HasMembers(Argument result)
        => result is ObjectArgument || (result is DictArgument dict && dict.Entries.Any(entry => entry.Value is not NodeArgument))
            || result.Parts.Any(part => part is DictArgument || HasMembers(part));

    /// <summary>The tensors of a result by the names of members, keys and places; numbers and what is null are left out.</summary>
    private static DictArgument Members(Argument result)
    {
        var found = new List<KeyValuePair<Argument, Argument>>();
        Collect(result, "");
        return new([.. found], typeof(Dictionary<string, object>));

        void Collect(Argument part, string name)
        {
            if (part is NodeArgument { Node.type: var type } && TensorTypes.MayHold(type))
                found.Add(KeyValuePair.Create<Argument, Argument>(new Literal(name.Length == 0 ? "output" : name), part));
            foreach (var (inner, value) in Inside(part))
                Collect(value, name.Length == 0 ? inner : $"{name}.{inner}");
        }
    }

    private static IEnumerable<(string Name, Argument Value)> Inside(Argument part) => part switch
    {
        ObjectArgument made => made.Fields.Select(field => (ArgumentText.MemberName(field.Key.Name), field.Value)),
        DictArgument dict => dict.Entries.Select(entry => (KeyText.Of(((Literal)entry.Key).Value), entry.Value)),
        ListArgument list => list.Items.Select((item, i) => (i.ToString(System.Globalization.CultureInfo.InvariantCulture), item)),
        TupleArgument tuple => tuple.Items.Select((item, i) => (i.ToString(System.Globalization.CultureInfo.InvariantCulture), item)),
        _ => [],
    };

    /// <summary>A tensor that the graph keeps, or a number as one without dimensions.</summary>
    private static (string Value, TensorFacts Facts) Kept(Scope scope, Argument argument, string path)
    {
        var node = (argument as NodeArgument)?.Node;
        if (node is not null && scope.Run.Values[node] is TensorFacts facts)
            return scope.Value(scope.Run.graph.output_node(), node) is { } value
                ? Exporter.Whole(scope, value, facts) : throw Refused("is no value of the model");
        var type = DataTypes.OfNumber(node?.type ?? (argument as Literal)?.Value?.GetType()
            ?? throw Refused("is no tensor and no number"));
        try
        {
            var before = scope.Graph.Proto.Node.Count;
            var number = scope.Graph.Add("Reshape", path, [scope.Numbers.Value(argument, type), scope.Graph.Integers()]);
            scope.Graph.NameNodes(before, path, null);
            return (number, new([], type));
        }
        catch (NotSupportedException error)
        {
            throw Refused($"is a number that can't be computed there: {error.Message}");
        }

        OnnxExportException Refused(string what)
            => new(node ?? scope.Run.graph.output_node(), $"what it keeps at '{path}' {what}", []);
    }

    /// <summary>The nodes that a value has a part in.</summary>
    private static HashSet<Node> Readers(Node node)
    {
        var readers = new HashSet<Node>();
        var open = new Stack<Node>([node]);
        while (open.TryPop(out var next))
            foreach (var user in next.users)
                if (readers.Add(user))
                    open.Push(user);
        return readers;
    }
}
