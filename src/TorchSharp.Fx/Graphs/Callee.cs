using System.Reflection;

namespace TorchSharp.Fx.Graphs;

/// <summary>The method that a node calls.</summary>
/// <param name="Method">The method, getter or constructor.</param>
/// <param name="Receivers">How many of the node's arguments come before the method's parameters: one for an object that it is called on,
/// else none.</param>
internal readonly record struct Callee(MethodBase Method, int Receivers)
{
    /// <summary>The name, a property's without <c>get_</c>.</summary>
    internal string Name
        => Method.IsSpecialName && Method.Name.StartsWith("get_", StringComparison.Ordinal) ? Method.Name[4..] : Method.Name;

    private static readonly Memo<MethodBase, ParameterInfo[]> Known = new(method => method.GetParameters());

    /// <summary>The parameters, the receiver left out.</summary>
    internal ParameterInfo[] Parameters => Known.Of(Method);

    /// <summary>The names of the node's arguments, the receiver's being <c>self</c>.</summary>
    internal IEnumerable<string> Names => Enumerable.Repeat("self", Receivers).Concat(Parameters.Select(parameter => parameter.Name ?? ""));

    /// <summary>A method that is called on its first argument, or a static one or constructor, which isn't.</summary>
    internal static Callee Of(MethodBase method) => new(method, method.IsStatic || method.IsConstructor ? 0 : 1);

    /// <summary>The parameters beside the node's arguments for them.</summary>
    internal IEnumerable<(ParameterInfo Parameter, Argument Argument)> Given(Node node) => Parameters.Zip(node.args.Skip(Receivers));

    /// <summary>The argument for a parameter; its default where the node leaves it out, null where there is no such parameter.</summary>
    internal Argument? Given(Node node, string name)
        => Array.Find(Parameters, parameter => parameter.Name == name) is not { } found ? null
            : found.Position + Receivers < node.args.Length ? node.args[found.Position + Receivers]
            : found.HasDefaultValue ? new Literal(found.DefaultValue) : null;
}
