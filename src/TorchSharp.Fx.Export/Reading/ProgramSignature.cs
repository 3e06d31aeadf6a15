using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>The inputs and the result of a program as those of a C# method: tensors and numbers, tuples, arrays and dictionaries of
/// them.</summary>
internal static class ProgramSignature
{
    /// <summary>Makes a placeholder for each argument, and what takes the program's own inputs out of it.</summary>
    internal static void DefineInputs(GraphReader reader, ExportedProgram program)
    {
        var call = program.graph_module.module_call_graph.FirstOrDefault(entry => entry.fqn.Length == 0)?.signature
            ?? throw new InvalidDataException("does not say what its inputs are");
        var specs = program.graph_module.signature.input_specs;
        foreach (var spec in specs)
            if (spec.custom_obj is not null || spec.token is not null)
                throw new NotSupportedException("it has an input that is an object of a class of its own, which has no counterpart here");
        var leaves = new Queue<InputSpec>(specs.Where(spec => spec.user_input is not null || spec.constant_input is not null));
        if (TreeSpec.Parse(call.in_spec) is not { Children: [var positional, var named] } tree || tree.Leaves != leaves.Count
            || positional.Keys is not null || named.Keys is not { } keys)
            throw new InvalidDataException("has inputs that its description does not fit");
        var types = leaves.Select(LeafType).ToArray();
        var used = new HashSet<string>(StringComparer.Ordinal);
        var next = 0;
        foreach (var (i, argument) in positional.Children.Concat(named.Children).Index())
        {
            var name = i < positional.Children.Length ? call.forward_arg_names?.ElementAtOrDefault(i) ?? LeafName(leaves, argument)
                ?? $"input{i}" : keys[i - positional.Children.Length];
            var type = TypeOf(argument, types.AsSpan(next, argument.Leaves));
            next += argument.Leaves;
            if (!used.Add(name))
                throw new InvalidDataException($"has two inputs '{name}'");
            var placeholder = reader.Graph.placeholder(name, type);
            reader.Name(placeholder, "", placeholder.name);
            Unpack(reader, placeholder, argument, leaves, name);
        }
    }

    /// <summary>The result, and its type.</summary>
    internal static (Argument Result, Type Type) Result(ExportedProgram program, ImmutableArray<Argument> leaves)
    {
        var tree = TreeSpec.Parse(program.graph_module.module_call_graph.First(entry => entry.fqn.Length == 0).signature!.out_spec);
        if (tree.Leaves != leaves.Length)
            throw new InvalidDataException($"has {leaves.Length} results, and its description has {tree.Leaves}");
        var types = leaves.Select(leaf => leaf switch
        {
            NodeArgument { Node: var node } => node.type,
            Literal { Value: { } value } => value.GetType(),
            _ => typeof(object),
        }).ToArray();
        return (Pack(tree, new Queue<Argument>(leaves), types), TypeOf(tree, types));
    }

    private static string? LeafName(Queue<InputSpec> leaves, TreeSpec argument)
        => argument.IsLeaf && leaves.TryPeek(out var spec) ? spec.constant_input?.name ?? (spec.user_input?.arg as Value.Reference)?.Name
            : null;

    private static Type LeafType(InputSpec spec) => (spec.constant_input?.value ?? spec.user_input!.arg) switch
    {
        Value.Reference { Kind: "as_tensor" } => typeof(Tensor),
        Value.Reference { Kind: "as_sym_float" } => typeof(double),
        Value.Reference { Kind: "as_sym_bool" } => typeof(bool),
        Value.Reference => typeof(long),
        Value.Constant { Item: { } item } => item.GetType(),
        Value.Constant => typeof(object),
        _ => throw new NotSupportedException("it has an input that has no counterpart here"),
    };

