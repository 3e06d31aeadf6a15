namespace TorchSharp.Fx.Tests.Corpus;

/// <summary>All modules of the corpus, by the section of <c>docs/generality.md</c> that lists them.</summary>
internal static class CorpusModules
{
    internal static readonly IReadOnlyDictionary<string, CorpusRow[]> Sections = new Dictionary<string, CorpusRow[]>
    {
        ["Vision"] = Vision.VisionCorpus.Rows,
        ["Sequence"] = Sequence.SequenceCorpus.Rows,
        ["Applications"] = Applications.ApplicationCorpus.Rows,
    };

    internal static CorpusRow Named(string name) => Sections.Values.SelectMany(rows => rows).Single(row => row.Name == name);
}
