using System.Reflection;
using TorchSharp.Fx.Onnx.Converters;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>Walks a graph and makes ONNX nodes of those that compute tensors from data; what the example runs agree on is known.</summary>
internal sealed class Exporter(OnnxGraph graph)
{
    private static readonly Dictionary<string, Func<Step, object>> Table = MakeTable();

    // What the graphs write to, those of leaves included: the weights of a layer are constants of the model.
    private readonly List<WrittenMemory> memories = [];

    private bool? draws;

    /// <summary>A graph whose inputs have names already.</summary>
    /// <param name="runs">The example runs of the graph.</param>
    /// <param name="path">Where the graph's module is in the whole.</param>
    /// <param name="inputs">What stands for the inputs.</param>
    internal Scope Export(ExampleRun[] runs, string path, IReadOnlyList<object?> inputs)
    {
        var scope = new Scope(graph, runs, path);
        var given = new Queue<object?>(inputs);
        draws ??= scope.Run.Draws;
        memories.Add(new(scope.Run.graph, scope.Run.Modules));
        foreach (var node in scope.Run.graph.nodes.Where(node => node.op != Opcode.output))
            try
            {
                var before = graph.Proto.Node.Count;
                scope.Values[node] = node.op switch
                {
                    Opcode.placeholder => given.Dequeue(),
                    Opcode.get_attr =>
                        Scope.InParts(ModuleHierarchy.Join(path, node.target.name), scope.Run.TensorAt(node.target.name),
                            graph.Initializer),
                    _ => Convert(node, scope),
                };
                graph.NameNodes(before, PathOf(node, path), scope.Values[node]);
            }
            catch (NotSupportedException error) when (error is not OnnxExportException)
            {
                throw new OnnxExportException(node, error.Message,
                    node.target is BuiltinTarget { Operation: Builtin._assert } ? [] : Table.Keys.Concat(Losses.Names)
                        .Concat(AttentionLayers.Names).Concat(Cells.Names).Union(ComplexNumbers.Names));
            }
        return scope;
    }

    /// <summary>The name that feature extraction has for a node, where it was traced for that.</summary>
    private static string PathOf(Node node, string path)
        => ModuleHierarchy.Join(path, node.get_meta(Node.QualifiedName) ?? (node.op == Opcode.call_module ? node.target.name : node.name));

    private object? Convert(Node node, Scope scope)
    {
        RefuseDecision(node, scope);
        if (draws is true && scope.Run.Flow.Does(node, Effects.WritesState) && scope.Run.Flow.Does(node, Effects.Generators))
            throw new NotSupportedException(
                "it seeds a generator that the model draws from, and ONNX has none to seed, so the numbers would be others; seed it "
                    + "outside of forward");
        if (node.target is ModuleTarget { Path: var hooked } && Hooks.RunBy(node, scope.Run.ModuleAt(hooked)))
            throw new NotSupportedException("it has hooks, and those are code; remove them first");
        if (node.target is MapTarget map)
            return Loops.Convert(this, node, map, scope);
        if (scope.Run.Branches.ContainsKey(node))
            return Choices.Convert(this, node, scope);
        var written = Writes(node, scope).ToArray();
        if (scope.Run.Nested.TryGetValue(node, out var nested) && nested.Writes)
            return Expand(node, scope);
        // Numbers are computed where a tensor needs them.
        if (scope.IsConstant(node) || (written.Length == 0 && !HoldsTensors(scope.Run.Values[node])))
            return null;
        if (nested is not null)
            return Expand(node, scope);
        if (node.args is [NodeArgument { Node: var whole }, var place] && node.target.name == "getitem"
            && scope.Values.GetValueOrDefault(whole) is object?[] or Dictionary<object, object?>)
            return place is SliceArgument range
                ? ((object?[])scope.Values[whole]!).Skip(scope.Numbers.Start(node.args[0], range))
                    .Take(((object?[])scope.Run.Values[node]!).Length).ToArray()
                : Part(scope.Values[whole]!, scope.Run.Arguments[node][1]!);
        var module = node.target is ModuleTarget target ? scope.Run.ModuleAt(target.Path) : null;
        if (module is not null && !NativeSettings.Renormalises(module) && memories.Exists(written => written.HoldsAny(module)))
            throw new NotSupportedException(
                "the program writes to a parameter or buffer of it, and the weights of a layer are constants there");
        var name = (module?.GetType().Name ?? node.target.name).ToLowerInvariant();
        if (ComplexValue.Has(scope.Run.Arguments[node]) || ComplexValue.Has(scope.Run.Values[node])
            || (Converter(name) is null && ComplexNumbers.Converter(name) is not null))
            return ComplexNumbers.Convert(name, written, parts => new(node, module, Parameters(node), scope, parts), Converter(name));
        var called = NamedCall.Of(node);
        var converter = (called is null ? Converter(name) : Recurrent.Named(called))
            ?? throw new NotSupportedException($"there is no converter for '{(called is null ? name : $"aten::{called.Overload}")}'");
        var step = new Step(node, module, Parameters(node), scope);
        var value = converter(step);
        step.RefuseUnread();
        if (written.Length == 0)
            return Typed(value, scope.Run.Values[node]);
        var changed = graph.Cast((string)value, graph.TypeOf((string)value), ((TensorFacts)scope.Run.Values[written[0]]!).Type);
        InPlace.Overwrite(scope, written[0], node, changed);
        return changed;
    }

