using System.Collections.Frozen;
using System.Reflection;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// The C# code that a graph stands for: a class with a <c>forward</c> of one statement a node (see <c>docs/graph-code.md</c>).
/// </summary>
internal static class GraphCode
{
    private static readonly FrozenDictionary<string, string> Operators = new Dictionary<string, string>
    {
        ["add"] = "+", ["sub"] = "-", ["mul"] = "*", ["truediv"] = "/", ["floordiv"] = "/", ["mod"] = "%",
        ["and_"] = "&", ["or_"] = "|", ["xor"] = "^", ["lshift"] = "<<", ["rshift"] = ">>",
        ["eq"] = "==", ["ne"] = "!=", ["lt"] = "<", ["le"] = "<=", ["gt"] = ">", ["ge"] = ">=",
        ["neg"] = "-", ["invert"] = "~", ["not_"] = "!",
    }.ToFrozenDictionary();

    internal static string Of(Graph graph, string className, string rootType, bool showOrigins = false)
    {
        var root = graph.nodes.Any(node => node.name == "self") ? "root" : "self";
        return $$"""
            using TorchSharp;
            using static TorchSharp.torch;

            sealed class {{className}}({{rootType}} {{root}})
            {
                public {{Forward(graph, path => root + CSharpNames.Access(path), showOrigins)}}
            }

            """;
    }

    /// <summary>The method alone, without its modifiers.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="access">How the code gets at the module or tensor of a path.</param>
    /// <param name="showOrigins">Whether a comment tells where each statement came from.</param>
    internal static string Forward(Graph graph, Func<string, string> access, bool showOrigins = false)
    {
        var result = graph.nodes.LastOrDefault()?.op == Opcode.output ? CSharpNames.OfType(ResultType(graph.output_node())) : "void";
        var inputs = graph.nodes.Where(node => node.op == Opcode.placeholder).Select(Parameter);
        var place = "";
        var statements = GradientBlock.Of(graph)
            .Select(block =>
                block.Write(node =>
                    $"{(showOrigins ? Comment(node, ref place) : "")}        {Statement(node, access, block.IsDeclared(node))}\n"));
        return $"{result} forward({string.Join(", ", inputs)})\n    {{\n{string.Concat(statements)}    }}";
    }

    /// <summary>Features are made of the dictionary that the code itself returns.</summary>
    internal static Type ResultType(Node output)
        => output.args[0] is DictArgument dict && !output.type.IsAssignableFrom(dict.DictionaryType) ? dict.DictionaryType : output.type;

    private static string Parameter(Node node)
    {
        var declaration = $"{CSharpNames.OfType(node.type)} {CSharpNames.Identifier(node.name)}";
        return node.target is PlaceholderTarget { Default: { } value } ? $"{declaration} = {CSharpArguments.Of(value)}" : declaration;
    }

    /// <summary>The place that a node came from, where that is another than the one before.</summary>
    private static string Comment(Node node, ref string place)
    {
        var before = place;
        place = node.origin is { } origin ? $"{origin}{(origin.module_path.Length == 0 ? "" : $", {origin.module_path}")}" : "";
        return place == before || place.Length == 0 ? "" : $"        // {place}\n";
    }

    /// <param name="node">The node.</param>
    /// <param name="access">How the code gets at the module or tensor of a path.</param>
    /// <param name="isDeclared">Whether the node's variable is there already.</param>
    private static string Statement(Node node, Func<string, string> access, bool isDeclared) => node switch
    {
        { op: Opcode.output } => $"return {CSharpArguments.Of(node.args[0])};",
        { target: BuiltinTarget { Operation: Builtin._assert } } =>
            $"if (!{Condition(node.args[0])}) throw new InvalidOperationException({CSharpArguments.Of(node.args[1])});",
        { target: MapTarget map } =>
            $"{Turn(node, map, access)}\n        "
                + $"{(node.type == typeof(void) ? "" : $"{(isDeclared ? "" : "var ")}{CSharpNames.Identifier(node.name)} = ")}{Turns(node)};",
        _ when node.type == typeof(void) => $"{Expression(node, access)};",
        _ when node.users.Count == 0 => $"_ = {Expression(node, access)};",
        _ => $"{(isDeclared ? "" : "var ")}{CSharpNames.Identifier(node.name)} = {Expression(node, access)};",
    };

