namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Detection, segmentation, backbones, generative models and their losses.</summary>
internal static class VisionCorpus
{
    internal static readonly CorpusRow[] Rows =
    [
        .. DetectionHeads.Rows,
        .. Pyramids.Rows,
        .. Windows.Rows,
        .. Diffusion.Rows,
        .. Backbones.Rows,
        .. Generative.Rows,
        .. Motion.Rows,
        .. Losses.Rows,
        .. Structures.Rows,
        .. ModuleShapes.Rows,
        .. SideTalk.Rows,
        .. OpaqueCode.Rows,
    ];
}
