using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz;

/// <summary>What became of tracing a module: a graph and the two ways to run it, a refusal, or an exception of the module's own.</summary>
internal sealed partial class TracedModule : IDisposable
{
    // All runs share the module, and each is to find it as it was.
    private readonly Tracer tracer = new() { state = TracedState.dropped };
    private readonly nn.Module<Tensor, Tensor> module;
    private readonly GraphModule? compiled;

    internal TracedModule(nn.Module<Tensor, Tensor> module, object? example)
    {
        this.module = module;
        try
        {
            var graph = example is null ? tracer.trace(module) : tracer.trace(module, [example]);
            graph.lint();
            var interpreted = new GraphInterpreter(module, graph, tracer.tensor_constants);
            compiled = new GraphModule(module, graph, tracer.tensor_constants);
            Runs = [("GraphInterpreter", x => interpreted.run(x)), ("GraphModule", x => compiled.call(x))];
            Graph = graph;
        }
        catch (TraceException refusal)
        {
            Refusal = refusal;
        }
        catch (TracedProgramException exception)
        {
            Thrown = exception.InnerException!.GetType().Name;
        }
    }

    internal TraceException? Refusal { get; }

    /// <summary>The type of what the module threw.</summary>
    internal string? Thrown { get; }

    /// <summary>Each way to run the graph; none if there is no graph.</summary>
    internal (string Name, Func<Tensor, object?> Run)[] Runs { get; } = [];

    internal Graph? Graph { get; }

    /// <summary>What both compilers' code must give: the graph in a plain form, which takes its dead code away, or what is in its place.</summary>
    internal string ToPlainText() => Graph is not null ? Plain(module, Graph) : Refusal is not null ? $"refused: {Refusal.code}" : $"throws {Thrown}";

    public void Dispose()
    {
        compiled?.Dispose();
        tracer.DisposeConstants();
    }

    /// <summary>
    /// The graph's text without what a compiler may decide: a Release compiler leaves out a value that nobody uses, and so every later number in a name
    /// differs; and code stands elsewhere.
    /// </summary>
    private static string Plain(nn.Module module, Graph graph)
    {
        graph.eliminate_dead_code(module);
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var node in graph.nodes)
            names[node.name] = $"v{names.Count}";
        var text = Place().Replace(graph.ToString(), "");
        text = Reference().Replace(text, match => Renamed(match.Value));
        return Assumption().Replace(text, match => Word().Replace(match.Value, word => Renamed(word.Value)));

        string Renamed(string name) => names.GetValueOrDefault(name, name);
    }

    [GeneratedRegex(@"(?<=%)\w+")]
    private static partial Regex Reference();

    [GeneratedRegex(@"(?<='traced with )[^;]*")]
    private static partial Regex Assumption();

    [GeneratedRegex(@"[A-Za-z_]\w*")]
    private static partial Regex Word();

    [GeneratedRegex(@" \[num_users=\d+\]| at \S+\+IL_\w+")]
    private static partial Regex Place();
}
