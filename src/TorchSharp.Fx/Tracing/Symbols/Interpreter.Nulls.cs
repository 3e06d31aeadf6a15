namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Values that may be null when the graph runs: an input, a part of one, what a module gives. An example says whether it is; symbols alone
/// take it to be there. Where the program asks, the graph asserts the answer, for another call may have another.
/// </summary>
internal sealed partial class Interpreter
{
    private readonly HashSet<Node> present = [];

    /// <summary>The values that the program compared with null: symbols alone take it to be there.</summary>
    internal List<(string Name, Origin? At)> TakenAsPresent { get; } = [];

    /// <summary>Whether a reference is not null. That of a symbol is asserted once.</summary>
    /// <param name="reference">The reference.</param>
    /// <param name="message">What the program throws where it is null; null when it goes on.</param>
    internal bool Present(object? reference, string? message = null)
    {
        if (reference is Proxy boxed)
            AssertPresent(boxed, message);
        else if (Symbols.TryGet(reference, out var symbol))
            AssertPresent(symbol, message);
        return reference is not null;
    }

    /// <summary>Asserts that a symbol is not null, where it might be.</summary>
    internal void AssertPresent(Proxy symbol, string? message = null)
    {
        if (symbol.type is { IsValueType: true } type && !StructLayout.IsNullable(type))
            return;
        var node = symbol.node;
        if (!MayBeNull(node) || !present.Add(node))
            return;
        RefuseInLoop();
        if (Examples is null && node.target is not StateTarget)
            TakenAsPresent.Add((node.name, Here()));
        if (message is not null)
            AssertPresent(node, message);
        else
            Assumed(() => AssertPresent(node, node.target is StateTarget { Path: var path } ? StateBorder.TracedWith($"{path} != None")
                : Examples is null ? TakenAsThere(node) : TracedWith($"{node.name} != None")));
    }

    private void AssertPresent(Node node, string message)
        => Assert(tracer.create_proxy(Opcode.call_function, new BuiltinTarget(Builtin.ne, typeof(object)), [node, new Literal(null)],
            typeof(bool)), message);

    private string TakenAsThere(Node node)
        => $"{AssumedByExample}{node.name} != None{(current is null ? "" : $" at {Location()}")}; "
            + (node.target is PlaceholderTarget { Parameter: var parameter }
        ? $"trace again with concrete_args = new() {{ [\"{parameter}\"] = null }} for calls without it"
        : "trace again with example inputs that have null there");

    /// <summary>
    /// TorchSharp's operations and layers give something; what is read out of something, or comes from a module or a function of the
    /// user's, may be null.
    /// </summary>
    private bool MayBeNull(Node node) => node.target switch
    {
        ModuleTarget { Path: var path } => !tracer.Attributes.KnownModules
            .Any(module => Traits.HomeOf(module.GetType()) == Home.TorchSharp && tracer.Attributes.PathOf(module) == path),
        PlaceholderTarget or MemberTarget or StateTarget or BuiltinTarget { Operation: Builtin.getitem } => true,
        FunctionTarget { Method.DeclaringType: { } owner } => Traits.HomeOf(owner) != Home.TorchSharp,
        MethodTarget { Method.DeclaringType: { } owner } => Traits.HomeOf(owner) != Home.TorchSharp,
        _ => false,
    };
}
