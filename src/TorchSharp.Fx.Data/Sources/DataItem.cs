using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>One input of a data set: it becomes one row of the result, whatever happens to it.</summary>
/// <param name="Row">Its place among the inputs, from 0.</param>
/// <param name="Path">Its name in the result: relative to the source, with slashes.</param>
/// <param name="Content">Where its content comes from.</param>
/// <param name="Values">What goes into the result beside it, a value for each of the source's <see cref="DataSource.Columns"/>.</param>
public sealed record DataItem(long Row, string Path, ItemContent Content, IReadOnlyList<object?> Values);

/// <summary>Where an input's content comes from.</summary>
public abstract record ItemContent;

/// <summary>Bytes that are read when their turn comes.</summary>
/// <param name="Location">Where they lie.</param>
public sealed record StoredContent(ContentLocation Location) : ItemContent;

/// <summary>Bytes that were read on the way, as compressed archives have to be read in order.</summary>
/// <param name="Location">Where they lie.</param>
/// <param name="Bytes">The bytes.</param>
public sealed record ReadContent(ContentLocation Location, ReadOnlyMemory<byte> Bytes) : ItemContent;

/// <summary>A tensor that needs no decoding: text, sound, anything.</summary>
/// <param name="Make">Makes it, without a batch dimension; the caller disposes it.</param>
public sealed record TensorContent(Func<Tensor> Make) : ItemContent;

/// <summary>Nothing: its row has an error.</summary>
/// <param name="Error">What is wrong, in one sentence.</param>
/// <param name="Location">Where it was looked for; null where even that is unknown.</param>
public sealed record BrokenContent(string Error, ContentLocation? Location = null) : ItemContent;

/// <summary>Where bytes lie: a file or an address, or a part of one.</summary>
/// <param name="Uri">A full path, or an address (http, https, s3).</param>
/// <param name="Entry">The name of an archive's entry that can only be found by name.</param>
/// <param name="Offset">The first byte.</param>
/// <param name="Length">How many bytes; null for all to the end.</param>
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
