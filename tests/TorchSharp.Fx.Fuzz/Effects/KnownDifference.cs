using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>Differences that are known and not mended yet: which programs are not compared, in which ways, and why.</summary>
/// <param name="Reason">What is wrong.</param>
/// <param name="Ways">The names of the ways, a regular expression.</param>
/// <param name="Code">What the programs have in common, a regular expression.</param>
internal sealed record KnownDifference(string Reason, string Ways, string Code)
{
    internal static KnownDifference[] All { get; } = [];

    /// <summary>Where numbers may differ by a rounding, a decision by them may come out otherwise.</summary>
    private static KnownDifference Decided { get; } = new("A rounding turns a decision.", "fused|optimised|ONNX|TorchScript", @"bernoulli|> 0\.5|> 0,");

    /// <summary>The graph leaves a store into an input of the caller's to the program, and the report of the trace says so.</summary>
    private static KnownDifference Reported { get; } = new("The report says it.", ".", @"e\[1\] =");

    /// <summary>A copy has the hooks of its source, which are code: what that holds is the source's.</summary>
    private static KnownDifference HeldByHook { get; } = new("A hook of a copy reads the source's buffer.", "clone|fused|optimised", @"o \+ buffer");

    /// <summary>Passes that compute ahead say that later changes of a parameter don't count: here the caller writes to one that he was given.</summary>
    private static KnownDifference Folded { get; } = new("The caller changes what was computed ahead.", "optimised", @"return.*\bweight\b");

    private static KnownDifference[] NoFaults { get; } = [Decided, Reported, HeldByHook, Folded];

    /// <summary>FX_FUZZ_KNOWN=1 shows these, too: for who mends one.</summary>
    private static bool ComparesAll { get; } = Environment.GetEnvironmentVariable("FX_FUZZ_KNOWN") == "1";

    /// <summary>Whether a program is left out in a way.</summary>
    internal static bool Covers(string way, string code) => Array.Exists(ComparesAll ? NoFaults : (KnownDifference[])[.. All, .. NoFaults], known => Regex.IsMatch(way, known.Ways) && Regex.IsMatch(code, known.Code));
}
