namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Which numbers of a trace by example are the same one: what was asserted of it once holds wherever the program reads it again.
/// </summary>
internal sealed partial class Interpreter
{
    private readonly Dictionary<Node, string> identities = [];
    private readonly Dictionary<Node, string> shapes = [];
    private readonly List<Node> unnoted = [];
    private int reshaped;

    /// <summary>
    /// The key of a number: the same size of the same tensor, or of one that must have its shape, is the same number, however often
    /// the program reads it. An operation that changes a tensor's shape in place makes all of them new.
    /// </summary>
    private string Identity(Node node)
    {
        if (identities.TryGetValue(node, out var known))
            return known;
        // Most traces never ask.
        unnoted.ForEach(NoteShape);
        unnoted.Clear();
        var does = Operations.Of(node, null);
        var reads = node.target switch
        {
            MemberTarget member => member.Member.Name,
            MethodTarget method when does.Has(Effects.ReadsMetadata) => method.name,
            BuiltinTarget builtin => $"{builtin.name}:{builtin.Type}",
            _ => null,
        };
        if (reads is null)
            return identities[node] = node.name;
        var isSize = does.Has(Effects.ReadsShape) && reshaped == 0;
        var operands =
            node.args.Select(argument => argument is not NodeArgument { Node: var input } ? argument.ToString() : isSize
                ? ShapeOf(input) : Identity(input));
        return identities[node] =
            $"{reads}({string.Join(",", operands)})@{reshaped}{(does.Has(Effects.ReadsLayout) ? $".{Changes(node)}" : "")}";
    }

    /// <summary>A comparison's key: its operation, and the numbers that it compares.</summary>
    private string Identity(Deferred asked)
    {
        return $"{asked.Operation}:{asked.Operands}({Of(asked.Left)},{Of(asked.Right)})";

        string Of(Value value) => !value.IsSymbol ? value.ToString() : value.Symbol switch
        {
            Deferred inner => Identity(inner),
            { Argument: NodeArgument { Node: var node } } => Identity(node),
            var other => other.Argument.ToString(),
        };
    }

    /// <summary>How often the tensor was changed whose layout a node reads.</summary>
    private static int Changes(Node read)
        => read.args is [NodeArgument { Node: var tensor }, ..]
            ? tensor.users.Count(user => Operations.Of(user, null).Writes != Operands.None) : 0;

    private string ShapeOf(Node tensor) => shapes.GetValueOrDefault(tensor, tensor.name);

    /// <summary>Notes whose shape a new tensor has.</summary>
    private void NoteShape(Node node)
    {
        var does = Operations.Of(node, null);
        if (does.Has(Effects.Reshapes))
            reshaped++;
        if (node.type == typeof(torch.Tensor) && does.Has(Effects.Pointwise)
            && node.all_input_nodes.Where(input => input.type == typeof(torch.Tensor)).Select(ShapeOf).Distinct().ToArray() is [var only])
            shapes[node] = only;
    }

    private static bool IsTorchSharps(Target target) => target switch
    {
        MethodTarget { Method: var method } => Traits.Of(method).Home == Home.TorchSharp,
        FunctionTarget { Method: var function } => Traits.Of(function).Home == Home.TorchSharp,
        _ => false,
    };
}
