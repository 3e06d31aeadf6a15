using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript;

/// <summary>Walks a graph and writes a statement for each node; a leaf that is not TorchSharp's own is entered.</summary>
/// <param name="script">What is written.</param>
/// <param name="code">The graph and what it names.</param>
/// <param name="path">Where the graph's module is in the whole.</param>
/// <param name="examples">The values of the graph's nodes for the example inputs; null without them.</param>
internal sealed class Translator(Script script, ScriptedLeaf code, string path, Lazy<GraphInterpreter>? examples)
{
    private readonly Dictionary<Node, string> values = [];
    private readonly ModuleHierarchy hierarchy = new(code.Root, code.Constants);

    private AliasAnalysis Aliases => code.Graph.Aliases(hierarchy, training: false);

    private HiddenViews Hidden => field ??= new(code.Graph, hierarchy, Aliases);

    private Expressions Expressions => new(node => values[node]);

    /// <summary>
    /// The method <c>forward</c>, whose inputs are the graph's. Features are computed by a method of their own, for TorchSharp can't
    /// receive a dictionary.
    /// </summary>
    internal string Forward()
    {
        var inputs = code.Graph.find_nodes(Opcode.placeholder)
            .Select(node => Located(node, () => (Name: Input(node), Declaration: Declared(node)))).ToArray();
        var output = code.Graph.output_node();
        var result = Result(output.args[0]);
        var type = Located(output, () => ResultType(result));
        Statements();
        if (result is not DictArgument { Entries: var entries })
            return Method("forward", type, script.Lines, Located(output, () => Expressions.Of(result)));
        var items = entries.Select((entry, i) => $"{Located(output, () => Expressions.Of(entry.Key))}: _values[{i}]");
        return Method("values", $"List[{Common(entries.Select(entry => entry.Value))}]", script.Lines,
            $"[{string.Join(", ", entries.Select(entry => Located(output, () => Expressions.Of(entry.Value))))}]")
            + Method("forward", type, $"    _values = (self).values({string.Concat(inputs.Select(input => input.Name + ", "))})\n",
                $"{{{string.Join(", ", items)}}}");

        string Method(string name, string type, string lines, string result)
            => $"  def {name}({string.Join(",\n    ", inputs.Select(input => input.Declaration).Prepend("self"))}) -> {type}:\n{lines}    "
                + $"return {result}\n";
    }

    /// <summary>A record becomes a dictionary of its fields, but for those that are null.</summary>
    private static Argument Result(Argument argument) => argument is ObjectArgument { Fields: var fields }
        ? new DictArgument(
            [.. fields.Where(field => field.Value is not Literal { Value: null })
                .Select(field => KeyValuePair.Create((Argument)new Literal(ArgumentText.MemberName(field.Key.Name)), field.Value))],
                    typeof(Dictionary<string, Tensor>))
        : argument;

    /// <summary>Writes the graph where it stands, and gives the expression of its result.</summary>
    private string Inline(IEnumerable<string> inputs)
    {
        foreach (var (node, input) in code.Graph.find_nodes(Opcode.placeholder).Zip(inputs))
            values[node] = input;
        Statements();
        return Located(code.Graph.output_node(), () => Expressions.Of(code.Graph.output_node().args[0]));
    }

    private void Statements()
    {
        foreach (var node in code.Graph.nodes.Where(node => node.op is not (Opcode.placeholder or Opcode.output)))
            if (node.target is BuiltinTarget { Operation: Builtin._assert })
                Located(node, () => Assert(node));
            else
                values[node] = Located(node, () => script.Assign(node.name, InItsMode(node, Expression(node))));
        if (Hidden.Find() is var (write, missed))
            Located<string>(write,
                () => throw new NotSupportedException(
                    $"it writes to memory that '{missed}' shares, which TorchScript takes for two tensors. Write to '{missed}' itself, or "
                        + "to a clone"));
    }

    /// <summary>A value that was computed without gradients is detached, so that none flow through it here.</summary>
    private string InItsMode(Node node, string value)
    {
        if (node.gradient_mode is not { } mode)
            return value;
        if (mode.Records)
            throw new NotSupportedException($"it runs with {mode} whatever the caller's mode, and TorchScript has no form for that");
        if (Aliases.MutatedBy(node).Any() || (!TensorTypes.IsTensor(node.type) && TensorTypes.MayHold(node.type)))
            throw new NotSupportedException(
                $"it {(TensorTypes.IsTensor(node.type) ? "writes in place" : "gives several tensors")} under {mode}, and TorchScript has "
                    + "no form for that");
        return TensorTypes.IsTensor(node.type) ? $"torch.detach({value})" : value;
    }

    /// <summary>A parameter of the method, under the name that it has in C#.</summary>
    private string Input(Node node)
    {
        var name = ((PlaceholderTarget)node.target).Parameter;
        return values[node] = name is "input" ? name : script.Name(ScriptState.IsIdentifier(name) ? name : node.name);
    }

    private string Declared(Node node)
        => $"{values[node]}: "
            + $"{TorchScript.Expressions.TypeName(node.type)}{(((PlaceholderTarget)node.target).Default is { } value ? "=" + Expressions.Of(value) : "")}";

