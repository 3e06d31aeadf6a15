namespace TorchSharp.Fx.Vision;

/// <summary>A file or buffer is not an image that can be decoded; the message says which and why, in one sentence.</summary>
public sealed class ImageDecodeException : Exception
{
    /// <summary>For the serialisers and mocks that need one.</summary>
    public ImageDecodeException()
    {
    }

    /// <summary>Says what is wrong.</summary>
    public ImageDecodeException(string message) : base(message)
    {
    }

    /// <summary>Says what is wrong and what it followed from.</summary>
    public ImageDecodeException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