    private static Func<Step, object>? Converter(string name)
        => Table.GetValueOrDefault(name) ?? Table.GetValueOrDefault(name.TrimEnd('_'));

    /// <summary>Whether there is one for the operation that a node calls.</summary>
    internal static bool HasConverter(Node node)
        => Converter(node.target.name.ToLowerInvariant()) is not null || Losses.Names.Contains(node.target.name)
            || Cells.Names.Contains(node.target.name) || ComplexNumbers.Converter(node.target.name) is not null;

    /// <summary>A value whose type, and those of its parts, are the example's.</summary>
    private object Typed(object value, object? expected) => (value, expected) switch
    {
        (string name, TensorFacts { Type: var type })
            when graph.TypeOf(name) != type => throw new NotSupportedException($"it would give {graph.TypeOf(name)} instead of {type}"),
        (string[] names, object?[] parts) => names.Zip(parts, Typed).Cast<string>().ToArray(),
        _ => value,
    };

    /// <summary>
    /// The program's own checks are left out, but a way that the trace took by a size that is free would be wrong for others. Where numbers
    /// are inputs, such as a position in a cache, the model checks its way when it runs.
    /// </summary>
    private static void RefuseDecision(Node node, Scope scope)
    {
        if (node is { target: BuiltinTarget { Operation: Builtin._assert },
            args: [NodeArgument { Node: var condition } decision, Literal { Value: string message }] }
            && message.StartsWith(Interpreter.AssumedByExample, StringComparison.Ordinal)
            && (scope.Graph.HasNumbers || !scope.Run.Flow.IsData(condition)) && !scope.Numbers.IsFixed(decision)
            && !Onnx.Numbers.IsNullTest(condition))
        {
            if (scope.Graph.HasNumbers)
            {
                scope.Graph.Check(scope.Numbers.Value(decision, ScalarType.Bool));
                return;
            }
            throw new NotSupportedException($"the model decides by a size that is free ({message}); fix that size");
        }
    }

    private static IEnumerable<Node> Writes(Node node, Scope scope)
        => scope.Aliases.Operation(node).IsOpaque
            ? [] : scope.Aliases.MutatedBy(node).Where(written => HoldsTensors(scope.Run.Values[written]));

    private object? Expand(Node node, Scope scope)
    {
        var inputs = node.args.Select(argument => Given(node, argument, scope)).ToArray();
        var inner = Export([.. scope.Runs.Select(run => run.Nested[node])],
            node.target is ModuleTarget ? ModuleHierarchy.Join(scope.Path, node.target.name) : scope.Path, inputs);
        TakeOverWrites(node, scope, inner, inputs);
        return Given(inner.Run.graph.output_node(), inner.Run.graph.output_node().args[0], inner);
    }

