using System.Collections.Concurrent;
using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace TorchSharp.Fx.Data;

/// <summary>Stores of the S3 kind, by addresses <c>s3://BUCKET/KEY</c>.</summary>
/// <remarks>Credentials and region are those that Amazon's tools find: <c>AWS_ACCESS_KEY_ID</c>, <c>AWS_SECRET_ACCESS_KEY</c>,
/// <c>AWS_REGION</c>, a profile, the machine's role. <c>AWS_ENDPOINT_URL_S3</c> or <c>AWS_ENDPOINT_URL</c> is the address of another
/// store.</remarks>
internal static class S3
{
    internal const string Scheme = "s3";

    private static readonly ConcurrentDictionary<string, AmazonS3Client> Clients = new(StringComparer.Ordinal);

    private static string Endpoint => Environment.GetEnvironmentVariable("AWS_ENDPOINT_URL_S3") is { Length: > 0 } own ? own
        : Environment.GetEnvironmentVariable("AWS_ENDPOINT_URL") ?? "";

    internal static AmazonS3Client Client => Clients.GetOrAdd(Endpoint, endpoint =>
    {
        var configuration = new AmazonS3Config
        {
            // Other stores than Amazon's know no newer checksums.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (endpoint.Length > 0)
        {
            configuration.ServiceURL = endpoint;
            configuration.ForcePathStyle = true;
            configuration.AuthenticationRegion = Environment.GetEnvironmentVariable("AWS_REGION") ?? "us-east-1";
        }
        return new(configuration);
    });

    /// <summary>An address's bucket, and the key or what keys begin with.</summary>
    /// <exception cref="ArgumentException">It has no bucket.</exception>
    internal static (string Bucket, string Key) Parts(string address)
        => address[(Scheme.Length + 3)..].Split('/', 2) is [{ Length: > 0 } bucket, .. var key]
            ? (bucket, key is [var text] ? text : "")
            : throw new ArgumentException($"The address '{address}' names no bucket: s3://BUCKET/KEY.", nameof(address));

    /// <summary>An object's content as it comes, or a part of it.</summary>
    /// <exception cref="IOException">It can't be read.</exception>
    internal static Task<GetObjectResponse> GetAsync(string address, long offset, long? length, CancellationToken cancellation)
        => Telling(address, () =>
        {
            var (bucket, key) = Parts(address);
            var request = new GetObjectRequest { BucketName = bucket, Key = key };
            if (offset > 0 || length is not null)
                request.ByteRange = new(offset, length is { } count ? offset + count - 1 : long.MaxValue - 1);
            return Client.GetObjectAsync(request, cancellation);
        });

    /// <summary>An object's bytes, or some of them.</summary>
    /// <exception cref="InvalidDataException">They are too many, or fewer than asked for.</exception>
    /// <exception cref="IOException">They can't be read.</exception>
    internal static Task<ReadOnlyMemory<byte>> ReadAsync(string address, long offset, long? length, CancellationToken cancellation)
        => Telling(address, async () =>
        {
            if (length == 0)
                return default;
            using var response = await GetAsync(address, offset, length, cancellation).ConfigureAwait(false);
            if (response.ContentLength > ContentReader.Largest)
                throw new InvalidDataException(ContentReader.TooLarge(address, response.ContentLength));
            if (response.ContentLength < length)
                throw new InvalidDataException($"{address} ends after {response.ContentLength} of {length} bytes from {offset}.");
            var bytes = new byte[length ?? response.ContentLength];
            await response.ResponseStream.ReadExactlyAsync(bytes, cancellation).ConfigureAwait(false);
            return (ReadOnlyMemory<byte>)bytes;
        });

    /// <summary>Puts an object, on a condition.</summary>
    /// <param name="address">Where.</param>
    /// <param name="content">What; it is closed.</param>
    /// <param name="tag">The tag that the object there has to have; null where there must be none.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The new tag; null where the condition did not hold.</returns>
    internal static Task<string?> PutIfAsync(string address, Stream content, string? tag, CancellationToken cancellation)
        => Telling(address, async () =>
        {
            try
            {
                return await PutAsync(address, content, request =>
                {
                    if (tag is null)
                        request.IfNoneMatch = "*";
                    else
                        request.IfMatch = tag;
                }, cancellation).ConfigureAwait(false);
            }
            catch (AmazonS3Exception error) when (error.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict
                || tag is not null && error.StatusCode == HttpStatusCode.NotFound)
            {
                return null;
            }
        });

    /// <summary>Puts an object, whatever is there.</summary>
    internal static Task PutAsync(string address, Stream content, CancellationToken cancellation)
        => Telling(address, () => PutAsync(address, content, _ => { }, cancellation));

    /// <summary>Does something with the store, and tells its failure as one of files.</summary>
    internal static async Task<T> Telling<T>(string address, Func<Task<T>> act)
    {
        try
        {
            return await act().ConfigureAwait(false);
        }
        catch (AmazonS3Exception error) when (error.StatusCode == HttpStatusCode.NotFound)
        {
            throw new FileNotFoundException($"There is no '{address}'.", address, error);
        }
        catch (Exception error) when (error is AmazonServiceException or AmazonClientException or HttpRequestException)
        {
            throw new IOException($"The store of '{address}' answers: {RowError.Sentence(error).TrimEnd('.')}.", error);
        }
    }

    private static async Task<string> PutAsync(string address, Stream content, Action<PutObjectRequest> condition,
        CancellationToken cancellation)
    {
        var (bucket, key) = Parts(address);
        var request = new PutObjectRequest { BucketName = bucket, Key = key, InputStream = content };
        condition(request);
        var response = await Client.PutObjectAsync(request, cancellation).ConfigureAwait(false);
        return response.ETag;
    }
}
