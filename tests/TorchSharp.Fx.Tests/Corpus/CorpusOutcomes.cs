namespace TorchSharp.Fx.Tests.Corpus;

/// <summary>What can't be made of the graph of a module of the corpus, and why: a part of the message. All else can.</summary>
internal static class CorpusOutcomes
{
    internal static readonly IReadOnlyDictionary<string, string> NotOptimised = new Dictionary<string, string>
    {
        ["ScriptedHead"] = "TorchSharp keeps it in native code",
        ["ScriptedParts"] = "TorchSharp keeps it in native code",
    };

    internal static readonly IReadOnlyDictionary<string, string> NotSaved = new Dictionary<string, string>
    {
        ["ScriptedHead"] = "is native and keeps its settings to itself",
        ["ScriptedParts"] = "is native and keeps its settings to itself",
        ["StraightThrough"] = "it calls TorchSharp.torch+autograd+SingleTensorFunction",
    };

    /// <summary>Modules that draw at random: ONNX Runtime draws other numbers, so that only shapes and types are compared.</summary>
    internal static readonly IReadOnlySet<string> Drawing = new HashSet<string> { "ConditionalGenerator", "GaussianPolicy", "MaskedAutoencoder" };

    internal static readonly IReadOnlyDictionary<string, string> NotExported = new Dictionary<string, string>
    {
        ["CategoricalPolicy"] = "there is no converter for 'log_prob'",
        ["LazyProjection"] = "there is no converter for 'constant_'",
        ["PackedLstm"] = "it reads a packed sequence",
        ["ScriptedHead"] = "there is no converter for 'scriptmodule`2'",
        ["ScriptedParts"] = "there is no converter for 'scriptmodule`2'",
        ["StraightThrough"] = "there is no converter for 'apply'",
    };

    /// <summary>The cells of the document's row.</summary>
    internal static string Cells(string name) => string.Join(" | ", new[] { NotOptimised, NotSaved, NotExported }.Select(excepted => excepted.TryGetValue(name, out var reason) ? $"no: {reason}" : "yes"));
}
