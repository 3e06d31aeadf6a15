using System.Collections;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>A branch of a graph.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Module">The module whose graph it is.</param>
/// <param name="Graph">The graph, with an input for each operand.</param>
internal sealed record Branch(string Name, nn.Module Module, PlainGraph Graph);

/// <summary>A module's graph of ATen's operations, whose inputs are tensors and constants: without what only checks them, for a program
/// says that
/// by its own signature.</summary>
internal sealed class PlainGraph
{
    private readonly nn.Module module;
    private readonly Func<PlainGraph, Dictionary<Node, Fact>>? facts;
    private readonly IReadOnlyDictionary<string, Tensor>? constants;
    private readonly List<object?> inputs = [];
    private readonly Dictionary<Node, ImmutableArray<Branch>> branches = [];
    private readonly Dictionary<Node, (FreeLoop Loop, PlainGraph Turn)> loops = [];

    /// <param name="module">The graph module.</param>
    /// <param name="given">The example's inputs; in a branch nothing in the place of each operand.</param>
    /// <param name="free">The dimensions that stay free; null for a branch, where no example tells what values are.</param>
    internal PlainGraph(nn.Module module, object?[] given, FreeSizes? free)
        : this(module, ((IGraphModule)module).graph.clone(), given, free is null ? null : free.Facts,
            plain => FactFinder.Of(plain, plain.Inputs, [], (_, _) => [])) { }

    private PlainGraph(nn.Module module, Graph graph, object?[] given, Func<PlainGraph, Dictionary<Node, Fact>>? facts,
        Func<PlainGraph, Dictionary<Node, Fact>> known)
    {
        (this.module, this.facts, Graph, constants) = (module, facts, graph, ((IGraphModule)module).Program.Constants);
        foreach (var node in Graph.nodes.Where(node => node.target is BuiltinTarget { Operation: Builtin._assert }).ToArray())
            Graph.erase_node(node);
        Graph.eliminate_dead_code();
        foreach (var (node, value) in Graph.find_nodes(Opcode.placeholder).ToArray().Zip(given))
            Flatten(node, value);
        var hierarchy = new ModuleHierarchy(module, constants);
        if (facts is not null)
            WriteOutLoops();
        new Lowering(Graph, hierarchy, () => facts is null ? [] : known(this)).Run();
        Graph.eliminate_dead_code();
        foreach (var node in Graph.find_nodes(Opcode.call_module))
            if (hierarchy.Module(node.target.name) is Cond cond)
                branches.Add(node, [.. cond.Branches.Select(branch => new Branch(branch.Name, branch.Graph,
                    new(branch.Graph, [new Tensor[((ListArgument)node.args[1]).Items.Length]], free: null)))]);
    }

    /// <summary>The graph.</summary>
    internal Graph Graph { get; }

    /// <summary>The example's values, one for each input of the graph.</summary>
    internal object?[] Inputs => [.. inputs];

    /// <summary>The module and the tensors that the graph names.</summary>
    internal (nn.Module Module, IReadOnlyDictionary<string, Tensor>? Constants) Names => (module, constants);

    /// <summary>The branches of a node; none where it has none.</summary>
    internal ImmutableArray<Branch> BranchesOf(Node node) => branches.GetValueOrDefault(node, []);

    /// <summary>The facts about the values, and how sizes depend on the free dimensions.</summary>
    internal Dictionary<Node, Fact> Facts() => facts!(this);

    /// <summary>The loop that a node is, where a free dimension says how often it runs.</summary>
    internal (FreeLoop Loop, PlainGraph Turn)? LoopOf(Node node) => loops.TryGetValue(node, out var known) ? known : null;

    /// <summary>Whether a node is the stacked result of such a loop.</summary>
    internal bool IsOfLoop(Node node) => loops.Values.Any(known => known.Loop.Results.Contains(node));

    /// <summary>
    /// Loops whose number of turns is fixed become their turns, one below the other; loops in them, too. Others stay loops.
    /// </summary>
    private void WriteOutLoops()
    {
        while (Graph.nodes.Where(node => node.target is MapTarget && !loops.ContainsKey(node)).ToArray() is { Length: > 0 } open)
        {
            var facts = Facts();
            foreach (var loop in open)
                if (Turns(loop.args[0]) is { } turns)
                    WriteOut(loop, (MapTarget)loop.target, turns);
                else
                    Keep(loop, facts);

            long? Turns(Argument count) => count switch
            {
                ConvertArgument convert => Turns(convert.Value),
                Literal { Value: long or int } literal => Convert.ToInt64(literal.Value, System.Globalization.CultureInfo.InvariantCulture),
                NodeArgument { Node: var node } when facts[node] is Fact.OfNumber { Value: { IsConstant: true, Hint: var size } } => size,
                _ => null,
            };
        }
    }