    private static Type TypeOf(TreeSpec tree, ReadOnlySpan<Type> leaves)
    {
        if (tree.IsLeaf)
            return leaves[0];
        var types = new Type[tree.Children.Length];
        for (var (i, at) = (0, 0); i < types.Length; at += tree.Children[i++].Leaves)
            types[i] = TypeOf(tree.Children[i], leaves.Slice(at, tree.Children[i].Leaves));
        var common = types.Distinct().Count() == 1 ? types[0] : typeof(object);
        return tree.Keys is not null ? typeof(Dictionary<,>).MakeGenericType(typeof(string), common)
            : tree.IsList || types.Length == 0 ? common.MakeArrayType()
            : Tuple(types);
    }

    private static Type Tuple(Type[] types) => types.Length > 7
        ? typeof(ValueTuple<,,,,,,,>).MakeGenericType([.. types[..7], Tuple(types[7..])])
        : typeof(ValueTuple).Assembly.GetType($"System.ValueTuple`{types.Length}")!.MakeGenericType(types);

    private static void Unpack(GraphReader reader, Node value, TreeSpec tree, Queue<InputSpec> leaves, string name)
    {
        if (tree.IsLeaf)
        {
            Leaf(reader, value, leaves.Dequeue(), name);
            return;
        }
        if (tree.Keys is null)
            reader.Assert(Length(reader, value, tree.Children.Length),
                $"'{name}' has not {tree.Children.Length} items, as the program was exported with.");
        for (var i = 0; i < tree.Children.Length; i++)
        {
            var child = tree.Children[i];
            Argument key = tree.Keys is { } keys ? keys[i] : new Literal(i);
            var type = child.IsLeaf ? LeafType(leaves.Peek()) : TypeOf(child, [.. leaves.Take(child.Leaves).Select(LeafType)]);
            var item = reader.Add(Opcode.call_function, new BuiltinTarget(Builtin.getitem, value.type), [value, key], type, "", "getitem");
            Unpack(reader, item, child, leaves, $"{name}[{key}]");
        }
    }

    private static Argument Length(GraphReader reader, Node value, int count)
    {
        if (!value.type.IsArray)
            return new Literal(true);
        var length = reader.Add(Opcode.call_function, new BuiltinTarget(Builtin.len, value.type), [value], typeof(int), "_guards", "len");
        return reader.Add(Opcode.call_function, new BuiltinTarget(Builtin.eq, typeof(int)), [length, new Literal(count)], typeof(bool),
            "_guards", "eq");
    }

    private static void Leaf(GraphReader reader, Node value, InputSpec spec, string name)
    {
        if (spec.user_input is { arg: Value.Reference { Name: var used } })
        {
            reader.Define(used, value);
            return;
        }
        // The program was made for this value alone.
        if ((spec.constant_input?.value ?? spec.user_input!.arg) is not Value.Constant { Item: var constant })
            throw new NotSupportedException($"its input '{name}' has no counterpart here");
        if (spec.constant_input is { } given)
            reader.Define(given.name, new Literal(constant));
        if (constant is long or bool or double)
            reader.Assert(reader.Add(Opcode.call_function, new BuiltinTarget(Builtin.eq, constant.GetType()),
                [value, new Literal(constant)], typeof(bool), "_guards", "eq"),
                $"'{name}' is not {constant}, the value that the program was exported with.");
    }

    private static Argument Pack(TreeSpec tree, Queue<Argument> leaves, ReadOnlySpan<Type> types)
    {
        if (tree.IsLeaf)
            return leaves.Dequeue();
        var type = TypeOf(tree, types);
        var items = ImmutableArray.CreateBuilder<Argument>();
        for (var (i, at) = (0, 0); i < tree.Children.Length; at += tree.Children[i++].Leaves)
            items.Add(Pack(tree.Children[i], leaves, types.Slice(at, tree.Children[i].Leaves)));
        if (tree.Keys is { } keys)
            return new DictArgument([.. keys.Zip(items, (key, item) => KeyValuePair.Create<Argument, Argument>(key, item))], type);
        return type.IsArray ? new ListArgument(items.ToImmutable(), type.GetElementType()!) : new TupleArgument(items.ToImmutable(), type);
    }
}
