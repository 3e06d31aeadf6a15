using System.Collections.Immutable;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>A graph's result as leaves and the specification of their structure.</summary>
internal sealed class ResultTree
{
    private readonly ImmutableArray<Argument>.Builder leaves = ImmutableArray.CreateBuilder<Argument>();

    internal ResultTree(Argument result) => Spec = Versioned(Of(result));

    /// <summary>The tensors in order.</summary>
    internal ImmutableArray<Argument> Leaves => leaves.ToImmutable();

    /// <summary>The specification, as <see cref="TreeSpec"/> reads it.</summary>
    internal string Spec { get; }

    /// <summary>The specification of inputs: a tuple of positional ones and a dictionary of none.</summary>
    internal static string OfInputs(object?[] inputs)
        => Versioned(Container("builtins.tuple", "null",
            [Container("builtins.tuple", "null",
            [.. inputs.Select(input => input is Tensor[] many ? Container("builtins.list", "null", [.. many.Select(_ => Leaf())])
            : Leaf())]),
            Container("builtins.dict", "[]", [])]));

    private JsonNode Of(Argument argument)
    {
        switch (argument)
        {
            case DictArgument dict: return Container("builtins.dict",
                new JsonArray([.. dict.Entries.Select(entry => Key(entry.Key))]).ToJsonString(),
                [.. dict.Entries.Select(entry => Of(entry.Value))]);
            case ListArgument list: return Container("builtins.list", "null", [.. list.Items.Select(Of)]);
            case TupleArgument tuple: return Container("builtins.tuple", "null", [.. tuple.Items.Select(Of)]);
            case NodeArgument { Node.type: var type } when TensorTypes.IsTensor(type):
                leaves.Add(argument);
                return Leaf();
            default: throw new NotSupportedException($"its result holds {argument}, which is neither a tensor nor a tuple, list or dictionary of them");
        }
    }

    private static JsonNode? Key(Argument key) => key is Literal { Value: string text } ? JsonValue.Create(text)
        : throw new NotSupportedException($"its result has the key {key}, which is no text");

    private static string Versioned(JsonNode tree) => new JsonArray(1, tree).ToJsonString();

    private static JsonNode Leaf() => new JsonObject { ["type"] = null, ["context"] = null, ["children_spec"] = new JsonArray() };

    private static JsonNode Container(string type, string context, JsonNode[] children)
        => new JsonObject { ["type"] = type, ["context"] = context, ["children_spec"] = new JsonArray(children) };
}
