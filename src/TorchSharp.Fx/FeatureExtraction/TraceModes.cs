namespace TorchSharp.Fx;

/// <summary>The modes that feature extraction traces a model in.</summary>
public enum TraceModes
{
    /// <summary>Train and eval mode, as torchvision does it.</summary>
    both,

    /// <summary>Train mode alone: in eval mode the extractor says that it was not traced.</summary>
    train,

    /// <summary>Eval mode alone: in train mode the extractor says that it was not traced.</summary>
    eval,
}
