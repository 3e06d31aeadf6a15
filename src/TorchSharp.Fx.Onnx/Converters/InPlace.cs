namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Operations in place: values of ONNX don't change, so whoever reads the tensor later reads a new value.</summary>
internal static class InPlace
{
    /// <summary>
    /// Under whatever name the tensor is read, the new value is; where it is a part of another tensor, or that with its axes in another
    /// order, the other has a new value too. Other views that are read later would have to change as well, and can't.
    /// </summary>
    internal static void Overwrite(Scope scope, Node written, Node by, string value)
    {
        var changed = new HashSet<Node> { by };
        Change(scope, written, by, value, changed);
        foreach (var other in scope.Aliases.ClassOf(written))
            if (scope.Values.ContainsKey(other) && !changed.Contains(other) && scope.Run.Values[other] is TensorFacts
                && IsReadAfter(other, by))
                throw new NotSupportedException($"it writes to a tensor in place that '{other.name}' is a view of");
    }

    private static void Change(Scope scope, Node node, Node by, string value, HashSet<Node> changed)
    {
        var old = scope.Tensor(by, node);
        foreach (var same in scope.Values.Keys.Where(other => scope.Values[other] is string name && name == old).Append(node).ToArray())
        {
            scope.Values[same] = value;
            changed.Add(same);
        }
        if (Whole(scope, node, by, value) is var (whole, rest))
            Change(scope, whole, by, rest, changed);
    }

    /// <summary>The tensor that a view is a part of, with the new numbers in it; null where the node is no such view.</summary>
    private static (Node Whole, string Value)? Whole(Scope scope, Node view, Node by, string value)
    {
        if (view.target is not (MethodTarget or FunctionTarget) || view.args is not [NodeArgument { Node: var whole }, ..]
            || !scope.Aliases.ClassOf(view).Contains(whole))
            return null;
        var step = new Step(view, null, [], scope);
        return view.target.name switch
        {
            "narrow" => (whole, Written(Narrowed(step))),
            "select" => (whole, Written(Index.One(step, step.Dimension(step.Size(1).Constant), step.Size(2)))),
            "slice" => (whole,
                Written(new Range(step.Dimension(step.Size(1).Constant), step.Size(2), step.Size(3), step.Size(4).Constant, Drops: false))),
            "getitem" => (whole, Index.Of(step, view.args[1..], step.Rank).Write(step, Name(), value)),
            "view" or "unsqueeze" or "squeeze" => (whole, step.Add("Reshape", [value, step.Graph.Sizes(step.Shape())])),
            "transpose" => (whole, Shapes.Transpose(step, value)),
            _ => null,
        };

        string Name() => scope.Tensor(by, whole) ?? step.Value(0);

        string Written(Range range) => new Index([range], [], []).Write(step, Name(), value);
    }

    /// <summary>The range of <c>narrow</c>.</summary>
    internal static Range Narrowed(Step step)
    {
        var (start, length) = (step.Size(2), step.Size(3));
        return new(step.Dimension(step.Size(1).Constant), start, Sum(step, start, length), 1, Drops: false);
    }

    private static Size Sum(Step step, Size a, Size b) => (a, b) switch
    {
        ({ IsFixed: true }, { IsFixed: true }) => a.Constant + b.Constant == 0 && a.Constant < 0
            ? Range.Open : new(a.Constant + b.Constant),
        _ => new(0, step.Add("Add", [step.Graph.Sizes([a]), step.Graph.Sizes([b])])),
    };

    private static bool IsReadAfter(Node node, Node by)
    {
        for (var later = by.next; later.prev.op != Opcode.output; later = later.next)
            if (node.users.Contains(later))
                return true;
        return false;
    }
}
