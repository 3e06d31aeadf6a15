using System.Collections.Immutable;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Makes a graph module of an exported program.</summary>
internal static class ProgramReader
{
    private static readonly MethodInfo Copy = typeof(Tensor).GetMethod(nameof(Tensor.copy_), [typeof(Tensor), typeof(bool)])!;

    internal static nn.Module Read(ProgramArchive archive)
    {
        using var scope = NewDisposeScope();
        var program = archive.Program();
        using var state = new ProgramState(archive, program);
        var reader = new GraphReader(Regions.Opened(program.graph_module.graph), state);
        try
        {
            ProgramSignature.DefineInputs(reader, program);
            Assumptions.Assert(reader, program);
            reader.Read();
            Finish(reader, program, state);
            var module = Module(reader, state);
            state.Keep();
            foreach (var tensor in module.parameters().Concat(module.buffers()))
                tensor.DetachFromDisposeScope();
            return module;
        }
        catch
        {
            reader.Layers.Dispose();
            throw;
        }
    }

    /// <summary>Writes the program's new values of buffers where they belong, and makes the output.</summary>
    private static void Finish(GraphReader reader, ExportedProgram program, ProgramState state)
    {
        var results = ImmutableArray.CreateBuilder<Argument>();
        foreach (var spec in program.graph_module.signature.output_specs)
            switch (spec)
            {
                case { user_output.arg: var value }: results.Add(reader.Find(value)); break;
                case { buffer_mutation: { } buffer }: Write(buffer.arg.name, buffer.buffer_name); break;
                case { parameter_mutation: { } parameter }: Write(parameter.arg.name, parameter.parameter_name); break;
                case { user_input_mutation: { } input }: Assign(reader.Find(new Value.Reference(input.user_input_name, "as_tensor")),
                    input.arg.name); break;
                default: throw new NotSupportedException("it returns a loss, gradients or an object, which has no counterpart here");
            }
        var (result, type) = ProgramSignature.Result(program, results.ToImmutable());
        reader.Graph.output(result, type);

        void Write(string value, string name)
        {
            var input = program.graph_module.signature.input_specs.Select(spec => spec.buffer is { } buffer
                ? (buffer.arg.name, buffer.buffer_name) : spec.parameter is { } parameter ? (parameter.arg.name, parameter.parameter_name)
                : default)
                .FirstOrDefault(known => known.Item2 == name);
            Assign(reader.Find(new Value.Reference(input.Item1
                ?? throw new InvalidDataException($"writes to '{name}', which it does not have"), "as_tensor")), value);
        }

        void Assign(Argument target, string value)
        {
            var source = reader.Find(new Value.Reference(value, "as_tensor"));
            if (!target.Equals(source))
                reader.Add(Opcode.call_method, new MethodTarget(Copy), [target, source, false], typeof(Tensor), "", "copy_");
        }
    }

    private static nn.Module Module(GraphReader reader, ProgramState state)
    {
        // In the order of the state_dict.
        var layers = reader.Layers.Made.ToDictionary(StringComparer.Ordinal);
        var content = new OrderedDictionary<string, object>(StringComparer.Ordinal);
        foreach (var (name, tensor) in state.All().Concat(reader.Attributes.Select(entry => (entry.Key, entry.Value))))
            if (layers.TryGetValue(ModuleHierarchy.Split(name).Prefix, out var layer))
                content.TryAdd(ModuleHierarchy.Split(name).Prefix, layer);
            else
                content.TryAdd(name, tensor);
        foreach (var (path, module) in reader.Layers.Made.Concat(reader.Branches))
            content.TryAdd(path, module);
        var root = ModuleTree.Of(content, ownsContent: true, training: false);
        Type[] signature = [.. reader.Graph.find_nodes(Opcode.placeholder).Select(node => node.type), reader.Graph.output_node().type];
        var type = signature.Length is > 1 and <= 7
            ? typeof(Graph).Assembly.GetType($"TorchSharp.Fx.GraphModule`{signature.Length}")!.MakeGenericType(signature)
            : typeof(GraphModule);
        reader.Graph.lint();
        var made = (nn.Module)Activator.CreateInstance(type, BindingFlags.Instance | BindingFlags.Public | BindingFlags.DoNotWrapExceptions,
            null, [root, reader.Graph, reader.Constants], null)!;
        // The module has handles of its own on these.
        foreach (var constant in reader.Constants.Values)
            constant.Dispose();
        made.eval();
        return made;
    }
}
