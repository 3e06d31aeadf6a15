namespace TorchSharp.Fx.Vision;

/// <summary>A file or buffer is not an image that can be decoded; the message says which and why, in one sentence.</summary>
public sealed class ImageDecodeException : Exception
{
    /// <summary>For serialisers and mocks.</summary>
    public ImageDecodeException()
    {
    }

    /// <summary>An exception with a message.</summary>
    public ImageDecodeException(string message) : base(message)
    {
    }

    /// <summary>An exception with a message and its cause.</summary>
    public ImageDecodeException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