    /// <summary>A turn of a loop, as a function of its own: its variables may have the names of those around it.</summary>
    private static string Turn(Node node, MapTarget map, Func<string, string> access)
    {
        var statements = GradientBlock.Of(map.Body)
            .Select(block => block.Write(inner => $"            {Statement(inner, access, block.IsDeclared(inner))}\n"));
        return $"Tensor[] {node.name}_turn({string.Join(", ", map.Body.find_nodes(Opcode.placeholder).Select(Parameter))})\n        "
            + $"{{\n{string.Concat(statements)}        }}";
    }

    private static string Turns(Node node)
    {
        var turns = $"System.Linq.Enumerable.Range(0, (int)Math.Max(0, {CSharpArguments.Of(node.args[0])})).Select(turn => "
            + $"{node.name}_turn({string.Join(", ", node.args.Skip(1).Select(CSharpArguments.Of).Prepend("turn"))}))";
        string[] collections =
            [.. Collections.TypesOf(node.type)!.Select((type, i) =>
                $"turns.Select(turn => turn[{i}]).{(type.IsArray ? "ToArray" : "ToList")}()")];
        return collections switch
        {
            [] => $"{turns}.ToList().ForEach(_ => {{ }})",
            [var one] => one.Replace("turns", turns, StringComparison.Ordinal),
            _ => $"{turns}.ToArray() is var turns ? ({string.Join(", ", collections)}) : default",
        };
    }

    private static string Expression(Node node, Func<string, string> access) => node.target switch
    {
        AttributeTarget attribute => access(attribute.Path),
        ModuleTarget module => $"{access(module.Path)}.{module.Method.Name}({Arguments(module.Method, node, 0)})",
        MethodTarget { Method: var method } =>
            $"{CSharpArguments.Receiver(node.args[0])}.{method.Name}{TypeArguments(method)}({Arguments(method, node, 1)})",
        MemberTarget { Member: var member } =>
            $"{CSharpArguments.Receiver(node.args[0])}.{CSharpNames.Identifier(ArgumentText.MemberName(member.Name))}",
        FunctionTarget { Method: var method } => Function(method, node),
        BuiltinTarget builtin => Arithmetic(builtin, node),
        StateTarget state => State(state, node, access),
        _ => throw new InvalidOperationException($"Node '{node.name}' has no expression: it is a {node.op}."),
    };

    private static string State(StateTarget state, Node node, Func<string, string> access)
    {
        var owner = node.args is [NodeArgument, ..] ? CSharpArguments.Receiver(node.args[0]) : null;
        var place = owner is null ? access(state.Path) : $"{owner}.{state.Path}";
        return state.IsWritten ? $"{place} = {CSharpArguments.Of(node.args[1])}" : place;
    }

    private static string Function(MethodBase method, Node node) => method switch
    {
        { IsConstructor: true } => $"new {CSharpNames.OfType(method.DeclaringType!)}({Arguments(method, node, 0)})",
        _ when method.DeclaringType == typeof(Casts) =>
            $"({CSharpNames.OfType(((MethodInfo)method).ReturnType)}){CSharpArguments.Receiver(node.args[0])}",
        { IsSpecialName: true, Name: "op_Implicit" or "op_Explicit" } =>
            $"({CSharpNames.OfType(((MethodInfo)method).ReturnType)}){CSharpArguments.Receiver(node.args[0])}",
        { IsSpecialName: true, IsStatic: true } when Operators.TryGetValue(PythonNames.Of(method), out var sign) => Operation(sign, node),
        { IsSpecialName: true, IsStatic: false } => Accessor(method, node),
        { IsStatic: true } =>
            $"{CSharpNames.OfType(method.DeclaringType!)}.{PythonNames.Plain(method.Name)}{TypeArguments(method)}({Arguments(method, node, 0)})",
        _ => $"{CSharpArguments.Receiver(node.args[0])}.{method.Name}{TypeArguments(method)}({Arguments(method, node, 1)})",
    };

    /// <summary>Indexers and setters: their last argument but for a getter's is what is assigned.</summary>
    private static string Accessor(MethodBase method, Node node)
    {
        var (receiver, isSetter) = (CSharpArguments.Receiver(node.args[0]), method.Name.StartsWith("set_", StringComparison.Ordinal));
        var indices = node.args[1..(isSetter ? ^1 : ^0)];
        var target = indices.IsEmpty
            ? $"{receiver}.{method.Name[4..]}" : $"{receiver}[{string.Join(", ", indices.Select(CSharpArguments.Index))}]";
        return isSetter ? $"{target} = {CSharpArguments.Of(node.args[^1])}" : target;
    }

