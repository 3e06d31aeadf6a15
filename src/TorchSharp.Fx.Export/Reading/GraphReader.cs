using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Makes the nodes of a graph of the nodes of a program.</summary>
internal sealed partial class GraphReader
{
    private readonly GraphData data;
    private readonly ProgramState state;
    private readonly GraphReader? outer;
    private readonly NodeNames names;
    private readonly LayerReader layers;
    private readonly Dictionary<string, Argument> values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Node> attributes = new(StringComparer.Ordinal);

    /// <param name="data">The program's graph.</param>
    /// <param name="state">Its tensors.</param>
    /// <param name="outer">The reader of the graph that this is a branch of; it has the layers, whose tensors a branch is given.</param>
    internal GraphReader(GraphData data, ProgramState state, GraphReader? outer = null)
    {
        (this.data, this.state, this.outer) = (data, state, outer);
        names = new(data.nodes);
        layers = new(state, names);
        for (var i = 0; i < data.nodes.Count; i++)
            layers.Count(i);
    }

    internal Graph Graph { get; } = new();

    internal LayerReader Layers => layers;

    /// <summary>The constants that the graph reads, by the names that it has for them.</summary>
    internal Dictionary<string, Tensor> Constants { get; } = new(StringComparer.Ordinal);

    /// <summary>The modules that run one of two branches, by path.</summary>
    internal Dictionary<string, nn.Module> Branches { get; private init; } = new(StringComparer.Ordinal);

    /// <summary>The paths of the parameters and buffers that the graph reads itself.</summary>
    internal Dictionary<string, Tensor> Attributes { get; } = new(StringComparer.Ordinal);

    /// <summary>Gives a value of the program a name.</summary>
    internal void Define(string name, Argument value)
    {
        if (!values.TryAdd(name, value))
            throw new InvalidDataException($"has two values '{name}'");
    }

    /// <summary>The graph's argument for a value of the program.</summary>
    internal Argument Find(Value value, string path = "") => value switch
    {
        Value.Constant { Item: var constant } => new Literal(constant),
        Value.Reference { Name: var name } when values.TryGetValue(name, out var known) => known,
        Value.Reference { Name: var name } when outer is null && state.PathOf(name) is not null => Attribute(name, path),
        Value.Reference { Name: var name } => throw new InvalidDataException($"reads the value '{name}' before there is one"),
        Value.Many { Items: var items, Item: var type } => new ListArgument([.. items.Select(item => Find(item, path))], type),
        Value.Foreign { Kind: var kind }
            => throw new NotSupportedException($"it has an argument of the kind '{kind}', which has no counterpart here"),
        Value.Subgraph => throw new NotSupportedException("it has a branch or a loop"),
        _ => throw new InvalidDataException("has an expression for an argument"),
    };

    /// <summary>Makes a node beside those of the program.</summary>
    internal Node Add(Opcode op, Target target, ImmutableArray<Argument> args, Type type, string path, string name)
    {
        var node = Graph.create_node(op, target, args, type, name);
        Name(node, path, name);
        return node;
    }

    /// <summary>Gives a node that is made beside those of the program its qualified name.</summary>
    internal void Name(Node node, string path, string name) => node.set_meta(Node.QualifiedName, names.Beside(path, name));

    /// <summary>Makes all nodes.</summary>
    internal void Read()
    {
        for (var i = 0; i < data.nodes.Count; i++)
            try
            {
                Read(i, data.nodes[i]);
            }
            catch (NotSupportedException error)
            {
                throw new NotSupportedException(
                    $"node '{Label(data.nodes[i])}' ({data.nodes[i].target}{Place(names[i])}) can't be read: {error.Message.TrimEnd('.')}",
                    error);
            }
    }

    private static string Label(NodeData node) => node.name
        ?? (node.outputs is [Value.Reference { Name: var name }, ..] ? name : NodeNames.Operation(node.target));

