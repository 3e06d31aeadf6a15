using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>One input of a data set. It becomes one row of the result, even if it is broken.</summary>
/// <param name="Row">Its index among the inputs, from 0.</param>
/// <param name="Path">Its name in the result: relative to the source, with slashes.</param>
/// <param name="Content">The source of its content.</param>
/// <param name="Values">Values to pass on to the result, one for each of the source's <see cref="DataSource.Columns"/>.</param>
public sealed record DataItem(long Row, string Path, ItemContent Content, IReadOnlyList<object?> Values);

/// <summary>The source of an input's content.</summary>
public abstract record ItemContent;

/// <summary>Bytes that are read when they are needed.</summary>
/// <param name="Location">The location of the bytes.</param>
public sealed record StoredContent(ContentLocation Location) : ItemContent;

/// <summary>Bytes that were already read, because a compressed archive must be read in order.</summary>
/// <param name="Location">The location of the bytes.</param>
/// <param name="Bytes">The bytes.</param>
public sealed record ReadContent(ContentLocation Location, ReadOnlyMemory<byte> Bytes) : ItemContent;

/// <summary>A tensor that needs no decoding: text, sound, anything.</summary>
/// <param name="Make">Makes the tensor, without a batch dimension; the caller disposes it.</param>
public sealed record TensorContent(Func<Tensor> Make) : ItemContent;

/// <summary>No content; the row has an error.</summary>
/// <param name="Error">The error in one sentence.</param>
/// <param name="Location">The location that was tried; null where it is unknown.</param>
public sealed record BrokenContent(string Error, ContentLocation? Location = null) : ItemContent;

/// <summary>The location of bytes: a file or an address, or a part of one.</summary>
/// <param name="Uri">A full path, or an address (http, https, s3).</param>
/// <param name="Entry">The name of an entry in an archive, where the entry can only be found by name.</param>
/// <param name="Offset">The first byte.</param>
/// <param name="Length">The number of bytes; null for all to the end.</param>
public sealed record ContentLocation(string Uri, string? Entry = null, long Offset = 0, long? Length = null)
{
    /// <summary>The address, if it is one; null for a path.</summary>
    internal System.Uri? Address => AddressOf(Uri);

    internal static System.Uri? AddressOf(string text)
        => text.Contains("://", StringComparison.Ordinal) && System.Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && uri.Scheme is "http" or "https" or "s3" ? uri : null;
}

/// <summary>A column of a source that goes into the result unchanged.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">string, long, double or bool; any value may be missing.</param>
public sealed record DataColumn(string Name, Type Type);
