using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;

namespace TorchSharp.Fx.Modules;

/// <summary>
/// A graph in a file: its nodes in order, each with what it calls and what it is given. A node can only read nodes before it, so there are
/// no cycles to look for.
/// </summary>
internal sealed class SavedGraph(SavedTypes types)
{
    private readonly SavedArguments arguments = new(types);
    private readonly SavedMembers members = new(types);

    internal void Write(Utf8JsonWriter json, Graph graph)
    {
        json.WriteStartArray();
        foreach (var node in graph.nodes)
            try
            {
                Write(json, node);
            }
            catch (NotSupportedException error)
            {
                throw new NotSupportedException(
                    $"Node '{node.name}' ({node.origin?.ToString() ?? "made by hand"}) can't be saved: {error.Message}.", error);
            }
        json.WriteEndArray();
    }

    /// <param name="json">The list of nodes.</param>
    /// <param name="moduleAt">The module at a path, for the type of what it returns; an error where there is none.</param>
    /// <param name="hasTensor">Whether there is a tensor at a path.</param>
    internal Graph Read(JsonElement json, Func<string, torch.nn.Module> moduleAt, Func<string, bool> hasTensor)
    {
        var graph = new Graph();
        var nodes = new Dictionary<string, Node>(StringComparer.Ordinal);
        var ended = false;
        foreach (var item in json.Items())
        {
            var name = item.Field("name").Text();
            try
            {
                if (ended)
                    throw new InvalidDataException("it comes after the output");
                var node = Read(graph, name, item, nodes, moduleAt, hasTensor);
                ended = node.op == Opcode.output;
                if (node.name != name || !nodes.TryAdd(name, node))
                    throw new InvalidDataException("its name is taken or no name for a node");
            }
            catch (Exception error) when (error is InvalidDataException or ArgumentException or InvalidOperationException)
            {
                throw new InvalidDataException($"node '{name}' is wrong: {error.Message.TrimEnd('.')}", error);
            }
        }
        if (!ended)
            throw new InvalidDataException("a graph does not end with its output");
        return graph;
    }

    private void Write(Utf8JsonWriter json, Node node)
    {
        if (node.args.Any(argument => argument is Literal { Value: Delegate }))
            throw new NotSupportedException(
                "it runs an edit of yours, which is code and no part of a file; save the module that intervene was called on");
        if (WrongPlace(node.target, node.args) is { } wrong)
            throw new NotSupportedException($"{wrong}, here and when the file is loaded");
        json.WriteStartObject();
        json.WriteString("name", node.name);
        json.WriteString("op", node.op.ToString());
        json.WritePropertyName("target");
        WriteTarget(json, node.target);
        json.WriteStartArray("args");
        foreach (var argument in node.args)
            arguments.Write(json, argument);
        json.WriteEndArray();
        if (node.target is PlaceholderTarget or BuiltinTarget or OutputTarget or MapTarget)
        {
            json.WritePropertyName("type");
            types.Write(json, node.type);
        }
        if (node.target is ModuleTarget { Method.Name: "forward" })
            json.WriteString("method", "forward");
        if (node.gradient_mode is { } mode)
            json.WriteString("gradient_mode", mode.ToString());
        if (node.get_meta(Node.QualifiedName) is { } path)
            json.WriteString("path", path);
        if (node.origin is { } origin)
            WriteOrigin(json, origin);
        json.WriteEndObject();
    }

    private void WriteTarget(Utf8JsonWriter json, Target target)
    {
        switch (target)
        {
            case AttributeTarget or ModuleTarget: json.WriteStringValue(target.name); return;
            case OutputTarget: json.WriteNullValue(); return;
            case FunctionTarget { Method: var method }: members.Write(json, method); return;
            case MethodTarget { Method: var method }: members.Write(json, method); return;
            case MemberTarget { Member: var member }: members.Write(json, member); return;
        }
        json.WriteStartObject();
        if (target is PlaceholderTarget input)
        {
            json.WriteString("parameter", input.Parameter);
            if (input.Default is not null)
            {
                json.WritePropertyName("default");
                arguments.Write(json, input.Default);
            }
        }
        if (target is BuiltinTarget builtin)
        {
            json.WriteString("builtin", builtin.Operation.ToString());
            json.WritePropertyName("of");
            types.Write(json, builtin.Type);
            json.WriteBoolean("checked", builtin.Checked);
        }
        if (target is MapTarget { Body: var body })
        {
            json.WritePropertyName("map");
            Write(json, body);
        }
        if (target is StateTarget state)
        {
            json.WriteString("state", state.Path);
            json.WritePropertyName("of");
            types.Write(json, state.Type);
            json.WriteBoolean("written", state.IsWritten);
        }
        json.WriteEndObject();
    }