    private static string Place(ExportedCall site)
        => $"{(site.Path.Length > 0 ? $", in module '{site.Path}'" : "")}{(site.Line is { } at ? $", {System.IO.Path.GetFileName(at.File)}:{at.Line}" : "")}";

    private void Read(int index, NodeData node)
    {
        if (node.target.StartsWith("torch.ops.aten.", StringComparison.Ordinal))
            ReadOperation(index, node);
        else if (node.target == Higher + "cond")
            ReadBranches(index, node);
        else if (node.target == Higher + "map_impl")
            ReadMap(index, node);
        else if (SymbolTargets.Find(node.target) is { } symbol)
            Define(Single(node), Named(index, symbol(this, [.. node.inputs.Select(input => Find(input.arg))])));
        else
            throw new NotSupportedException(WhyNot(node.target)
                ?? "it is no operation of ATen: PyTorch's own operations can be read, those of other libraries can't");
    }

    private void ReadOperation(int index, NodeData node)
    {
        var overload = node.target["torch.ops.aten.".Length..];
        overload = overload.EndsWith(".default", StringComparison.Ordinal) ? overload[..^".default".Length] : overload;
        // They ask what is known when the program was exported: the type, place and layout of a tensor, which moving the module may change.
        if (overload is "_assert_tensor_metadata" or "sym_constrain_range" or "sym_constrain_range_for_size"
            or "_functional_sym_constrain_range")
            return;
        if (overload is "_assert_scalar")
        {
            Assert(Find(node.inputs[0].arg), node.inputs is [_, { arg: Value.Constant { Item: string message } }] ? message
                : "an assumption of the program");
            return;
        }
        if (overload is "item" or "_local_scalar_dense" && node.outputs is [Value.Reference { Kind: var kind }])
        {
            var number = typeof(TensorExtensionMethods).GetMethod(kind switch { "as_sym_int" => "ToInt64", "as_sym_float" => "ToDouble", _
                => "ToBoolean" }, [typeof(Tensor)])!;
            Define(Single(node), Named(index, Graph.call_function(number, Find(node.inputs[0].arg, names[index].Path))));
            return;
        }
        if (overload is "rrelu" or "rrelu_")
            (overload, node) = (overload.Replace("rrelu", "leaky_relu", StringComparison.Ordinal), Leaky(node));
        var schema = AtenSchema.Find(overload)
            ?? throw new NotSupportedException($"aten::{overload} is not among the operations that can be read");
        if (outer is null && layers.Layer(index, node, schema) is var (path, input))
        {
            var call = typeof(nn.Module<Tensor, Tensor>).GetMethod("call")!;
            Define(Single(node),
                Named(index, Graph.create_node(Opcode.call_module, new ModuleTarget(path, call), [Find(input, path)], typeof(Tensor))));
            return;
        }
        var given = Given(node, schema, names[index].Path);
        var (method, args) = OperationTable.Call(schema, given);
        var made = method.IsStatic
            ? Graph.create_node(Opcode.call_function, new FunctionTarget(method), args, method.ReturnType, schema.Name)
            : Graph.create_node(Opcode.call_method, new MethodTarget(method), args, method.ReturnType);
        Named(index, made);
        DefineAll(node.outputs, made, names[index].Path);
    }

    private Dictionary<string, Argument> Given(NodeData node, AtenSchema schema, string path)
    {
        var given = new Dictionary<string, Argument>(StringComparer.Ordinal);
        foreach (var input in node.inputs)
            if (!schema.Parameters.Any(parameter => parameter.Name == input.name))
                throw new NotSupportedException($"aten::{schema.Overload} has no argument '{input.name}' in this version of libtorch");
            else if (!given.TryAdd(input.name, Find(input.arg, path)))
                throw new InvalidDataException($"gives a node its argument '{input.name}' twice");
        // TorchSharp's member does not count from the end.
        if (schema.Overload == "unflatten.int" && given.GetValueOrDefault("dim") is Literal { Value: long and < 0 and var dim }
            && Rank(node.inputs[0].arg) is { } rank)
            given["dim"] = dim + rank;
        return given;
    }

