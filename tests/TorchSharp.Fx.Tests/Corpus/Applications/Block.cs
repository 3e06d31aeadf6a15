using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Applications;

/// <summary>A module whose fields are made by their initialisers, which run before this constructor registers them.</summary>
internal abstract class Block : Module<Tensor, Tensor>
{
    protected Block() : base("Block") => RegisterComponents();
}

/// <inheritdoc cref="Block"/>
internal abstract class Block<T1, T2, TResult> : Module<T1, T2, TResult>
{
    protected Block() : base("Block") => RegisterComponents();
}

/// <inheritdoc cref="Block"/>
internal abstract class Block<T, TResult> : Module<T, TResult>
{
    protected Block() : base("Block") => RegisterComponents();
}

/// <summary>The modules of this part, by what they are for.</summary>
internal static class ApplicationCorpus
{
    internal static readonly CorpusRow[] Rows =
    [
        .. DetectorModules.Rows, .. DecoderModules.Rows, .. TextModules.Rows, .. SpeechModules.Rows, .. CodecModules.Rows, .. SegmentationModules.Rows, .. SamplerModules.Rows, .. WindowModules.Rows,
        .. LoaderModules.Rows,
    ];

    /// <summary>A row whose inputs are tensors of three shapes.</summary>
    internal static CorpusRow Row(string name, string about, Func<Module> make, params long[][] shapes) => new(name, about, make, () => [.. shapes.Select(shape => new object?[] { randn(shape) })]);
}
