namespace TorchSharp.Fx.Tests.Corpus.Sequence;

/// <summary>Language, speech, graphs, losses, policies, and what is refused.</summary>
internal static class SequenceCorpus
{
    internal static readonly CorpusRow[] Rows =
    [
        .. LlamaModules.Rows,
        .. AttentionModules.Rows,
        .. CacheModules.Rows,
        .. LossModules.Rows,
        .. SpeechModules.Rows,
        .. EncoderModules.Rows,
        .. GraphModules.Rows,
        .. MixtureModules.Rows,
        .. PolicyModules.Rows,
        .. StructureModules.Rows,
        .. RefusedModules.Rows,
    ];
}
