using TorchSharp.Fx.Onnx.Format;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>A list of tensors whose length the model computes.</summary>
/// <param name="Name">The name of the value.</param>
/// <param name="Type">The type of its tensors.</param>
internal sealed record Sequence(string Name, ScalarType Type);

/// <summary>Loops that collect: one turn after the other where their number is known, else <c>Loop</c>.</summary>
internal static class Loops
{
    internal static object? Convert(Exporter exporter, Node node, MapTarget map, Scope scope)
    {
        var given = Exporter.Given(node, scope);
        return scope.Numbers.IsFixed(node.args[0]) ? Turns(exporter, node, scope, given) : Loop(exporter, node, map, scope, given);
    }

    /// <summary>All turns, as if the program had them one below the other.</summary>
    private static object? Turns(Exporter exporter, Node node, Scope scope, object?[] given)
    {
        var turns = new List<string[]>();
        for (var turn = 0; turn < scope.Run.Turned[node].Count; turn++)
        {
            given[0] = new Size(0, scope.Graph.Integers(turn));
            var inner = exporter.Export([.. scope.Runs.Select(run => run.Turned[node][turn])], scope.Path, given);
            Exporter.TakeOverWrites(node, scope, inner, given);
            // A later turn reads what an earlier one wrote.
            var later = Exporter.Given(node, scope);
            later.AsSpan(1).CopyTo(given.AsSpan(1));
            turns.Add(Exporter.Returned(inner));
        }
        object?[] collected =
            [.. Enumerable.Range(0, Collections.TypesOf(node.type)!.Length)
                .Select(i => (object?)turns.Select(turn => (object?)turn[i]).ToArray())];
        return collected is [var only] ? only : collected;
    }

    private static object? Loop(Exporter exporter, Node node, MapTarget map, Scope scope, object?[] given)
    {
        if (scope.Aliases.MutatedBy(node).Any())
            throw new NotSupportedException(
                "its number of turns is free, and a turn writes to a tensor from before the loop; collect the parts in a list, and join "
                    + "that");
        // Sizes that differ from turn to turn are told by turns of one run.
        ExampleRun[] runs = [.. scope.Runs.SelectMany(run => run.Turned[node].Take(2).Concat(run.Turned[node].TakeLast(1))).Distinct()];
        if (runs.Length < 2)
            throw new NotSupportedException("its number of turns is free, and the example has none; give one with two turns or more");
        var (graph, name) = (scope.Graph, node.name);
        var types = map.Results.Select(result => ((TensorFacts)runs[0].Values[((NodeArgument)result).Node]!).Type).ToArray();
        var body = graph.Inside(name, () =>
        {
            var number = graph.Declare(graph.Name("turn"), ScalarType.Int64);
            Declare(graph.Proto.Input, number, new() { TensorType = new() { ElemType = DataTypes.Of(ScalarType.Int64), Shape = new() } });
            var goesOn = graph.Name("goes_on");
            Declare(graph.Proto.Input, goesOn, Flag());
            string[] before = [.. types.Select(type => graph.Name($"{name}_before"))];
            for (var i = 0; i < types.Length; i++)
                Declare(graph.Proto.Input, before[i], Of(types[i]));
            given[0] = new Size(0, graph.Add("Reshape", "turn", [number, graph.Integers(1)]));
            var results = Exporter.Returned(exporter.Export(runs, scope.Path, given));
            Declare(graph.Proto.Output, graph.Untyped("Identity", "goes_on", [goesOn], 1)[0], Flag());
            for (var i = 0; i < types.Length; i++)
                Declare(graph.Proto.Output, graph.Untyped("SequenceInsert", name, [before[i], results[i]], 1)[0], Of(types[i]));
        });
        var count = graph.Add("Reshape", "turns", [scope.Numbers.Value(node.args[0], ScalarType.Int64), graph.Integers()]);
        string[] empty =
            [.. types.Select(type =>
                graph.Untyped("SequenceEmpty", $"{name}_empty", [], 1, OnnxGraph.Attribute("dtype", DataTypes.Of(type)))[0])];
        var collected = graph.Untyped("Loop", name, [count, "", .. empty], types.Length, OnnxGraph.Attribute("body", body))
            .Zip(types, (value, type) => (object?)new Sequence(value, type)).ToArray();
        return collected is [var only] ? only : collected;
    }

    private static TypeProto Of(ScalarType type)
        => new() { SequenceType = new() { ElemType = new() { TensorType = new() { ElemType = DataTypes.Of(type) } } } };

    private static TypeProto Flag() => new() { TensorType = new() { ElemType = DataTypes.Of(ScalarType.Bool), Shape = new() } };

    private static void Declare(Google.Protobuf.Collections.RepeatedField<ValueInfoProto> values, string name, TypeProto type)
        => values.Add(new ValueInfoProto { Name = name, Type = type });

    /// <summary>The tensors of a list joined along a dimension; null where its length is known.</summary>
    internal static string? Joined(Step step, long axis, bool isNew) => step.Sequence(0) is { } list
        ? step.Graph.Typed("ConcatFromSequence", step.Name, [list.Name], list.Type, OnnxGraph.Attribute("axis", axis),
            OnnxGraph.Attribute("new_axis", isNew ? 1 : 0))
        : null;

    /// <summary>A dimension of free size cut into pieces of a size; into its elements where there is none.</summary>
    internal static Sequence Cut(Step step, long axis, Size? each)
    {
        string[] inputs = each is { } size
            ? [step.Value(0), step.Graph.Add("Reshape", "piece", [step.Graph.Sizes([size]), step.Graph.Integers()])] : [step.Value(0)];
        return new(step.Graph.Typed("SplitToSequence", step.Name, inputs, step.Input.Type, OnnxGraph.Attribute("axis", axis),
            OnnxGraph.Attribute("keepdims", each is null ? 0 : 1)), step.Input.Type);
    }

    /// <summary>A tensor of a list; null where its length is known.</summary>
    internal static string? Item(Step step) => step.Sequence(0) is { } list
        ? step.Graph.Typed("SequenceAt", step.Name,
            [list.Name, step.Graph.Add("Reshape", "place", [step.Graph.Sizes([step.Size(1)]), step.Graph.Integers()])], list.Type)
        : null;
}
