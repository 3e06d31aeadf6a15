using System.Collections.Immutable;
using System.Globalization;

namespace TorchSharp.Fx.Onnx;

/// <summary>A call of one of ATen's operations by name (<see cref="aten"/>), while TorchSharp's operations are put in its place.</summary>
internal sealed class NamedCall
{
    private readonly Graph graph;
    private readonly AtenCall call;

    private NamedCall(Graph graph, AtenCall call) => (this.graph, this.call) = (graph, call);

    /// <summary>The operation's name and overload.</summary>
    internal string Overload => call.Schema.Overload;

    /// <summary>The call that a node is; null for others. The operations go into its graph.</summary>
    internal static NamedCall? Of(Node node) => AtenCall.Of(node) is { } call ? new(node.graph, call) : null;

    /// <summary>An argument; its default where it is left out.</summary>
    internal Argument this[string name]
    {
        get
        {
            var place = call.Schema.Parameters.Index().First(parameter => parameter.Item.Name == name).Index;
            return place < call.Arguments.Length ? call.Arguments[place] : new Literal(call.Schema.Parameters[place].Default);
        }
    }

    /// <summary>Whether an argument is given, and not nothing.</summary>
    internal bool Has(string name) => this[name] is not Literal { Value: null };

    internal bool Bool(string name) => Constant(name) is true;

    internal long Long(string name) => Convert.ToInt64(Constant(name), CultureInfo.InvariantCulture);

    internal double Double(string name) => Convert.ToDouble(Constant(name), CultureInfo.InvariantCulture);

    internal string? Text(string name) => (string?)Constant(name);

    /// <summary>Numbers that are the same for all inputs; one that is given alone stands for itself.</summary>
    internal long[] Longs(string name) => this[name] switch
    {
        ListArgument list => [.. list.Items.Select(item => Convert.ToInt64(Constant(item, name), CultureInfo.InvariantCulture))],
        Literal { Value: null } => [],
        Literal { Value: System.Collections.IEnumerable values and not string }
            => [.. values.Cast<object>().Select(value => Convert.ToInt64(value, CultureInfo.InvariantCulture))],
        _ => [Long(name)],
    };

    /// <summary>A number as the constant that it is.</summary>
    internal object? Constant(string name) => Constant(this[name], name);

    /// <summary>Adds what a function does.</summary>
    internal Node Add(Delegate function, params ImmutableArray<Argument> args) => graph.inline(function, args);

    private object? Constant(Argument argument, string name) => argument is Literal literal ? literal.Value
        : throw new NotSupportedException($"argument '{name}' of aten::{Overload} depends on an input");
}
