using System.Collections.Immutable;
using System.Runtime.InteropServices;
using TorchSharp.Fx.Onnx.Format;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>Walks the nodes of a file and adds what each computes to a graph.</summary>
internal sealed class Importer
{
    // What a file may grow to, its functions called and its loops unrolled.
    private const int MostNodes = 500_000, MostDepth = 64;

    private readonly string path;
    private readonly ModelFile file;
    private readonly Graph graph;
    private readonly GraphWriter writer;
    private readonly NodeNames names;
    private readonly Dictionary<(string Domain, string Name), FunctionProto> functions = [];
    private int count, depth;

    internal Importer(string path, ModelFile file, Graph graph, Content content)
    {
        (this.path, this.file, this.graph) = (path, file, graph);
        writer = new(graph, weight => graph.get_attr(content.Add(weight)), content);
        names = new(file.Model.Graph.Node);
        foreach (var function in file.Model.Functions)
            functions[(Domain(function.Domain), function.Name)] = function;
    }

    internal GraphWriter Writer => writer;

    /// <summary>Adds the nodes of a graph.</summary>
    /// <param name="source">The graph in the file.</param>
    /// <param name="values">What its inputs stand for, and what it can see of the graph around it. Filled with what its nodes
    /// compute.</param>
    /// <param name="setting">The versions of the operators, and where the graph is.</param>
    /// <returns>Its outputs.</returns>
    internal Value[] Import(GraphProto source, Names values, Setting setting)
    {
        foreach (var tensor in source.Initializer)
            if (tensor.Name.Length > 0)
                values.Set(tensor.Name, Constant(tensor, tensor.Name));
        Import(source.Node, values, setting);
        return [.. source.Output.Select(output => values.Find(output.Name)
            ?? throw new InvalidDataException($"no node gives its output '{output.Name}'"))];
    }

    internal ConstantValue Constant(TensorProto tensor, string name, bool isComputed = false)
        => new(new Weight(name, Elements.Of(tensor.DataType).Type, [.. tensor.Dims], () =>
            Elements.Read(tensor, file)) { IsComputed = isComputed });

    private void Import(IEnumerable<NodeProto> nodes, Names values, Setting setting)
    {
        if (++depth > MostDepth)
            throw new InvalidDataException($"its graphs and functions lie deeper than {MostDepth} in each other");
        foreach (var node in nodes)
        {
            if (++count > MostNodes || graph.Count > MostNodes)
                throw new InvalidDataException($"with its functions called and its loops unrolled it has more than {MostNodes} nodes");
            var place = names.Of(node, setting.Prefix);
            try
            {
                Convert(node, place, values, setting);
            }
            catch (Exception error)
                when (error is NotSupportedException or ArgumentException or InvalidOperationException or ArithmeticException
                    or IndexOutOfRangeException or ExternalException or TraceException or TracedProgramException
                && error is not OnnxImportException)
            {
                throw new OnnxImportException(path, place.Own, node.OpType, error.Message.Split('\n')[0], error);
            }
        }
        depth--;
    }

    private void Convert(NodeProto node, NodeNames.Place place, Names values, Setting setting)
    {
        ImmutableArray<Value?> inputs = [.. node.Input.Select(name => name.Length == 0 ? null : values.Find(name)
            ?? throw new NotSupportedException($"it reads '{name}', which nothing before it gives"))];
        var domain = Domain(node.Domain);
        var before = graph.End.prev;
        var results = functions.TryGetValue((domain, node.OpType), out var function)
            ? Call(function, node, inputs, place, setting)
            : Convert(node, inputs, place, values, setting, OperatorTable.Find(domain, node.OpType));
        foreach (var (name, value) in node.Output.Zip(results))
            if (name.Length > 0)
                values.Set(name, value);
        if (node.Output.Count > results.Length && node.Output.Skip(results.Length).Any(name => name.Length > 0))
            throw new NotSupportedException($"it has {node.Output.Count} outputs, and {results.Length} of them are supported");
        Name(before, results, place);
    }

    private Value[] Convert(NodeProto node, ImmutableArray<Value?> inputs, NodeNames.Place place, Names values, Setting setting,
        Converter converter)
    {
        var operation = new OnnxNode(writer, setting.Version, inputs, new Attributes(node, setting.Attributes), place)
        {
            Outputs = node.Output.Count,
            Constants = tensor => Constant(tensor, place.Layer, isComputed: true),
            Subgraph = (inner, given) => Import(inner, values.Inner(inner.Input.Select(input => input.Name), given),
                setting with { Prefix = place.Layer }),
        };
        var results = SizeArithmetic.Convert(node.OpType, operation, converter) ?? Folding.Convert(node.OpType, operation, converter)
            ?? converter(operation);
        operation.Attributes.RefuseUnread();
        return results;
    }

    /// <summary>A function is written out where it is called.</summary>
    private Value[] Call(FunctionProto function, NodeProto node, ImmutableArray<Value?> inputs, NodeNames.Place place, Setting setting)
    {
        var values = new Names(null);
        foreach (var (name, value) in function.Input.Zip(inputs))
            values.Set(name, value);
        foreach (var left in function.Input.Skip(inputs.Length))
            values.Set(left, null);
        var versions = function.OpsetImport.Count > 0 ? Setting.VersionOf(function.OpsetImport) ?? setting.Version : setting.Version;
        Import(function.Node, values, new(versions, place.Layer, new Attributes(node, setting.Attributes, function)));
        return [.. function.Output.Select(name => values.Find(name) ?? throw new NotSupportedException($"the function gives no '{name}'"))];
    }

    /// <summary>Gives the nodes that were added the names that they are known by.</summary>
    private void Name(Node before, Value[] results, NodeNames.Place place)
    {
        var main = results.OfType<TensorValue>().FirstOrDefault()?.Node;
        for (var node = before.next; node != graph.End; node = node.next)
        {
            if (node.get_meta(Node.QualifiedName) is not null)
                continue;
            // A module may lie elsewhere than its node's name says, where others lie inside of that.
            var name = node.op == Opcode.get_attr ? ModuleHierarchy.Join(place.Module, node.name)
                : node == main && place.IsLayer ? place.Layer
                : node.op == Opcode.call_module ? node.target.name : ModuleHierarchy.Join(place.Module, node.target.name);
            if (node != main && node.op is not (Opcode.call_module or Opcode.get_attr))
                name = ModuleHierarchy.Join(node.type == typeof(Tensor) ? place.Layer : place.Module, node.target.name);
            node.set_meta(Node.QualifiedName, names.Unique(name));
            node.origin = new Origin(place.Module, place.Own, null);
        }
    }

    private static string Domain(string name) => name == "ai.onnx" ? "" : name;
}