    /// <summary>A layer that does not draw at random has a slope between its bounds.</summary>
    private static NodeData Leaky(NodeData node)
    {
        if (Constant("training") is true)
            throw new NotSupportedException("it draws at random: export the model in evaluation mode");
        return node with { inputs = [node.inputs[0], new("negative_slope",
            new Value.Constant((Bound("lower", 1.0 / 8) + Bound("upper", 1.0 / 3)) / 2))] };

        double Bound(string name, double preset) => Constant(name) switch { double number => number, long number => number, _ => preset };

        object? Constant(string name) => (node.inputs.Find(input => input.name == name)?.arg as Value.Constant)?.Item;
    }

    private long? Rank(Value tensor) => tensor is Value.Reference { Name: var name } && data.tensor_values.TryGetValue(name, out var meta)
        ? meta.sizes.Count : null;

    private static string Single(NodeData node) => node.outputs is [Value.Reference { Name: var name }] ? name
        : throw new InvalidDataException($"has a node of {node.target} without its one result");

    /// <summary>The results of a node: itself, or what its tuple or list holds.</summary>
    private void DefineAll(List<Value> outputs, Node made, string path)
    {
        if (outputs is [Value.Reference { Name: var only }] && !IsSequence(made.type))
        {
            Define(only, made);
            return;
        }
        var items = outputs is [Value.Many { Items: var list }] ? [.. list] : outputs;
        if (items.Count > 0 && !IsSequence(made.type))
            throw new InvalidDataException($"has {items.Count} results of node '{made.name}', which gives one");
        for (var i = 0; i < items.Count; i++)
            if (items[i] is Value.Reference { Name: var name })
                Define(name, Add(Opcode.call_function, new BuiltinTarget(Builtin.getitem, made.type), [made, new Literal(i)],
                    typeof(Tensor), path, "getitem"));
    }

    private static bool IsSequence(Type type) => type.IsArray || typeof(System.Runtime.CompilerServices.ITuple).IsAssignableFrom(type)
        || (type.IsGenericType && typeof(System.Collections.IEnumerable).IsAssignableFrom(type));

    private Node Named(int index, Node node)
    {
        var site = names[index];
        node.set_meta(Node.QualifiedName, names.Of(index));
        node.gradient_mode = data.nodes[index].Records is { } records ? records ? GradientMode.enable_grad : GradientMode.no_grad : null;
        node.origin = site.Frames is [.., var (file, line, function, _)] ? new Origin(site.Path, function, (file, line))
            : new Origin(site.Path, null, null);
        return node;
    }

    private Node Attribute(string input, string path)
    {
        if (attributes.TryGetValue(input, out var known))
            return known;
        var qualified = state.PathOf(input)!;
        if (state.IsConstant(input))
        {
            qualified = qualified.Replace('.', '_');
            Constants.TryAdd(qualified, state.Load(input));
        }
        else
            Attributes.TryAdd(qualified, state.Load(input));
        var node = Graph.get_attr(qualified);
        Name(node, path, node.name);
        attributes.Add(input, node);
        return node;
    }

    /// <summary>Makes a node that throws unless a condition holds.</summary>
    internal void Assert(Argument condition, string message)
    {
        if (condition is not Literal { Value: true })
            Add(Opcode.call_function, new BuiltinTarget(Builtin._assert, typeof(bool)), [condition, message], typeof(void), "_guards",
                "_assert");
    }

    /// <summary>Makes a node of arithmetic on numbers.</summary>
    internal Node Compute(Builtin operation, Type operands, Type result, params ImmutableArray<Argument> args)
        => Graph.create_node(Opcode.call_function, new BuiltinTarget(operation, operands), args, result);
}
