using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>Differences that are known and not mended yet: which programs are not compared, in which ways, and why.</summary>
/// <param name="Reason">What is wrong.</param>
/// <param name="Ways">The names of the ways, a regular expression.</param>
/// <param name="Code">What the programs have in common, a regular expression.</param>
internal sealed record KnownDifference(string Reason, string Ways, string Code)
{
    internal static KnownDifference[] All { get; } =
    [
        new("Writes, draws and statistics of operations and opaque leaves are not all known to the passes.", "common|dead code|standard|folding|parts|fused|optimised|extractor|numerals|features", "."),
        new("A seed that is set in forward is not recorded.", ".", @"manual_seed"),
        new("Gradient modes are not recorded.", ".", @"no_grad|enable_grad|average"),
        new("Modules in unregistered dictionaries get paths that lead nowhere.", ".", @"heads\["),
        new("A tensor that a leaf keeps is disposed with the example.", ".", @"keeper\."),
        new("A null input is not asserted.", ".", @"Tensor\? e|int\? e|bool\? e"),
        new("Writes to tensors that nobody registered are done while tracing.", ".", @"raw\[0\]"),
        new("A store into an array that is an input is lost.", ".", @"e\[1\] ="),
        new("TorchScript: dropout in place outside of training, writes through einsum.", "TorchScript", "."),
        new("The non-generic graph module can't be traced again.", "retraced", "."),
    ];

    /// <summary>FX_FUZZ_KNOWN=1 shows these, too: for who mends one.</summary>
    private static bool ComparesAll { get; } = Environment.GetEnvironmentVariable("FX_FUZZ_KNOWN") == "1";

    /// <summary>Whether a program is left out in a way.</summary>
    internal static bool Covers(string way, string code) => !ComparesAll && Array.Exists(All, known => Regex.IsMatch(way, known.Ways) && Regex.IsMatch(code, known.Code));
}
