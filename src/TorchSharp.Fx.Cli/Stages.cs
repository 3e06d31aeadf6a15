namespace TorchSharp.Fx.Cli;

/// <summary>How far to go from a model's code to its graph.</summary>
internal sealed class Stages
{
    internal const string Graph = "graph";
    private const string Code = "cil", After = "after:";

    /// <summary>The passes that keep a graph's meaning, in the order in which they run.</summary>
    private static readonly (string Name, Action<TracedModel> Run)[] Pipeline =
    [
        ("eliminate_dead_code", traced => traced.Graph.eliminate_dead_code(traced.Module)),
    ];

    private readonly int passes;

    private Stages(bool isCode, int passes) => (IsCode, this.passes) = (isCode, passes);

    internal static IEnumerable<string> Passes => Pipeline.Select(pass => pass.Name);

    /// <summary>Whether it ends with the code that the trace runs through.</summary>
    internal bool IsCode { get; }

    /// <param name="text"><c>cil</c>, <c>graph</c> or <c>after:PASS</c>.</param>
    internal static Stages Parse(string text)
    {
        if (text is Code or Graph)
            return new(text == Code, 0);
        var last = text.StartsWith(After, StringComparison.Ordinal) ? Array.FindIndex(Pipeline, pass => pass.Name == text[After.Length..]) : -1;
        return last >= 0 ? new(false, last + 1) : throw new ToolException(
            $"There is no stage '{text}': the stages are {Code}, {Graph} and {string.Join(", ", Passes.Select(name => After + name))}.") { IsWrongUsage = true };
    }

    /// <summary>Runs the passes up to the one that was named; the graph is checked after each.</summary>
    internal void Run(TracedModel traced)
    {
        foreach (var pass in Pipeline[..passes])
        {
            pass.Run(traced);
            traced.Graph.lint();
        }
    }
}
