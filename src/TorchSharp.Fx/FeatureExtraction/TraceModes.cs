namespace TorchSharp.Fx;

/// <summary>The modes that feature extraction traces a model in.</summary>
public enum TraceModes
{
    /// <summary>Train and eval mode, as torchvision does it.</summary>
    both,

    /// <summary>Train mode only; the extractor throws in eval mode.</summary>
    train,

    /// <summary>Eval mode only; the extractor throws in train mode.</summary>
    eval,
}
