using System.Reflection;
using TorchSharp.Fx.Onnx.Format;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>Makes a graph module of an ONNX file.</summary>
internal static class Loader
{
    // What the converters know.
    private const long OldestVersion = 1, NewestVersion = 24;

    internal static nn.Module Load(string path)
    {
        using var file = new ModelFile(path);
        var version = Setting.VersionOf(file.Model.OpsetImport) ?? 1;
        if (file.Model.Graph.Output.Count == 0)
            throw new InvalidDataException("it has no graph with an output: it is no ONNX model");
        if (version is < OldestVersion or > NewestVersion)
            throw new InvalidDataException(
                $"it was made for version {version} of ONNX's operators, and {OldestVersion} to {NewestVersion} are read. Convert it with "
                    + "onnx.version_converter");
        var (graph, content) = (new Graph(), new Content());
        var importer = new Importer(path, file, graph, content);
        var values = new Names(null);
        var inputs = Inputs(file.Model.Graph, graph, values);
        var outputs = importer.Import(file.Model.Graph, values, new(version, "", null));
        var type = Output(graph, importer.Writer, [.. file.Model.Graph.Output.Select(output => output.Name)], outputs);
        var root = ModuleTree.Of(content.Items, ownsContent: true, training: false);
        root.eval();
        graph.eliminate_dead_code(root);
        foreach (var tensor in root.parameters().Concat(root.buffers()))
            tensor.DetachFromDisposeScope();
        return Made(root, graph, inputs, type);
    }

    /// <summary>Inputs that the file has values for are constants: models of before 2019 list their weights so.</summary>
    private static int Inputs(GraphProto source, Graph graph, Names values)
    {
        var weights = source.Initializer.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        var count = 0;
        foreach (var input in source.Input.Where(input => !weights.Contains(input.Name)))
        {
            // One that may be missing has to be given.
            var declared = input.Type?.OptionalType?.ElemType ?? input.Type;
            if ((declared?.TensorType ?? declared?.SequenceType?.ElemType?.TensorType) is not { } type)
                throw new InvalidDataException($"its input '{input.Name}' is no tensor and no list of tensors, and others can't be read");
            var isList = declared!.TensorType is null;
            var node = graph.placeholder(input.Name, isList ? typeof(Tensor[]) : typeof(Tensor));
            node.set_meta(Node.QualifiedName, Content.Path(input.Name));
            values.Set(input.Name, isList ? new ListValue(node, Elements.Of(type.ElemType).Type)
                : new TensorValue(node, Elements.Of(type.ElemType).Type, Sizes(type.Shape)));
            count++;
        }
        return count;
    }

    private static long?[]? Sizes(TensorShapeProto? shape)
        => shape is null ? null : [.. shape.Dim.Select(size => size.ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue
            && size.DimValue >= 0 ? size.DimValue : (long?)null)];

    /// <summary>One output is the result itself; several are a dictionary under their names.</summary>
    private static Type Output(Graph graph, GraphWriter writer, string[] names, Value[] outputs)
    {
        Argument[] tensors = [.. outputs.Select(Result)];
        if (tensors is [var only])
        {
            var result = outputs[0] is SequenceValue or ListValue ? typeof(Tensor[]) : typeof(Tensor);
            graph.output(only, result);
            return result;
        }
        graph.output(new DictArgument([.. names.Zip(tensors, (name, tensor) => KeyValuePair.Create<Argument,
            Argument>(new Literal(name), tensor))], typeof(Dictionary<string, object>)), typeof(Features));
        return typeof(Features);

        Argument Result(Value value) => value switch
        {
            SequenceValue { Items: var items } => new ListArgument([.. items.Select(Result)], typeof(Tensor)),
            ListValue { List: var list } => writer.Write((Tensor[] tensors) => tensors.Select(x => x.alias()).ToArray(), list),
            _ => Own(writer, writer.Tensor(value)),
        };
    }

    /// <summary>A result is its caller's to dispose, so an input or a weight is given as another tensor of the same memory.</summary>
    private static Argument Own(GraphWriter writer, Argument tensor)
        => tensor is NodeArgument { Node.op: Opcode.placeholder or Opcode.get_attr } ? writer.Write((Tensor x) => x.alias(), tensor)
            : tensor;

    private static nn.Module Made(ModuleTree root, Graph graph, int inputs, Type result)
    {
        var open = inputs == 0 ? typeof(GraphModule) : typeof(Graph).Assembly.GetType($"TorchSharp.Fx.GraphModule`{inputs + 1}");
        var type = open is null ? typeof(GraphModule) : open.IsGenericTypeDefinition
            ? open.MakeGenericType([.. graph.find_nodes(Opcode.placeholder).Select(node => node.type), result]) : open;
        return (nn.Module)Activator.CreateInstance(type, BindingFlags.Instance | BindingFlags.Public | BindingFlags.DoNotWrapExceptions,
            null, [root, graph, null], null)!;
    }
}
