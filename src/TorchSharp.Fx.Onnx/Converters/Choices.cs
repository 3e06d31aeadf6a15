using TorchSharp.Fx.Onnx.Format;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>A choice between two graphs by a tensor, <c>torch.cond</c>: <c>If</c>.</summary>
internal static class Choices
{
    internal static object? Convert(Exporter exporter, Node node, Scope scope)
    {
        var graph = scope.Graph;
        var condition = scope.Tensor(node, ((NodeArgument)node.args[0]).Node)
            ?? throw new NotSupportedException("its condition is known, and is no tensor");
        var types = ((object?[])scope.Run.Values[node]!).Select(result => ((TensorFacts)result!).Type).ToArray();
        var operands = Exporter.Given(node, scope)[1..];
        var branches = Enumerable.Range(0, 2).Select(Branch).ToArray();
        return graph.Untyped("If", node.name, [graph.Cast(condition, graph.TypeOf(condition), ScalarType.Bool)], types.Length,
            OnnxGraph.Attribute("then_branch", branches[0]), OnnxGraph.Attribute("else_branch", branches[1])).Zip(types, graph.Declare)
            .ToArray();

        GraphProto Branch(int which) => graph.Inside($"{node.name}_{(which == 0 ? "then" : "else")}", () =>
        {
            ExampleRun[] runs = [.. scope.Runs.Select(run => run.Branches[node][which])];
            if (runs[0].Writes)
                throw new NotSupportedException("a branch of it writes to a tensor");
            var results = Exporter.Returned(exporter.Export(runs, ModuleHierarchy.Join(scope.Path, node.target.name), operands));
            // A branch gives values of its own, also where it gives what it was given.
            foreach (var (result, type) in results.Zip(types))
                graph.Proto.Output.Add(new ValueInfoProto
                {
                    Name = graph.Untyped("Identity", node.name, [result], 1)[0],
                    Type = new() { TensorType = new() { ElemType = DataTypes.Of(type) } },
                });
        });
    }
}
