using System.Globalization;
using System.Text;

namespace TorchSharp.Fx;

/// <summary>How one way of running a graph compares with the module itself.</summary>
public enum Agreement
{
    /// <summary>The results are equal up to rounding, or both refuse the inputs.</summary>
    same,
    /// <summary>An assertion of the graph refuses inputs that the module accepts, because the graph was traced for other inputs.</summary>
    refused,
    /// <summary>The results differ.</summary>
    different,
}

/// <summary>One way of running a graph, compared with the module itself.</summary>
/// <param name="way"><c>graph</c>, <c>evaluator</c> or <c>optimised</c>.</param>
/// <param name="training">Whether it ran in train mode.</param>
/// <param name="inputs">The inputs' types and sizes.</param>
/// <param name="agreement">The outcome.</param>
/// <param name="largest_difference">The largest difference of two elements, relative to the largest element of the tensor; 0 where all are
/// equal, infinite where shapes, types or structures differ.</param>
/// <param name="detail">The difference, or the reason of the refusal; empty where the results are equal.</param>
/// <param name="first_node">The name of the first node whose value is known to differ; null where nothing differs or none is known.</param>
/// <param name="first_place">The place in the program that node comes from.</param>
public sealed record VerifiedRun(string way, bool training, string inputs, Agreement agreement, double largest_difference, string detail,
    string? first_node, Origin? first_place)
{
    /// <inheritdoc/>
    public override string ToString() => agreement switch
    {
        Agreement.same when detail.Length > 0 => $"{way}: {detail}",
        Agreement.same => largest_difference == 0
            ? $"{way}: the same"
                : string.Create(CultureInfo.InvariantCulture,
                    $"{way}: the same but for rounding, {largest_difference:G2} of the largest number"),
        Agreement.refused => $"{way}: refused: {detail}",
        _ => $"{way}: DIFFERENT: {detail}{First}",
    };

    private string First
        => first_node is null ? "" : $"; first at the node '{first_node}'{(first_place is null ? "" : $" ({first_place})")}";
}

/// <summary>The result of <c>fx.verify</c>.</summary>
/// <param name="model">The name of the module's class.</param>
/// <param name="runs">One entry for each way of running, set of inputs and mode.</param>
public sealed record VerificationReport(string model, IReadOnlyList<VerifiedRun> runs)
{
    /// <summary>
    /// Whether no run differs. A graph that refuses an input by an assertion does not differ: it returns no wrong result.
    /// </summary>
    public bool agrees => runs.All(run => run.agreement != Agreement.different);

    /// <summary>The runs that differ.</summary>
    public IReadOnlyList<VerifiedRun> differences => [.. runs.Where(run => run.agreement == Agreement.different)];

    /// <summary>The report as text: a heading for each mode and set of inputs, a line for each way.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var group in runs.GroupBy(run => (run.training, run.inputs)))
        {
            text.Append(CultureInfo.InvariantCulture, $"{model} in {(group.Key.training ? "train" : "eval")} mode on {group.Key.inputs}\n");
            foreach (var run in group)
                text.Append("  ").Append(run).Append('\n');
        }
        return text.Append(CultureInfo.InvariantCulture,
            $"{differences.Count} of {runs.Count} comparisons differ, {runs.Count(run => run.agreement == Agreement.refused)} are refused\n").ToString();
    }
}