    private void Keep(Node loop, IReadOnlyDictionary<Node, Fact> facts)
    {
        var kept = FreeLoop.Of(Graph, loop, facts);
        loops[loop] = (kept, new(module, kept.Body, new object?[kept.Body.find_nodes(Opcode.placeholder).Count()], InTurn, InTurn));

        // What is known of a turn's values is known from running the whole.
        Dictionary<Node, Fact> InTurn(PlainGraph turn)
        {
            loops[loop] = (kept, turn);
            return Facts();
        }
    }

    private void WriteOut(Node loop, MapTarget map, long turns)
    {
        using var here = Graph.inserting_before(loop);
        var done = new List<ImmutableArray<Argument>>();
        for (var turn = 0L; turn < turns; turn++)
        {
            var number = map.Body.nodes.First();
            var values = map.Operands.Zip(loop.args.Skip(1)).ToDictionary(pair => pair.First, pair => pair.Second);
            values[number] = number.type == typeof(int) ? checked((int)turn) : turn;
            foreach (var node in map.Body.nodes.Where(node => node.op is not (Opcode.placeholder or Opcode.output)))
            {
                var copy = Graph.create_node(node.op, node.target, [.. node.args.Select(argument => argument.map(inner => values[inner]))],
                    node.type, node.name);
                copy.StandsFor(node);
                values[node] = copy;
            }
            done.Add([.. map.Results.Select(result => result.map(inner => values[inner]))]);
        }
        Argument[] collected = [.. map.Results.Select((_, i) =>
            new ListArgument([.. done.Select(results => results[i])], typeof(Tensor)))];
        Put(loop, collected is [var only] ? only : new TupleArgument([.. collected], loop.type));
        Graph.erase_node(loop);
    }

    /// <summary>An input that is a structure becomes an input for each thing in it.</summary>
    private void Flatten(Node placeholder, object? value)
    {
        if (IsLeaf(value))
        {
            inputs.Add(value);
            return;
        }
        using (Graph.inserting_before(placeholder))
        {
            var count = 0;
            Put(placeholder, Parts(value, value!.GetType()));

            Argument Parts(object? part, Type type) => part switch
            {
                IDictionary dictionary => new DictArgument([.. dictionary.Keys.Cast<object>().Select(key
                    => KeyValuePair.Create<Argument, Argument>(new Literal(key), Parts(dictionary[key], typeof(object))))], part.GetType()),
                ITuple tuple => new TupleArgument([.. Structure.Items(tuple).Select(item => Parts(item, typeof(object)))], part.GetType()),
                IList list => new ListArgument([.. list.Cast<object?>().Select(item => Parts(item, Item(list)))], Item(list)),
                _ => Leaf(part, part?.GetType() ?? type),
            };

            Argument Leaf(object? leaf, Type type)
            {
                if (!IsLeaf(leaf))
                    throw new NotSupportedException(
                        $"input '{placeholder.name}' holds a {leaf!.GetType().Name}: a program takes tensors, constants, and tuples, "
                            + "lists and dictionaries of them");
                inputs.Add(leaf);
                return Graph.placeholder($"{placeholder.name}_{count++}", TensorTypes.IsTensor(type) ? typeof(Tensor) : type);
            }
        }
        Graph.erase_node(placeholder);
    }

    private static Type Item(IList list)
        => list.GetType().GetElementType() ?? list.GetType().GetGenericArguments().FirstOrDefault() ?? typeof(object);

    private static bool IsLeaf(object? value) => value is null or Tensor or string or bool or long or int or double;

    /// <summary>Whoever takes a part of a structure takes the part's own input.</summary>
    private void Put(Node node, Argument value)
    {
        foreach (var user in node.users.ToArray())
            if (Part(user, value) is { } part)
            {
                Put(user, part);
                Graph.erase_node(user);
            }
        if (value is NodeArgument { Node: var input })
            node.replace_all_uses_with(input);
        else
            Lowering.PutIn(node, value);
    }

    private static Argument? Part(Node user, Argument value) => (user.target, value) switch
    {
        (BuiltinTarget { Operation: Builtin.len }, ListArgument list) => list.Items.Length,
        (BuiltinTarget { Operation: Builtin.len }, DictArgument dict) => dict.Entries.Length,
        (BuiltinTarget { Operation: Builtin.getitem }, DictArgument dict)
            => dict.Entries.FirstOrDefault(entry => entry.Key.Equals(user.args[1])).Value,
        (BuiltinTarget { Operation: Builtin.getitem }, ListArgument list) when user.args[1] is Literal { Value: int at } => list.Items[at],
        (BuiltinTarget { Operation: Builtin.getitem }, TupleArgument tuple) when user.args[1] is Literal { Value: int at }
            => tuple.Items[at],
        (MemberTarget { Member.Name: var name }, TupleArgument tuple) when name.StartsWith("Item", StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(4), out var at) => tuple.Items[at - 1],
        _ => null,
    };
}