    /// <summary>The values that stand for a node's arguments.</summary>
    internal static object?[] Given(Node node, Scope scope) => [.. node.args.Select(argument => Given(node, argument, scope))];

    /// <summary>The tensors that a graph returns as a list.</summary>
    internal static string[] Returned(Scope inner)
        => [.. ((object?[])Given(inner.Run.graph.output_node(), inner.Run.graph.output_node().args[0], inner)!)
            .Select(value => value as string
                ?? throw new NotSupportedException("it collects tensors of complex numbers in a loop"))];

    /// <summary>Later readers of a leaf's inputs find there what the leaf wrote.</summary>
    internal static void TakeOverWrites(Node node, Scope scope, Scope inner, object?[] inputs)
    {
        foreach (var ((placeholder, argument), before) in inner.Run.graph.find_nodes(Opcode.placeholder).Zip(node.args).Zip(inputs))
            if (argument is NodeArgument { Node: var given } && inner.Values[placeholder] is string after && after != before as string)
                InPlace.Overwrite(scope, given, node, after);
            else if (!TensorTypes.IsTensor(placeholder.type) && TensorTypes.MayHold(placeholder.type)
                && inner.Aliases.ClassOf(placeholder).SelectMany(part => part.users)
                    .FirstOrDefault(user => Writes(user, inner).Any()) is { } write)
                throw new NotSupportedException($"it writes to a tensor inside its input '{placeholder.name}' (by '{write.name}')");
    }

    /// <summary>
    /// The value of an argument outside of its graph: a tensor's name or parts, a size that the model computes, or an array of these; null
    /// for what is known.
    /// </summary>
    private static object? Given(Node reader, Argument argument, Scope scope) => argument switch
    {
        NodeArgument { Node: var node } when scope.Run.Values[node] is TensorFacts => scope.Value(reader, node),
        NodeArgument { Node: var node } when scope.Run.Values[node] is Dictionary<object, object?> => scope.Values[node],
        NodeArgument { Node: var node } when scope.Values.GetValueOrDefault(node) is Sequence list => list,
        NodeArgument { Node: var node }
            when scope.Run.Values[node] is object?[] => scope.Numbers.Structure(node) ?? scope.Parts(reader, node)
                ?? Numbers(argument, scope),
        NodeArgument { Node: var node } when scope.Run.Values[node] is long or int
            && !scope.Numbers.IsFixed(argument) => scope.Numbers.Size(argument),
        NodeArgument { Node: var node } when scope.Run.Values[node] is double or float && !scope.Numbers.IsFixed(argument)
            => new Fraction(scope.Numbers.Value(argument, ScalarType.Float64), ScalarType.Float64),
        DictArgument dict => dict.Entries.ToDictionary(entry => ((Literal)entry.Key).Value!, entry => Given(reader, entry.Value, scope)),
        ListArgument list => list.Items.Select(item => Given(reader, item, scope)).ToArray(),
        TupleArgument tuple => tuple.Items.Select(item => Given(reader, item, scope)).ToArray(),
        _ => null,
    };

    private static object?[]? Numbers(Argument argument, Scope scope)
        => scope.Numbers.IsFixed(argument) ? null : [.. scope.Numbers.Sizes(argument).Select(size => size.IsFixed ? null : (object?)size)];

