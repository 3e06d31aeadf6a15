using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Corpus;

/// <summary>A module in the manner of real code, and what a trace of it must do.</summary>
/// <param name="Name">The class of the module.</param>
/// <param name="About">What its code does that a tracer has to cope with.</param>
/// <param name="Make">Makes it; the same weights after the same seed.</param>
/// <param name="Calls">Makes its inputs: at least two calls of different shapes. Where the module is refused, what a user would have called it with.</param>
internal sealed record CorpusRow(string Name, string About, Func<nn.Module> Make, Func<object?[][]> Calls)
{
    /// <summary>Whether it takes an example, the first call; symbols alone must then be refused.</summary>
    public bool ByExample { get; init; }

    /// <summary>Whether a member of an input is missing in the example, which symbols alone take to be there: then they are not refused, but make another graph.</summary>
    public bool Absent { get; init; }

    /// <summary>A call that the example does not stand for: it must fail by an assertion.</summary>
    public Func<object?[]>? Breaks { get; init; }

    /// <summary>The entry of the catalogue, where the module is refused, with and without an example. The line in question ends with <c>// refused</c>.</summary>
    public string? Refusal { get; init; }

    /// <summary>What the refusal must propose, word for word.</summary>
    public string? Proposal { get; init; }

    /// <summary>Whether it is traced in training mode.</summary>
    public bool Training { get; init; }

    /// <summary>What the report must list under <c>dropped_state</c>, in order.</summary>
    public string[] Drops { get; init; } = [];

    /// <summary>What the report must list under <c>state</c>, in order.</summary>
    public string[] State { get; init; } = [];

    /// <summary>What the report must list under <c>unregistered_modules</c>, in order.</summary>
    public string[] Unregistered { get; init; } = [];

    /// <summary>The module's row of the table in <c>docs/generality.md</c>.</summary>
    public string Markdown => $"| {Name} | {About} | {(Refusal is not null ? $"refused: {Refusal} | | |" : $"{(ByExample ? "by example" : "by symbols")} | {CorpusOutcomes.Cells(Name)}")} |";
}