    private static void WriteOrigin(Utf8JsonWriter json, Origin origin)
    {
        json.WriteStartObject("origin");
        json.WriteString("module", origin.module_path);
        json.WriteString("method", origin.method);
        if (origin.line is { } line)
        {
            json.WriteString("file", Path.GetFileName(line.File));
            json.WriteNumber("line", line.Line);
        }
        json.WriteEndObject();
    }

    private Node Read(Graph graph, string name, JsonElement json, Dictionary<string, Node> nodes, Func<string, torch.nn.Module> moduleAt,
        Func<string, bool> hasTensor)
    {
        if (!Enum.TryParse<Opcode>(json.Field("op").Text(), out var op) || !Enum.IsDefined(op))
            throw new InvalidDataException($"there is no kind of nodes {SavedJson.Excerpt(json.Field("op"))}");
        var args = json.Field("args").Items().Select(item => arguments.Read(item, Earlier)).ToImmutableArray();
        var (target, type) = ReadTarget(op, json, args, moduleAt, hasTensor);
        if (WrongPlace(target, args) is { } wrong)
            throw new InvalidDataException(wrong);
        var node = graph.create_node(op, target, args, type, name);
        node.origin = json.Find("origin") is { } origin ? ReadOrigin(origin) : null;
        node.gradient_mode = json.Find("gradient_mode") is { } mode ? ReadMode(mode.Text()) : null;
        if (json.Find("path") is { } path)
            node.set_meta(Node.QualifiedName, path.Text());
        return node;

        Node Earlier(string other)
            => nodes.GetValueOrDefault(other) ?? throw new InvalidDataException($"it reads '{other}', which no node before it is");
    }

    private (Target Target, Type Type) ReadTarget(Opcode op, JsonElement json, ImmutableArray<Argument> args,
        Func<string, torch.nn.Module> moduleAt, Func<string, bool> hasTensor)
    {
        var target = json.Field("target");
        return op switch
        {
            Opcode.placeholder =>
                (new PlaceholderTarget(target.Field("parameter").Text(), target.Find("default") is { } preset ? ReadDefault(preset) : null),
                    TypeOf(json)),
            Opcode.get_attr =>
                (new AttributeTarget(hasTensor(target.Text())
                    ? target.Text()
                        : throw new InvalidDataException($"it reads the tensor '{target.Text()}', which the file does not have")),
                            typeof(torch.Tensor)),
            Opcode.call_module => ReadModule(target.Text(), json.Find("method") is { } method ? method.Text() : "call", moduleAt, args),
            Opcode.call_method
                when members.ReadMethod(target) is MethodInfo { IsStatic: false } method => (new MethodTarget(method), method.ReturnType),
            Opcode.call_function when target.Find("builtin") is { } builtin => (ReadBuiltin(builtin.Text(), target), TypeOf(json)),
            Opcode.call_function when target.Find("map") is { } body => (ReadMap(body, moduleAt, args), CheckedCollections(TypeOf(json))),
            Opcode.call_function when target.Find("state") is { } state => ReadState(state.Text(), target, args.Length),
            Opcode.call_function when target.Find("takes") is null => ReadMember(target),
            Opcode.call_function => ReadFunction(target),
            Opcode.output when args.Length == 1 => (new OutputTarget(), TypeOf(json)),
            _ => throw new InvalidDataException($"a {op} can't have the target {SavedJson.Excerpt(target)} and {args.Length} arguments"),
        };
    }

    private (Target Target, Type Type) ReadFunction(JsonElement target)
    {
        var method = members.ReadMethod(target);
        return (new FunctionTarget(method), (method as MethodInfo)?.ReturnType ?? method.DeclaringType!);
    }

    private MapTarget ReadMap(JsonElement json, Func<string, torch.nn.Module> moduleAt, ImmutableArray<Argument> args)
    {
        var body = Read(json, moduleAt, _ => false);
        Type[] inputs = [.. body.find_nodes(Opcode.placeholder).Select(node => node.type)];
        if (inputs.Length != args.Length || inputs is not [var number, ..] || (number != typeof(int) && number != typeof(long))
            || body.nodes.First().op != Opcode.placeholder)
            throw new InvalidDataException("a turn takes its number and the values that its loop is given");
        if (body.output_node() is not { args: [ListArgument { Items: var results }] } output || output.type != typeof(torch.Tensor[])
            || !results.All(result => result is NodeArgument { Node.type: var type } && TensorTypes.IsTensor(type)))
            throw new InvalidDataException("a turn gives a list of tensors");
        return new(body);
    }

