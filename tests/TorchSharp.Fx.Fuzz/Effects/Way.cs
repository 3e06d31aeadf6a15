using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>Something that is held to eager.</summary>
/// <param name="Name">Its name.</param>
/// <param name="OneIn">How many programs have it tried once; what takes long is tried less often.</param>
/// <param name="Difference">What it does otherwise than eager.</param>
/// <param name="Refusal">The exception it may refuse a program with.</param>
internal sealed record Way(string Name, int OneIn, Func<Scenario, Observation, string?> Difference, Type? Refusal = null)
{
    private static readonly Comparison Copied = new(IsPartial: true), Rounded = new(Tolerance: 1e-3, ComparesGradients: false, MayNotThrow: true, OnlyResults: true);

    // A file's tensors start elsewhere in memory than the model's, and the last bit of a product goes by that, too.
    internal static Way[] All { get; } =
    [
        new("evaluator", 1, Ways.Evaluator),
        new("compiled form", 1, Ways.Of(traced => traced.GraphModule)),
        new("common subexpressions", 2, Ways.Passed(new(Pass.common_subexpressions))),
        new("dead code", 2, Ways.Passed(new(Pass.dead_code))),
        new("standard passes", 1, Ways.Passed(PassManager.standard)),
        new("constant folding", 3, Ways.Folded),
        new("parts", 3, Ways.Of(traced => traced.GraphModule.split_module(Ways.Part(traced))), typeof(ArgumentException)),
        new("clone", 4, Ways.Copy(traced => traced.GraphModule.clone(), Copied), typeof(NotSupportedException)),
        new("sharing clone", 8, Ways.Of(traced => traced.GraphModule.clone(share_parameters: true))),
        new("saved", 10, Ways.Copy(Ways.Reloaded, Copied with { Tolerance = 1e-6 }), typeof(NotSupportedException)),
        new("retraced", 8, Ways.Retraced),
        new("fused", 4, Ways.InEvaluation(Ways.Copy(traced => optimization.fuse(traced.GraphModule, traced.Scenario.Inputs(0)), Rounded)), typeof(NotSupportedException)),
        new("optimised copy", 4, Ways.InEvaluation(Ways.Copy(traced => traced.GraphModule.optimize_for_inference(), Rounded)), typeof(NotSupportedException)),
        new("extractor", 2, Extraction.Difference),
        new("gradients", 2, Gradients.Difference),
        new("gradients of features", 4, Gradients.OfFeatures),
        new("four threads", 10, FourThreads.Difference),
        new("other culture", 15, Ways.InCulture("sv-SE", Ways.Of(traced => traced.GraphModule))),
        new("other numerals", 15, Ways.InCulture("ar-SA", Extraction.Difference)),
        new("model after tracing", 2, Ways.Untouched),
        new("ONNX Runtime", 20, Exports.Onnx, typeof(NotSupportedException)),
        new("TorchScript", 20, Exports.TorchScript, typeof(NotSupportedException)),
    ];

    /// <summary>Whether a program is traced in the other mode, too, where eager may throw although it doesn't in its own.</summary>
    internal bool HasBothModes => Name is "extractor" or "other numerals" or "gradients of features";

    /// <summary>Whether a seed's program is run this way.</summary>
    internal bool IsFor(int seed) => Chosen is null ? (uint)HashCode(seed) % OneIn == 0 : Regex.IsMatch(Name, Chosen);

    /// <summary>FX_FUZZ_WAYS='ONNX|TorchScript' runs each program those ways and no other.</summary>
    private static string? Chosen { get; } = Environment.GetEnvironmentVariable("FX_FUZZ_WAYS");

    private int HashCode(int seed) => Name.Aggregate(seed, (sum, letter) => unchecked(sum * 33 + letter)) >> 3;
}
