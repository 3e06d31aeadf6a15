namespace TorchSharp.Fx.Cli;

/// <summary>How far to go from a model's code to its graph.</summary>
internal sealed class Stages
{
    internal const string Graph = "graph";
    private const string Code = "cil", After = "after:";

    private readonly IReadOnlyList<Pass> passes;

    private Stages(bool isCode, params IReadOnlyList<Pass> passes) => (IsCode, this.passes) = (isCode, passes);

    /// <summary>The passes by name, in the order in which they run.</summary>
    internal static IEnumerable<string> Passes => PassManager.standard.passes.Select(pass => pass.name);

    /// <summary>Whether it ends with the code that the trace runs through.</summary>
    internal bool IsCode { get; }

    /// <param name="text"><c>cil</c>, <c>graph</c> or <c>after:PASS</c>.</param>
    internal static Stages Parse(string text)
    {
        if (text is Code or Graph)
            return new(text == Code);
        var before = PassManager.standard.passes.TakeWhile(pass => After + pass.name != text).ToArray();
        return before.Length < PassManager.standard.passes.Count
            ? new(false, [.. PassManager.standard.passes.Take(before.Length + 1)])
            : throw new ToolException(
                $"There is no stage '{text}': the stages are {Code}, {Graph}, {string.Join(", ", Passes.Select(name => After + name))}.") { IsWrongUsage = true };
    }

    /// <summary>Runs the passes up to the one that was named.</summary>
    internal void Run(TracedModel traced)
    {
        if (passes.Count == 0)
            return;
        using var made = traced.Module is IGraphModule ? null : new GraphModule(traced.Module, traced.Graph, traced.Constants);
        new PassManager(passes).call((IGraphModule?)made ?? (IGraphModule)traced.Module);
    }
}