    /// <summary>The tensors among the results of the whole, by name. What is left out, numbers and null, has the name "".</summary>
    internal static Dictionary<string, (string Value, TensorFacts Facts)> Results(Scope scope)
    {
        var output = scope.Run.graph.output_node();
        if (!output.all_input_nodes.Any(node => HoldsTensors(scope.Run.Values[node])))
            throw new OnnxExportException(output, "nothing that it returns is a tensor, and an ONNX model gives tensors alone", []);
        return output.args[0] switch
        {
            DictArgument dict =>
                dict.Entries.ToDictionary(entry => entry.Key is Literal { Value: { } key }
                    ? key.ToString()! : throw Refused(), entry => Result(entry.Value)),
            NodeArgument { Node: var node } when scope.Values[node] is Dictionary<object, object?> items
                => items.ToDictionary(item => item.Key.ToString()!,
                    item => Whole(item.Value!, (TensorFacts)((Dictionary<object, object?>)scope.Run.Values[node]!)[item.Key]!)),
            var several when several is ListArgument or TupleArgument
                || Results(several).Length != 1 => Results(several).Index().ToDictionary(item => $"output_{item.Index}", item => item.Item),
            var only => new() { ["output"] = Results(only)[0] },
        };

        (string, TensorFacts) Result(Argument argument) => Results(argument) is [var only] ? only : throw Refused();

        // Lists and tuples inside of others are taken apart.
        (string, TensorFacts)[] Results(Argument argument) => argument switch
        {
            // Numbers, and what a model leaves out, as attention does its weights.
            _ when !argument.nodes().Any(node => HoldsTensors(scope.Run.Values[node])) => [("", new([], ScalarType.Float32))],
            ListArgument list => [.. list.Items.SelectMany(Results)],
            TupleArgument tuple => [.. tuple.Items.SelectMany(Results)],
            SpreadArgument spread => Results(spread.Sequence),
            NodeArgument { Node: var node } when scope.Value(output, node) is { } value and (string or ComplexValue) =>
                [Whole(value, (TensorFacts)scope.Run.Values[node]!)],
            NodeArgument { Node: var node } when scope.Parts(output, node) is { } items =>
                [.. items.Zip(((object?[])scope.Run.Values[node]!).Cast<TensorFacts>(), (item, facts) => Whole(item!, facts))],
            _ => throw Refused(),
        };

        (string, TensorFacts) Whole(object value, TensorFacts facts) => Exporter.Whole(scope, value, facts);

        OnnxExportException Refused() => new(output, "not all of what it returns are tensors and numbers", []);
    }

    /// <summary>What stands for a tensor at the border of the model: complex numbers are pairs.</summary>
    internal static (string, TensorFacts) Whole(Scope scope, object value, TensorFacts facts)
    {
        if (value is not ComplexValue parts)
            return ((string)value, facts);
        var before = scope.Graph.Proto.Node.Count;
        var pairs = parts.Pairs(scope.Graph, "pairs");
        scope.Graph.NameNodes(before, "pairs", null);
        return (pairs, ComplexValue.PairFacts(facts));
    }

    /// <summary>An item of a dictionary, or of a list or tuple, where a negative place counts from the end.</summary>
    private static object? Part(object whole, object place)
    {
        if (whole is Dictionary<object, object?> items)
            return items[place];
        var (parts, at) = ((object?[])whole, System.Convert.ToInt32(place, System.Globalization.CultureInfo.InvariantCulture));
        return parts[at < 0 ? at + parts.Length : at];
    }

    private static bool HoldsTensors(object? facts) => facts switch
    {
        TensorFacts => true,
        object?[] items => items.Any(HoldsTensors),
        Dictionary<object, object?> items => items.Values.Any(HoldsTensors),
        _ => false,
    };

    private static ParameterInfo?[] Parameters(Node node) => node.target switch
    {
        FunctionTarget
            or MethodTarget => [.. new ParameterInfo?[node.target.Callee!.Value.Receivers], .. node.target.Callee!.Value.Parameters],
        ModuleTarget { Method: var method } => [.. method.GetParameters()],
        _ => [],
    };


    private static Dictionary<string, Func<Step, object>> MakeTable()
    {
        var table = new Dictionary<string, Func<Step, object>>(StringComparer.Ordinal);
        Elements.AddTo(table);
        Logic.AddTo(table);
        Products.AddTo(table);
        Activations.AddTo(table);
        Attention.AddTo(table);
        Layers.AddTo(table);
        Converters.Quantization.AddTo(table);
        Recurrent.AddTo(table);
        Pooling.AddTo(table);
        Resizing.AddTo(table);
        Reductions.AddTo(table);
        Shapes.AddTo(table);
        Pieces.AddTo(table);
        Creation.AddTo(table);
        Detection.AddTo(table);
        return table;
    }
}
