using System.Collections;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace TorchSharp.Fx.Export;

/// <summary>A graph's result as leaves and the specification of their structure.</summary>
internal sealed class ResultTree
{
    private readonly ImmutableArray<Argument>.Builder leaves = ImmutableArray.CreateBuilder<Argument>();

    private readonly IReadOnlyDictionary<Node, Fact> facts;

    /// <param name="result">What the graph gives.</param>
    /// <param name="facts">What is known of its values.</param>
    internal ResultTree(Argument result, IReadOnlyDictionary<Node, Fact> facts)
    {
        this.facts = facts;
        Spec = Versioned(Of(result));
    }

    /// <summary>The tensors, numbers and constants in order.</summary>
    internal ImmutableArray<Argument> Leaves => leaves.ToImmutable();

    /// <summary>The specification, as <see cref="TreeSpec"/> reads it.</summary>
    internal string Spec { get; }

    /// <summary>The specification of inputs: a tuple of positional ones and a dictionary of none.</summary>
    internal static string OfInputs(object?[] inputs)
        => Versioned(Container("builtins.tuple", "null", [Container("builtins.tuple", "null", [.. inputs.Select(Of)]),
            Container("builtins.dict", "[]", [])]));

    private static JsonNode Of(object? input) => input switch
    {
        IDictionary dictionary => Container("builtins.dict",
            new JsonArray([.. dictionary.Keys.Cast<object>().Select(key => Key(new Literal(key)))]).ToJsonString(),
            [.. dictionary.Values.Cast<object?>().Select(Of)]),
        ITuple tuple => Container("builtins.tuple", "null", [.. Structure.Items(tuple).Select(Of)]),
        IList list => Container("builtins.list", "null", [.. list.Cast<object?>().Select(Of)]),
        _ => Leaf(),
    };

    private JsonNode Of(Argument argument)
    {
        switch (argument)
        {
            case DictArgument dict: return Container("builtins.dict",
                new JsonArray([.. dict.Entries.Select(entry => Key(entry.Key))]).ToJsonString(),
                [.. dict.Entries.Select(entry => Of(entry.Value))]);
            case ListArgument list: return Container("builtins.list", "null", [.. list.Items.Select(Of)]);
            case TupleArgument tuple: return Container("builtins.tuple", "null", [.. tuple.Items.Select(Of)]);
            // A record has the names of its members.
            case ObjectArgument record: return Container("builtins.dict",
                new JsonArray([.. record.Fields.Select(field
                    => (JsonNode?)JsonValue.Create(ArgumentText.MemberName(field.Key.Name)))]).ToJsonString(),
                [.. record.Fields.Select(field => Of(field.Value))]);
            case ConvertArgument convert: return Of(convert.Value);
            case Literal { Value: null or bool or int or long or float or double or string }:
            case NodeArgument { Node: var node } when facts[node] is Fact.OfTensor or Fact.OfNumber
                or Fact.OfOther { Value: null or bool or int or long or float or double or string }:
                leaves.Add(argument);
                return Leaf();
            default: throw new NotSupportedException(
                $"its result holds {argument}, which is none of tensors, numbers, and tuples, lists, records and dictionaries of them");
        }
    }

    private static JsonNode? Key(Argument key) => key is Literal { Value: string text } ? JsonValue.Create(text)
        : throw new NotSupportedException($"its result has the key {key}, which is no text");

    private static string Versioned(JsonNode tree) => new JsonArray(1, tree).ToJsonString();

    private static JsonNode Leaf() => new JsonObject { ["type"] = null, ["context"] = null, ["children_spec"] = new JsonArray() };

    private static JsonNode Container(string type, string context, JsonNode[] children)
        => new JsonObject { ["type"] = type, ["context"] = context, ["children_spec"] = new JsonArray(children) };
}
