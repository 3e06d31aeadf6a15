namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>What was seen while a module was called some times: results, inputs, inner values and state, in order.</summary>
internal sealed class Observation
{
    private readonly List<(string What, Snapshot Value)> seen = [];

    /// <summary>The exception that ended it.</summary>
    internal Exception? Thrown { get; set; }

    /// <summary>Whether a graph said that it is not for these inputs.</summary>
    internal bool IsRefusal => Thrown is GraphAssertionException || Thrown?.InnerException is GraphAssertionException || IsStaleHistory;

    /// <summary>libtorch brings the history of a view up to date when it is read: without a read that was dead code, it takes the view for a leaf.</summary>
    private bool IsStaleHistory => (Thrown?.InnerException ?? Thrown)?.Message.Contains("a leaf Variable that requires grad is being used in an in-place operation", StringComparison.Ordinal) is true;

    internal int Count => seen.Count;

    internal void Add(string what, object? value) => seen.Add((what, Snapshot.Of(value)));

    internal Snapshot? Find(string what) => seen.Find(entry => entry.What == what).Value;

    /// <summary>The first thing that is different in the other one.</summary>
    internal string? Difference(Observation other, Comparison comparison)
    {
        foreach (var (what, value) in seen.Where(entry => comparison.Includes(entry.What)))
        {
            if (other.Find(what) is not { } found)
            {
                if (other.Thrown is null && !comparison.IsPartial)
                    return $"{what} is missing";
                continue;
            }
            if (value.Difference(found, comparison.Tolerance, comparison.ComparesGradients) is { } difference)
                return $"{what}: {difference}";
        }
        return Thrown is null == other.Thrown is null || other.IsRefusal || (Thrown is not null && comparison.MayNotThrow) ? null : $"{Text(Thrown)} and {Text(other.Thrown)}";
    }

    internal static string Text(Exception? thrown) => thrown is null ? "no exception" : $"{(thrown.InnerException ?? thrown).GetType().Name} ({(thrown.InnerException ?? thrown).Message.Split('\n')[0]}){(ShowsStacks ? $"\n{thrown}" : "")}";

    /// <summary>FX_FUZZ_STACKS=1 shows where what was thrown comes from.</summary>
    internal static bool ShowsStacks { get; } = Environment.GetEnvironmentVariable("FX_FUZZ_STACKS") == "1";
}

/// <summary>How two observations are compared.</summary>
/// <param name="Tolerance">By how much numbers may differ.</param>
/// <param name="ComparesGradients">Whether tensors have to ask for gradients in both.</param>
/// <param name="IsPartial">Whether what only the first has is left out: a copy has the state that its graph uses.</param>
/// <param name="MayNotThrow">Whether what throws in eager may be left out.</param>
/// <param name="OnlyResults">Whether only results are compared, not inputs and state afterwards.</param>
internal sealed record Comparison(double Tolerance = 0, bool ComparesGradients = true, bool IsPartial = false, bool MayNotThrow = false, bool OnlyResults = false)
{
    internal bool Includes(string what) => !OnlyResults || what.StartsWith("result", StringComparison.Ordinal);
}
