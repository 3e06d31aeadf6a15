using System.Globalization;

namespace TorchSharp.Fx.Bench;

/// <summary>How far a goal is.</summary>
/// <param name="Work">What was done.</param>
/// <param name="Measure">What was measured, and in which unit where it is no ratio.</param>
/// <param name="Limit">What it may be at most.</param>
/// <param name="Median">What it is, by medians; not a number where it could not be measured.</param>
/// <param name="Shortest">What it is by the shortest times; null where there are none.</param>
internal sealed record GoalResult(string Work, string Measure, double Limit, double Median, double? Shortest)
{
    /// <summary>A line of the table.</summary>
    public override string ToString()
        => $"| {Work} | {Measure} | ≤ {Text(Limit)} | {(double.IsNaN(Median) ? "failed" : Text(Median))} | {(Shortest is { } shortest ? Text(shortest) : "")} | {(Median <= Limit ? "yes" : "no")} |";

    private static string Text(double number) => number.ToString("0.00", CultureInfo.InvariantCulture);
}
