using System.Runtime.CompilerServices;
using Amazon.S3.Model;

namespace TorchSharp.Fx.Data;

/// <summary>The images of a bucket whose keys begin alike, in the store's order, which is that of the keys' bytes.</summary>
/// <param name="address">The bucket, and what stands before all paths.</param>
/// <param name="prefix">What every path begins with.</param>
internal sealed class S3Source(string address, string prefix) : DataSource
{
    public override async IAsyncEnumerable<DataItem> ItemsAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var (bucket, folder) = S3.Parts(address);
        if (folder.Length > 0 && !folder.EndsWith('/'))
            folder += "/";
        var request = new ListObjectsV2Request { BucketName = bucket, Prefix = folder };
        var row = 0L;
        do
        {
            var page = await S3.Telling(address, () => S3.Client.ListObjectsV2Async(request, cancellation)).ConfigureAwait(false);
            foreach (var key in (page.S3Objects ?? []).Select(found => found.Key).Where(SourceTexts.IsImage))
                yield return new(row++, prefix + key[folder.Length..], new StoredContent(new($"{S3.Scheme}://{bucket}/{key}")), []);
            request.ContinuationToken = page.IsTruncated == true ? page.NextContinuationToken : null;
        }
        while (request.ContinuationToken is not null);
        if (row == 0)
            throw new InvalidDataException($"'{address}' has no images ({string.Join(", ", SourceTexts.ImageEndings)}).");
    }
}