    private static Type CheckedCollections(Type type)
        => Collections.TypesOf(type) is not null ? type : throw new InvalidDataException("a loop collects arrays or lists of tensors");

    private (Target Target, Type Type) ReadState(string path, JsonElement target, int args)
    {
        var place = new StateTarget(path, types.Read(target.Field("of")), target.Field("written").Flag());
        return args == (place.IsWritten ? 2 : 0)
            ? (place, place.IsWritten ? typeof(void) : place.Type)
                : throw new InvalidDataException($"the state at '{path}' takes no {args} arguments");
    }

    /// <summary>
    /// Of an input, only fields of types that the caller allows are written, and the content of collections. Null where it is so. An input
    /// that is declared as anything is of the type that the graph takes it for.
    /// </summary>
    private string? WrongPlace(Target target, IReadOnlyList<Argument> args)
    {
        if (target is not StateTarget { IsWritten: true } place || args is not [NodeArgument { Node: var owner }, ..])
            return null;
        var type = owner.users.FirstOrDefault(user => user.target is FunctionTarget { Method.DeclaringType: var told }
            && told == typeof(Casts))?.type ?? owner.type;
        foreach (var name in place.Place.Length == 0 ? [] : place.Place.Split('.'))
        {
            var field = types.Allows(type)
                ? ModuleHierarchy.FieldsOf(type).FirstOrDefault(field => ArgumentText.MemberName(field.Name) == name) : null;
            if (field is null
                && Structure.KindOf(type) is not (StructureKind.Array or StructureKind.Collection or StructureKind.Dictionary))
                return $"the state at '{place.Path}' is in a {CSharpNames.OfType(type)}: give that type in allowed_types";
            type = field?.FieldType ?? type.GetElementType() ?? type.GetGenericArguments()[^1];
        }
        return null;
    }

    private (Target Target, Type Type) ReadMember(JsonElement target)
    {
        var member = members.ReadMember(target);
        return (new MemberTarget(member), member is PropertyInfo property ? property.PropertyType : ((FieldInfo)member).FieldType);
    }

    private static (Target Target, Type Type) ReadModule(string path, string name, Func<string, torch.nn.Module> moduleAt,
        ImmutableArray<Argument> args)
    {
        if (name is not ("call" or "forward"))
            throw new InvalidDataException($"a module is run by call or forward, and not by '{name}'");
        var calls = moduleAt(path).GetType().GetMethods()
            .Where(method => method.Name == name && method.GetParameters().Length >= args.Length && !method.IsGenericMethod)
            .OrderBy(method => method.GetParameters().Length).ToArray();
        // A recurrent layer takes a packed sequence, too.
        var method = Array.Find(calls, Fits) ?? calls.FirstOrDefault()
            ?? throw new InvalidDataException($"the module '{path}' does not take {args.Length} inputs");
        return (new ModuleTarget(path, method), method.ReturnType);

        bool Fits(MethodInfo method)
            => args.Zip(method.GetParameters())
                .All(pair => pair.First is not NodeArgument { Node.type: var type } || pair.Second.ParameterType.IsAssignableFrom(type));
    }

    private BuiltinTarget ReadBuiltin(string name, JsonElement target)
        => Enum.TryParse<Builtin>(name, out var operation) && Enum.IsDefined(operation) && !char.IsAsciiDigit(name[0])
            ? new(operation, types.Read(target.Field("of")), target.Field("checked").Flag())
            : throw new InvalidDataException($"there is no operation '{name}'");

    private static GradientMode ReadMode(string name)
        => GradientMode.Of(name) ?? throw new InvalidDataException($"there is no gradient mode '{name}'");

    private Literal ReadDefault(JsonElement json)
        => arguments.Read(json, name => throw new InvalidDataException($"its default reads '{name}'")) as Literal
            ?? throw new InvalidDataException("its default is no constant");

    private Type TypeOf(JsonElement json) => types.Read(json.Field("type"));

    private static Origin ReadOrigin(JsonElement json) => new(
        json.Field("module").Text(),
        json.Field("method") is { ValueKind: JsonValueKind.String } method ? method.Text() : null,
        json.Find("file") is { } file && json.Field("line").TryGetInt32(out var line) ? (file.Text(), line) : null);
}
