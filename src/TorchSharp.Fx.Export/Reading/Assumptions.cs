using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>A program's assumptions about its inputs, as nodes that throw where it does not hold: sizes, their ranges, and the guards that
/// PyTorch found.</summary>
internal sealed partial class Assumptions
{
    private readonly GraphReader reader;
    private readonly ExportedProgram program;
    private readonly Dictionary<string, (Node Value, string Text)> symbols = new(StringComparer.Ordinal);

    private Assumptions(GraphReader reader, ExportedProgram program) => (this.reader, this.program) = (reader, program);

    internal static void Assert(GraphReader reader, ExportedProgram program)
    {
        var assumptions = new Assumptions(reader, program);
        foreach (var spec in program.graph_module.signature.input_specs)
            if (spec.user_input?.arg is Value.Reference { Kind: "as_tensor", Name: var name }
                && program.graph_module.graph.tensor_values.TryGetValue(name, out var meta))
                assumptions.Sizes(name, ((NodeArgument)reader.Find(spec.user_input.arg)).Node, meta);
        foreach (var guard in program.guards_code ?? [])
            assumptions.Guard(guard);
    }

    private void Sizes(string name, Node tensor, TensorMeta meta)
    {
        var rank = Compute(Builtin.eq, typeof(long), typeof(bool), Of(tensor, "ndim"), new Literal((long)meta.sizes.Count));
        reader.Assert(rank, $"'{name}' has not {meta.sizes.Count} dimensions, as the program was exported with.");
        for (var i = 0; i < meta.sizes.Count; i++)
            switch (meta.sizes[i])
            {
                case Value.Constant { Item: long size }:
                    reader.Assert(Compute(Builtin.eq, typeof(long), typeof(bool), Size(tensor, i), new Literal(size)),
                        $"Size {i} of '{name}' is not {size}, as the program was exported with.");
                    break;
                case Value.Expression { Text: var text } when Symbol().Match(text) is { Success: true } match:
                    OfSymbol(match.Groups[1].Value, Size(tensor, i), 1, $"size {i} of '{name}'");
                    break;
                case Value.Expression { Text: var text } when Multiple().Match(text) is { Success: true } match
                    && long.TryParse(match.Groups[1].Value, out var factor) && factor > 0:
                    OfSymbol(match.Groups[2].Value, Size(tensor, i), factor, $"size {i} of '{name}'");
                    break;
            }
    }

    /// <summary>The first size of a symbol is its value, which the program gives a range; the others are equal to it.</summary>
    private void OfSymbol(string symbol, Node size, long factor, string what)
    {
        var value = size;
        if (factor > 1)
        {
            var rest = Compute(Builtin.mod, typeof(long), typeof(long), size, new Literal(factor));
            reader.Assert(Compute(Builtin.eq, typeof(long), typeof(bool), rest, new Literal(0L)),
                $"The {what} is no multiple of {factor}, as the program was exported with.");
            value = Compute(Builtin.floordiv, typeof(long), typeof(long), size, new Literal(factor));
        }
        if (symbols.TryGetValue(symbol, out var known))
        {
            reader.Assert(Compute(Builtin.eq, typeof(long), typeof(bool), value, known.Value),
                $"The {what} does not agree with {known.Text}.");
            return;
        }
        symbols.Add(symbol, (value, what));
        var range = program.range_constraints.GetValueOrDefault(symbol);
        // PyTorch writes the range that every size has, too.
        if (range?.min_val is > 0 and var least)
            reader.Assert(Compute(Builtin.ge, typeof(long), typeof(bool), value, new Literal(least)),
                $"The {what} is less than {least * factor}, the least that the program was exported for.");
        if (range?.max_val is < int.MaxValue and var most)
            reader.Assert(Compute(Builtin.le, typeof(long), typeof(bool), value, new Literal(most)),
                $"The {what} is more than {most * factor}, the most that the program was exported for.");
    }

    private void Guard(string guard)
    {
        var parser = new GuardParser(guard, this);
        if (parser.Parse() is { } condition)
            reader.Assert(condition, $"The inputs break an assumption that the program was exported with: {guard}");
        else
            export.warn($"The program assumes '{guard}', which its graph does not check.");
    }

    /// <summary>An input by the path that a guard has for it; null where there is none.</summary>
    internal Node? Input(string name)
        => reader.Graph.find_nodes(Opcode.placeholder).FirstOrDefault(node => node.target.name == name);

    internal Node Size(Node tensor, int dimension)
    {
        var size = Compute(Opcode.call_method, new MethodTarget(typeof(Tensor).GetMethod("size", [typeof(int)])!), typeof(long), "size",
            tensor, new Literal(dimension));
        return size;
    }

    internal Node Compute(Builtin operation, Type operands, Type result, params Argument[] args)
        => Compute(Opcode.call_function, new BuiltinTarget(operation, operands), result, operation.ToString().TrimEnd('_'), args);

    private Node Of(Node tensor, string property)
        => Compute(Opcode.call_function, new MemberTarget(typeof(Tensor).GetProperty(property)!), typeof(long), property, tensor);

    private Node Compute(Opcode op, Target target, Type type, string name, params Argument[] args)
        => reader.Add(op, target, [.. args], type, "_guards", name);

    [GeneratedRegex(@"^Symbol\('(\w+)'[^()]*\)$")]
    private static partial Regex Symbol();

    [GeneratedRegex(@"^Mul\(Integer\((\d+)\), Symbol\('(\w+)'[^()]*\)\)$")]
    private static partial Regex Multiple();
}
