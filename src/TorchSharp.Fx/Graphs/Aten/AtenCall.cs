using System.Collections.Immutable;

namespace TorchSharp.Fx.Graphs;

/// <summary>A node's call of an operation of ATen by name (<see cref="aten.call"/>, <see cref="aten.call_many"/>).</summary>
/// <param name="Schema">The operation.</param>
/// <param name="Arguments">Its arguments; trailing ones may be left out.</param>
internal sealed record AtenCall(AtenSchema Schema, ImmutableArray<Argument> Arguments)
{
    /// <summary>The call that a node is; null for others.</summary>
    internal static AtenCall? Of(Node node) => node.target is FunctionTarget { Method.DeclaringType: var owner } && owner == typeof(aten)
        && node.args is [Literal { Value: string overload }, ListArgument { Items: var arguments }]
        && AtenSchema.Find(overload) is { } schema && arguments.Length <= schema.Parameters.Length ? new(schema, arguments) : null;
}
