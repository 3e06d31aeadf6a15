using System.Runtime.ExceptionServices;
using ParquetSharp;

namespace TorchSharp.Fx.Data;

/// <summary>A stream whose failure comes out as it was: on its way through native code only its text would be left.</summary>
internal sealed class RememberedFailure(Stream stream) : Stream
{
    private ExceptionDispatchInfo? failure;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => stream.Length;

    public override long Position { get => stream.Position; set => throw new NotSupportedException(); }

    /// <summary>Does something that writes to it.</summary>
    internal void Telling(Action act)
    {
        try
        {
            act();
        }
        catch (ParquetException) when (failure is not null)
        {
            failure.Throw();
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Remembering(() => stream.Write(buffer, offset, count));

    public override void Flush() => Remembering(stream.Flush);

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void Remembering(Action act)
    {
        try
        {
            act();
        }
        catch (Exception error)
        {
            failure ??= ExceptionDispatchInfo.Capture(error);
            throw;
        }
    }
}
