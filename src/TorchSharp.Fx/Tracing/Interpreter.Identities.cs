using System.Collections.Frozen;

namespace TorchSharp.Fx.Tracing;

/// <summary>Which numbers of a trace by example are the same one: what was asserted of it once holds wherever the program reads it again.</summary>
internal sealed partial class Interpreter
{
    /// <summary>What tells of a tensor's shape alone.</summary>
    private static readonly FrozenSet<string> Sizes = "shape size dim ndim Dimensions numel NumberOfElements nelement".Split(' ').ToFrozenSet(StringComparer.Ordinal);

    /// <summary>What gives a tensor another shape in place.</summary>
    private static readonly FrozenSet<string> Reshaping = "unsqueeze_ squeeze_ transpose_ t_ swapaxes_ swapdims_ resize_ resize_as_ set_".Split(' ').ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Operations of TorchSharp whose result has the shape of their tensors, broadcast to each other; in place too.</summary>
    private static readonly FrozenSet<string> Pointwise = """
        add sub mul truediv div neg pow relu gelu silu sigmoid tanh exp log sqrt rsqrt square abs sin cos clamp leaky_relu elu softplus softmax log_softmax dropout
        maximum minimum masked_fill clone contiguous detach to float double half
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);

    private readonly Dictionary<Node, string> identities = [];
    private readonly Dictionary<Node, string> shapes = [];
    private int reshaped;

    /// <summary>
    /// What a number is made of: the same size of the same tensor, or of one that must have its shape, is the same number, however often the program reads it. An operation
    /// that changes a tensor's shape in place makes all of them new.
    /// </summary>
    private string Identity(Node node)
    {
        if (identities.TryGetValue(node, out var known))
            return known;
        var reads = node.target switch
        {
            MemberTarget member => member.Member.Name,
            MethodTarget method when Metadata.Contains(method.name) => method.name,
            BuiltinTarget builtin => $"{builtin.name}:{builtin.Type}",
            _ => null,
        };
        if (reads is null)
            return identities[node] = node.name;
        var isSize = Sizes.Contains(reads) && reshaped == 0;
        var operands = node.args.Select(argument => argument is not NodeArgument { Node: var input } ? argument.ToString() : isSize ? ShapeOf(input) : Identity(input));
        return identities[node] = $"{reads}({string.Join(",", operands)})@{reshaped}";
    }

    private string ShapeOf(Node tensor) => shapes.GetValueOrDefault(tensor, tensor.name);

    /// <summary>Notes whose shape a new tensor has.</summary>
    private void NoteShape(Node node)
    {
        if (Reshaping.Contains(node.target.name))
            reshaped++;
        if (node.type == typeof(torch.Tensor) && IsPointwise(node.target)
            && node.all_input_nodes.Where(input => input.type == typeof(torch.Tensor)).Select(ShapeOf).Distinct().ToArray() is [var only])
            shapes[node] = only;
    }

    private static bool IsPointwise(Target target) => Pointwise.Contains(target.name.TrimEnd('_')) && target switch
    {
        MethodTarget { Method: var method } => Traits.Of(method).Home == Home.TorchSharp,
        FunctionTarget { Method: var function } => Traits.Of(function).Home == Home.TorchSharp,
        _ => false,
    };
}