    private static string Arithmetic(BuiltinTarget target, Node node)
    {
        if (target.Operation == Builtin.len)
            return $"{CSharpArguments.Receiver(node.args[0])}.{(target.Type.IsArray ? "Length" : "Count")}";
        if (target.Operation == Builtin.getitem)
            return Item(target.Type, node);
        if (target.Operation is Builtin.eq or Builtin.ne && !target.Type.IsPrimitive && !target.Type.IsEnum
            && target.Type != typeof(string))
            return Same(target.Operation, node);
        var cast = target.Type == typeof(uint) || target.Type == typeof(ulong) ? $"({CSharpNames.OfType(target.Type)})" : "";
        var operation = Operation(Operators[target.name], node, cast, target.Operation is Builtin.lshift or Builtin.rshift ? "" : cast);
        return target.Checked ? $"checked({operation})" : operation;
    }

    /// <summary>Whether a value is null, or is the same as a constant. A tensor's own operators would compare numbers.</summary>
    private static string Same(Builtin operation, Node node) => (node.args[1], operation) switch
    {
        (Literal { Value: null }, Builtin.eq) => $"{CSharpArguments.Receiver(node.args[0])} is null",
        (Literal { Value: null }, _) => $"{CSharpArguments.Receiver(node.args[0])} is not null",
        (_, Builtin.eq) =>
            $"System.Collections.StructuralComparisons.StructuralEqualityComparer.Equals({CSharpArguments.Of(node.args[0])}, "
                + $"{CSharpArguments.Of(node.args[1])})",
        _ => $"!System.Collections.StructuralComparisons.StructuralEqualityComparer.Equals({CSharpArguments.Of(node.args[0])}, "
            + $"{CSharpArguments.Of(node.args[1])})",
    };

    private static string Item(Type sequence, Node node)
    {
        var receiver = CSharpArguments.Receiver(node.args[0]);
        return node.args[1] is Literal { Value: int number } && typeof(System.Runtime.CompilerServices.ITuple).IsAssignableFrom(sequence)
            ? $"{receiver}.Item{number + 1}"
            : $"{receiver}[{CSharpArguments.Index(node.args[1])}]";
    }

    private static string Operation(string sign, Node node, string leftCast = "", string rightCast = "") => node.args.Length == 1
        ? sign + CSharpArguments.Of(node.args[0])
        : $"{leftCast}{CSharpArguments.Of(node.args[0])} {sign} {rightCast}{CSharpArguments.Of(node.args[1])}";

    /// <summary>The arguments of a call; those that only repeat a default are left out, and what follows them is named.</summary>
    private static string Arguments(MethodBase method, Node node, int skipped)
    {
        var parameters = method.GetParameters();
        var written = new List<string>();
        for (var i = 0; i + skipped < node.args.Length; i++)
        {
            var (parameter, argument) = (parameters[i], node.args[i + skipped]);
            if (parameter.HasDefaultValue && argument is Literal { Value: var value } && IsDefault(parameter, value))
                continue;
            written.Add(i == written.Count
                ? CSharpArguments.Of(argument) : $"{CSharpNames.Identifier(parameter.Name!)}: {CSharpArguments.Of(argument)}");
        }
        return string.Join(", ", written);
    }

    /// <summary>The default of a struct is written as null in metadata, that of an enum as its number.</summary>
    internal static bool IsDefault(ParameterInfo parameter, object? value) => parameter.DefaultValue switch
    {
        null => value is null,
        var other when value is Enum && other is not Enum => Equals(Convert.ToInt64(value, null), Convert.ToInt64(other, null)),
        var other => Equals(value, other)
            || (value is IConvertible and not string and not bool && other is IConvertible and not string and not bool
                && Convert.ToDouble(value, null).Equals(Convert.ToDouble(other, null))),
    };

    private static string TypeArguments(MethodBase method)
        => method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(CSharpNames.OfType))}>" : "";

    private static string Condition(Argument argument)
        => argument is NodeArgument ? CSharpArguments.Of(argument) : $"({CSharpArguments.Of(argument)})";
}
