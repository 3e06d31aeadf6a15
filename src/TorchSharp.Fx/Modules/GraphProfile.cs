using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// How long each node of a graph module takes, by <see cref="GraphModules.profile"/>. <c>ToString</c> is a table, the slowest node first.
/// Counterpart: <c>torch.profiler.profile</c>'s <c>key_averages</c>.
/// </summary>
public sealed class GraphProfile
{
    private readonly ModuleHierarchy modules;

    internal GraphProfile(ModuleHierarchy modules, IReadOnlyList<NodeTime> nodes) => (this.modules, this.nodes) = (modules, nodes);

    /// <summary>The nodes in the order in which they run, without the inputs and the output.</summary>
    public IReadOnlyList<NodeTime> nodes { get; }

    /// <summary>The nodes, the slowest first.</summary>
    public IEnumerable<NodeTime> slowest => nodes.OrderByDescending(node => node.median);

    /// <summary>The sum of all nodes' medians, in ms.</summary>
    public double total => nodes.Sum(node => node.median);

    /// <summary>The share of the total that a node takes, from 0 to 1.</summary>
    public double share(NodeTime node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return total > 0 ? node.median / total : 0;
    }

    /// <summary>The slowest nodes as a table.</summary>
    /// <param name="row_limit">The number of rows; null for all.</param>
    public string table(int? row_limit = null)
    {
        var rows = new List<string[]> { new[] { "node", "operation", "calls", "median ms", "share", "cumulative" } };
        var cumulative = 0.0;
        foreach (var node in slowest.Take(row_limit ?? int.MaxValue))
        {
            cumulative += share(node);
            rows.Add([node.node.name, node.operation, Text(node.times.Count, "0"), Text(node.median, "F3"), Text(share(node), "P1"),
                Text(cumulative, "P1")]);
        }
        return GraphText.Table(rows);
    }

    /// <inheritdoc/>
    public override string ToString() => table();

    /// <summary>The root of the modules that the graph names.</summary>
    internal nn.Module Root => modules.Root;

    internal static GraphProfile Of(GraphProgram program, object?[] args, int calls, int warmUp)
    {
        var graph = program.Current;
        Node[] nodes = [.. graph.nodes];
        var clock = new NodeClock(nodes.Length);
        var run = program.Compile(graph, clock);
        var inputs = GraphInputs.Bind(graph, args);
        var times = nodes.Select(_ => new List<double>()).ToArray();
        for (var call = -warmUp; call < calls; call++)
        {
            clock.Start();
            program.Release(run(inputs), inputs);
            if (call >= 0)
                for (var turn = 0; turn < nodes.Length; turn++)
                    times[turn].Add(clock.Milliseconds(turn));
        }
        return new(program.Source, [.. nodes.Index().Where(entry => entry.Item.op is not (Opcode.placeholder or Opcode.output))
            .Select(entry => new NodeTime(entry.Item, Operation(entry.Item, program.Source), times[entry.Index]))]);
    }

    /// <summary>The kind of a node's work: the class of the module that it calls, or the operation.</summary>
    private static string Operation(Node node, ModuleHierarchy modules) => node.target switch
    {
        ModuleTarget { Method.Name: var method } target => NameOf(modules.Module(target.Path))
            + (method is "call" or "forward" ? "" : $".{method}"),
        AttributeTarget => nameof(Opcode.get_attr),
        var target => target.name,
    };

    /// <summary>A module of an optimised graph tells what it fuses.</summary>
    private static string NameOf(nn.Module module) => module is IOperation ? module.ToString()! : module.GetType().Name.Split('`')[0];

    private static string Text(double number, string format)
        => number.ToString(format, CultureInfo.InvariantCulture).Replace(" %", "%", StringComparison.Ordinal);
}

/// <summary>How long one node took.</summary>
/// <param name="node">The node.</param>
/// <param name="operation">The class of the module that it calls, or the operation's name.</param>
/// <param name="times">The time of each call, in ms and in order.</param>
public sealed record NodeTime(Node node, string operation, IReadOnlyList<double> times)
{
    /// <summary>The median of the calls, in ms.</summary>
    public double median { get; } = MedianOf(times);

    /// <summary>The shortest of the calls, in ms.</summary>
    public double shortest => times.Min();

    internal static double MedianOf(IEnumerable<double> times)
    {
        var sorted = times.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
