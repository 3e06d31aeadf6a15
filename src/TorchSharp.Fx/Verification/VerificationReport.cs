using System.Globalization;
using System.Text;

namespace TorchSharp.Fx;

/// <summary>How one way of running a graph compares with the module itself.</summary>
public enum Agreement
{
    /// <summary>It does the same, within rounding, or refuses what the module refuses.</summary>
    same,
    /// <summary>The graph refuses inputs that the module takes, by an assertion: it was traced for others.</summary>
    refused,
    /// <summary>It does something else.</summary>
    different,
}

/// <summary>One way of running a graph, compared with the module itself.</summary>
/// <param name="way"><c>graph</c>, <c>evaluator</c> or <c>optimised</c>.</param>
/// <param name="training">Whether it ran in train mode.</param>
/// <param name="inputs">The inputs' types and sizes.</param>
/// <param name="agreement">What came of it.</param>
/// <param name="largest_difference">The largest difference of two numbers, relative to the largest number there; 0 where all are the same,
/// infinite where shapes, types or structures differ.</param>
/// <param name="detail">What differs, or why it was refused; empty where it is the same.</param>
/// <param name="first_node">The name of the first node whose value is known to differ; null where nothing differs or none is known.</param>
/// <param name="first_place">Where in the program that node comes from.</param>
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

/// <summary>The findings of <c>fx.verify</c>.</summary>
/// <param name="model">The name of the module's class.</param>
/// <param name="runs">Every way on every set of inputs in every mode.</param>
public sealed record VerificationReport(string model, IReadOnlyList<VerifiedRun> runs)
{
    /// <summary>
    /// Whether nothing differs. An input that the graph refuses by an assertion is no difference: nobody gets a wrong number.
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
