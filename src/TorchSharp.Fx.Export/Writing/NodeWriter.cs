using System.Collections.Immutable;
using System.Text.Json;

namespace TorchSharp.Fx.Export;

/// <summary>Writes a graph's nodes as calls of ATen's operations.</summary>
/// <param name="json">Where to.</param>
/// <param name="write">Writes the format's parts.</param>
/// <param name="state">The tensors of the module.</param>
/// <param name="facts">What is known of the nodes' values.</param>
/// <param name="plain">The graph.</param>
internal sealed partial class NodeWriter(Utf8JsonWriter json, ProgramJson write, WrittenState state, IReadOnlyDictionary<Node, Fact> facts,
    PlainGraph plain)
{
    private readonly Dictionary<(Node, int), string> names = [];
    private readonly Dictionary<string, int> calls = new(StringComparer.Ordinal);
    private readonly HashSet<string> used = new(StringComparer.Ordinal);

    /// <summary>The tensors of the graph by name.</summary>
    internal OrderedDictionary<string, Fact.OfTensor> Tensors { get; } = new(StringComparer.Ordinal);

    /// <summary>The numbers of the graph by name.</summary>
    internal OrderedDictionary<string, SizeFact> Numbers { get; } = new(StringComparer.Ordinal);

    /// <summary>Gives an input its name.</summary>
    internal void Input(Node node, Fact.OfTensor fact)
    {
        names[(node, 0)] = Unused(node.name);
        Tensors.Add(names[(node, 0)], fact);
    }

    /// <summary>The name of an input.</summary>
    internal string InputName(Node node) => names[(node, 0)];

    /// <summary>Notes a name that is taken.</summary>
    internal string Unused(string name)
    {
        var free = name;
        for (var i = 1; !used.Add(free); i++)
            free = $"{name}_{i}";
        return free;
    }

    /// <summary>Writes a node, unless its value is a constant or a part of another's.</summary>
    internal void Write(Node node)
    {
        try
        {
            switch (node.target)
            {
                case PlaceholderTarget or OutputTarget or AttributeTarget
                    or BuiltinTarget { Operation: Builtin._assert or Builtin.getitem or Builtin.len }: break;
                case ModuleTarget when plain.BranchesOf(node) is { IsEmpty: false } branches: WriteBranches(node, branches); break;
                case ModuleTarget target: WriteLayer(node, target.Path); break;
                case MapTarget when plain.LoopOf(node) is var (loop, turn): WriteLoop(node, loop, turn); break;
                case MapTarget: throw new NotSupportedException("it is a loop in a branch, where nothing tells how often it runs");
                case FunctionTarget when plain.IsOfLoop(node): break;
                case StateTarget: throw new NotSupportedException(
                    "it is what the model keeps between calls, which a program has as buffers only");
                case BuiltinTarget builtin when Number(node) is { IsConstant: false }: WriteArithmetic(node, builtin); break;
                case BuiltinTarget or MemberTarget: break;
                case { Callee: { } callee } when facts[node] is not Fact.OfOther && Number(node) is not { IsConstant: true }
                    && node.type != typeof(long[]): WriteCall(node, callee); break;
            }
        }
        catch (NotSupportedException error)
        {
            throw new NotSupportedException(
                $"node '{node.name}' ({node.target.name}, {node.origin?.ToString() ?? "made by hand"}): {error.Message}", error);
        }
    }

    /// <summary>Writes a part of the result: a tensor, a number or a constant.</summary>
    internal void WriteResult(ProgramJson into, Argument leaf)
    {
        switch (leaf)
        {
            case Literal constant: into.Constant(constant.Value); break;
            case NodeArgument { Node: var node } when Number(node) is { IsConstant: true, Hint: var size }: into.Constant(size); break;
            case NodeArgument { Node: var node } when facts[node] is Fact.OfOther { Value: var other }: into.Constant(other); break;
            case NodeArgument { Node: var node } when Reference(node) is var (name, isTensor):
                if (isTensor)
                    into.Tensor(name);
                else
                    into.Symbol(name);
                break;
            default: throw new NotSupportedException($"its result holds a {leaf.GetType().Name}");
        }
    }

    /// <summary>The value that a node stands for: one that a call gave, an item of one, or an input.</summary>
    private (string Name, bool IsTensor) Reference(Node node)
    {
        var (source, item) = node.target is BuiltinTarget { Operation: Builtin.getitem }
            && node.args is [NodeArgument { Node: var many }, Literal { Value: int index }] ? (many, index) : (node, 0);
        if (names.TryGetValue((source, item), out var known))
            return (known, !Numbers.ContainsKey(known));
        if (node.target is AttributeTarget { Path: var path })
            return (state.InputOf(path), true);
        // An identity stands for what it is given.
        if (node.target is ModuleTarget && node.args is [NodeArgument { Node: var inner }])
            return Reference(inner);
        if (source.target is MemberTarget { Member.Name: "shape" } or MethodTarget { Method: { Name: "size", ReturnType.IsArray: true } })
            return (SizeOf(((NodeArgument)source.args[0]).Node, item), false);
        throw new NotSupportedException($"it reads '{node.name}', which has no counterpart in the format");
    }

    private SizeFact? Number(Node node) => facts.TryGetValue(node, out var fact) && fact is Fact.OfNumber { Value: var number } ? number
        : null;

    private void WriteLayer(Node node, string path)
    {
        var module = state.Module(path);
        if (module is TorchSharp.Modules.Identity)
            return;
        var layer = LayerWriter.Of(module);
        Call(node, layer.Schema,
            [.. layer.Schema.Parameters.Select(parameter => (parameter, Written(parameter))).Where(argument
            => argument.Item2 is not null).Select(argument => (argument.parameter, argument.Item2!))], path, layer.Type);

        Action? Written(AtenParameter parameter) => parameter.Name == layer.Input ? () => Value(node.args[0], parameter.Type)
            : layer.Tensors.Contains(parameter.Name) ? () => write.Tensor(state.InputOf($"{path}.{parameter.Name}"))
            : layer.Settings.FirstOrDefault(setting => setting.Name == parameter.Name).Argument is { } argument ? ()
                => Value(argument, parameter.Type)
            : parameter.HasDefault ? null : () => write.Constant(null);
    }

    private void WriteCall(Node node, Callee callee)
    {
        var (schema, arguments) = OperationWriter.Find(callee, node.args)
            ?? throw new NotSupportedException(
                $"{callee.Method.DeclaringType?.Name}.{callee.Method.Name} with these arguments is no operation of ATen in the table");
        if (schema.Overload == "sym_size.int" && node.args is [NodeArgument { Node: var tensor }, ..])
        {
            names[(node, 0)] = SizeOf(tensor,
                Convert.ToInt32(((Literal)arguments[1].Argument).Value, System.Globalization.CultureInfo.InvariantCulture));
            return;
        }
        var ordered = arguments.OrderBy(argument => schema.Parameters.IndexOf(argument.Parameter)).Select(argument
            => (argument.Parameter, (Action)(() => Value(argument.Argument, argument.Parameter.Type)))).ToList();
        Call(node, schema, ordered, node.origin?.module_path ?? "", null);
    }

    private void WriteArithmetic(Node node, BuiltinTarget target)
    {
        var operands = node.args.Select(argument => argument is ConvertArgument convert ? convert.Value : argument).ToArray();
        foreach (var operand in operands)
            Prepare(operand);
        var name = names[(node, 0)] = Unused(node.name);
        Numbers.Add(name, Number(node)!);
        write.Object(() =>
        {
            json.WriteString("target", $"_operator.{target.Operation}");
            write.List("inputs", operands.Index(), operand => write.Object(() =>
            {
                json.WriteString("name", operands.Length == 1 || operand.Index == 0 ? "a" : "b");
                json.WritePropertyName("arg");
                Value(operand.Item, new("int", false, false, false));
                json.WriteNumber("kind", 1);
            }));
            write.List("outputs", [name], number
                => write.Object(() => write.Object("as_sym_int", () => json.WriteString("as_name", number))));
            Metadata(node, node.origin?.module_path ?? "", null, target.Operation.ToString());
            json.WriteNull("is_hop_single_tensor_return");
            json.WriteString("name", name);
        });
    }

    /// <summary>A size of a tensor as a number of the program, asked for once.</summary>
    private string SizeOf(Node tensor, int dimension)
    {
        var fact = ((Fact.OfTensor)facts[tensor]).Sizes;
        dimension = dimension < 0 ? dimension + fact.Length : dimension;
        if (names.TryGetValue((tensor, -1 - dimension), out var known))
            return known;
        var name = names[(tensor, -1 - dimension)] = Unused($"sym_size_int_{Numbers.Count}");
        Numbers.Add(name, fact[dimension]);
        var schema = AtenSchema.Find("sym_size.int")!;
        Call(name, schema, [(schema.Parameters[0], () => write.Tensor(Reference(tensor).Name)),
            (schema.Parameters[1], () => write.Constant((long)dimension))],
            () => write.List("outputs", [name], number
                => write.Object(() => write.Object("as_sym_int", () => json.WriteString("as_name", number)))), ()
                => Metadata(tensor, "", null, ""));
        return name;
    }

    private void Call(Node node, AtenSchema schema, List<(AtenParameter Parameter, Action Write)> arguments, string path, string? layer)
    {
        foreach (var argument in node.args)
            Prepare(argument);
        var (own, results) = Results(node);
        Call(own, schema, arguments, () =>
        {
            if (schema.Returns is [{ IsList: true }])
                write.List("outputs", [0], _ => write.Object(() => write.List("as_tensors", results, write.Named)));
            else
                write.List("outputs", results, write.Tensor);
        }, () => Metadata(node, path, layer, schema.Name));
    }

    /// <summary>Names a node and the tensors that it gives: one has the node's name, several have PyTorch's for items.</summary>
    private (string Own, string[] Items) Results(Node node)
    {
        var own = Unused(node.name);
        var items = facts[node] is Fact.OfMany { Items: var many } ? many : [facts[node]];
        return (own, [.. items.Select((item, i) =>
        {
            var name = names[(node, i)] = facts[node] is Fact.OfMany ? Unused("getitem") : own;
            Tensors.Add(name, item as Fact.OfTensor ?? throw new NotSupportedException("it gives what is no tensor"));
            return name;
        })]);
    }

    private void Call(string name, AtenSchema schema, List<(AtenParameter Parameter, Action Write)> arguments, Action outputs,
        Action metadata) => write.Object(() =>
    {
        json.WriteString("target",
            $"torch.ops.aten.{schema.Overload}{(schema.Overload.Contains('.', StringComparison.Ordinal) ? "" : ".default")}");
        write.List("inputs", arguments, argument => write.Object(() =>
        {
            json.WriteString("name", argument.Parameter.Name);
            json.WritePropertyName("arg");
            argument.Write();
            json.WriteNumber("kind", argument.Parameter.IsKeyword ? 2 : 1);
        }));
        outputs();
        metadata();
        json.WriteNull("is_hop_single_tensor_return");
        json.WriteString("name", name);
    });

    /// <summary>Sizes that an argument reads are nodes of their own, before the one that reads them.</summary>
    private void Prepare(Argument argument)
    {
        if (argument is NodeArgument { Node: var node } && !names.ContainsKey((node, 0)) && Number(node) is { IsConstant: false })
            Reference(node);
        else if (argument is NodeArgument { Node: { type: var type } array } && type == typeof(long[]))
            foreach (var item in Sizes(array))
                _ = item;
        foreach (var part in argument.Parts)
            Prepare(part);
    }

    /// <summary>The items of an array of sizes, or of a part of one: constants, or names of numbers.</summary>
    private IEnumerable<object> Sizes(Node array)
    {
        var (shape, first) = array.target is BuiltinTarget { Operation: Builtin.getitem }
            && array.args is [NodeArgument { Node: var whole }, SliceArgument { Start: var start }]
            ? (whole, Start(start, ((Fact.OfMany)facts[whole]).Items.Length)) : (array, 0);
        return [.. ((Fact.OfMany)facts[array]).Items.Select((item, i) => ((Fact.OfNumber)item).Value is { IsConstant: true, Hint: var size }
            ? (object)size : SizeOf(((NodeArgument)shape.args[0]).Node, first + i))];

        static int Start(Argument? start, int length) => start is null ? 0 : start is Literal { Value: int at } ? at < 0 ? at + length : at
            : throw new NotSupportedException("it takes a part of a shape that depends on an input");
    }

    /// <summary>Where the node comes from: the modules around it, so that names and layers are found again, and the line.</summary>
    private void Metadata(Node node, string path, string? layer, string function) => write.Object("metadata", () =>
    {
        var levels = path.Length == 0 ? [] : path.Split('.');
        var call = layer is null ? "" : $"@{calls[path] = calls.GetValueOrDefault(path, -1) + 1}";
        var frames = levels.Select((_, i) => string.Join('.', levels[..(i + 1)])).Select((module, i) => i == levels.Length - 1
            && layer is not null
            ? $"L__self__{module}{(call == "@0" ? "" : call)},{module},{layer}" : $"L__self__{module},{module},torchsharp.Module");
        json.WriteString("nn_module_stack", string.Join(';', frames.Prepend("L__self__,,torchsharp.Module")));
        if (node.origin?.line is var (file, line))
            json.WriteString("stack_trace", $"File \"{file}\", line {line}, in {node.origin.method ?? "forward"}\n");
        if (function.Length > 0)
            json.WriteString("torch_fn", $"{node.name};method_descriptor.{function}");
    });
}