    private string Expression(Node node) => node.target switch
    {
        AttributeTarget { Path: var name } => script.TensorOf(ModuleHierarchy.Join(path, name), hierarchy.Attribute(name)()),
        ModuleTarget { Path: var name }
            when Hooks.RunBy(node, hierarchy.Module(name)) =>
                throw new NotSupportedException("it has hooks, and those are code; remove them first"),
        ModuleTarget { Path: var name } target when hierarchy.Module(name) is var module => IsTorchSharp(module.GetType())
            ? Converters.Convert(script, module.GetType().Name, Called(node, module, name, [.. target.Method.GetParameters()]))
            : Enter(node, ScriptedLeaf.Of(module, node, examples?.Value), ModuleHierarchy.Join(path, name)),
        MemberTarget { Member: var member } => Converters.Convert(script, "." + member.Name, Called(node, null, "", [null])),
        MethodTarget { Method: var method } =>
            Converters.Convert(script, node.target.name, Called(node, null, "", [null, .. method.GetParameters()])),
        FunctionTarget { Method.DeclaringType: var owner } when owner == typeof(aten) => Expressions.Of(AtenCall.Of(node)
            ?? throw new NotSupportedException("it is no operation of ATen with so many arguments, or which one it is is computed")),
        FunctionTarget { Method: MethodInfo { IsStatic: true } function } when !IsTorchSharp(function.DeclaringType!)
            && function.DeclaringType!.Namespace != nameof(System)
            => Enter(node, ScriptedLeaf.Of(function, node, examples?.Value), path),
        FunctionTarget { Method: var method } =>
            Converters.Convert(script, Converters.NameOf(method),
                Called(node, null, "",
                    [.. Enumerable.Repeat<ParameterInfo?>(null, Callee.Of(method).Receivers), .. method.GetParameters()])),
        BuiltinTarget target => ScriptedNumbers.Expression(script, target, node, Expressions),
        MapTarget =>
            throw new NotSupportedException(
                "it is a loop that runs as often as an input says, which has no form there; trace by an example, with a Tracer whose "
                    + "map_loops is false"),
        _ => throw new NotSupportedException($"there is no rule for '{node.target.name}'"),
    };

    private Call Called(Node node, nn.Module? module, string name, ParameterInfo?[] parameters)
        => new(node, module, [.. parameters.Select((parameter, i) => parameter?.ParameterType ?? TypeOf(node.args[i]))], parameters,
            Expressions, (tensor, value) => TensorOf(module, $"{ModuleHierarchy.Join(path, name)}.{tensor}", value));

    /// <summary>A tensor of a layer; of an embedding with a largest norm the rows as it looks them up.</summary>
    private string TensorOf(nn.Module? module, string tensorPath, Tensor value)
    {
        if (module is not TorchSharp.Modules.Embedding table || !NativeSettings.Renormalises(table))
            return script.TensorOf(tensorPath, value);
        var rows = DetachedCopy.RowsOf(table, table.weight!.shape[0], (layer, ids) => layer.call(ids));
        script.Own([rows]);
        return script.TensorOf("", rows);
    }

    private static Type TypeOf(Argument argument) => argument is NodeArgument { Node.type: var type } ? type : typeof(object);

    private string Enter(Node node, ScriptedLeaf inner, string at)
    {
        script.Own(inner.Constants.Values);
        var run = examples is null ? null : new Lazy<GraphInterpreter>(() => inner.Run([.. node.args.Select(examples.Value.Of)]));
        var translator = new Translator(script, inner, at, run);
        var result = translator.Inline(node.args.Select(Expressions.Of));
        Hidden.Entered(node, translator.Hidden);
        return result;
    }

    private string Assert(Node node)
    {
        if (node.args[0] is not Literal)
        {
            script.Add($"if {Expressions.Of(node.args[0])}:");
            script.Add("  pass");
            script.Add("else:");
            script.Add($"  ops.prim.RaiseException({Expressions.Of(node.args[1])}, \"builtins.AssertionError\")");
        }
        return "";
    }

    private static string ResultType(Argument result) => result switch
    {
        NodeArgument { Node.type: var type } => TorchScript.Expressions.TypeName(type),
        TupleArgument tuple => $"Tuple[{string.Join(", ", tuple.Items.Select(ResultType))}]",
        ListArgument list => $"List[{Common(list.Items)}]",
        DictArgument dict =>
            $"Dict[{Common(dict.Entries.Select(entry => entry.Key))}, {Common(dict.Entries.Select(entry => entry.Value))}]",
        Literal { Value: { } value } => TorchScript.Expressions.TypeName(value.GetType()),
        _ => throw new NotSupportedException($"its result {result} is neither a tensor, a number, nor a tuple, list or dictionary of such"),
    };

    private static string Common(IEnumerable<Argument> items) => items.Select(ResultType).Distinct().ToArray() is [var only]
        ? only : throw new NotSupportedException(
            "its result holds values of different types, which a TorchScript list or dictionary can't");

    private static T Located<T>(Node node, Func<T> write)
    {
        try
        {
            return write();
        }
        catch (NotSupportedException refusal) when (refusal is not TorchScriptExportException)
        {
            throw new TorchScriptExportException(node, refusal.Message, node.op == Opcode.output ? [] : Converters.Supported);
        }
    }

    private static bool IsTorchSharp(Type type) => type.Assembly == typeof(Tensor).Assembly;
}
