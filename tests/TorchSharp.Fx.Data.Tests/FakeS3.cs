using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>A store of the S3 kind on this machine, in memory: objects, ranges, pages of lists, conditions. The process's environment points
/// to it while it is there.</summary>
public sealed class FakeS3 : IAsyncLifetime
{
    private const int PageSize = 3;
    private const string Key = "tester";

    private static readonly Dictionary<string, string> Environment = new()
    {
        ["AWS_ACCESS_KEY_ID"] = Key, ["AWS_SECRET_ACCESS_KEY"] = "secret", ["AWS_REGION"] = "eu-test-1", ["AWS_EC2_METADATA_DISABLED"] = "true",
    };

    private readonly SortedDictionary<string, byte[]> objects = new(StringComparer.Ordinal);
    private readonly WebApplication application;

    public FakeS3()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(server => server.Listen(IPAddress.Loopback, 0));
        application = builder.Build();
        application.Run(Answer);
    }

    /// <summary>How many of the next requests are answered as a busy store does.</summary>
    internal int Busy { get; set; }

    public async ValueTask InitializeAsync()
    {
        await application.StartAsync();
        foreach (var (name, value) in Environment.Append(new("AWS_ENDPOINT_URL_S3", application.Urls.First())))
            System.Environment.SetEnvironmentVariable(name, value);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var name in Environment.Keys.Append("AWS_ENDPOINT_URL_S3"))
            System.Environment.SetEnvironmentVariable(name, null);
        await application.DisposeAsync();
    }

    internal void Put(string path, byte[] content)
    {
        lock (objects)
            objects[path] = content;
    }

    internal byte[] Get(string path)
    {
        lock (objects)
            return objects[path];
    }

    internal void Remove(string path)
    {
        lock (objects)
            Assert.True(objects.Remove(path));
    }

    /// <summary>The objects whose bucket and key begin so.</summary>
    internal string[] Names(string prefix)
    {
        lock (objects)
            return [.. objects.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))];
    }

    private async Task Answer(HttpContext context)
    {
        var request = context.Request;
        var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        var content = request.Headers.ContainsKey("x-amz-decoded-content-length") ? Unchunked(body.ToArray()) : body.ToArray();
        var path = request.Path.Value![1..];
        if (!request.Headers.Authorization.ToString().Contains($"Credential={Key}/", StringComparison.Ordinal))
            await Refuse(context, 403, "AccessDenied");
        else if (Busy > 0)
        {
            Busy--;
            await Refuse(context, 503, "SlowDown");
        }
        else if (request.Query.ContainsKey("list-type"))
            await Write(context, 200, List(path.TrimEnd('/'), request.Query["prefix"].ToString(), request.Query["continuation-token"].ToString()));
        else
            await Object(context, path, content);
    }

    private Task Object(HttpContext context, string path, byte[] content)
    {
        byte[]? found;
        lock (objects)
        {
            found = objects.GetValueOrDefault(path);
            if (context.Request.Method == "PUT")
            {
                var (match, none) = (context.Request.Headers.IfMatch.ToString(), context.Request.Headers.IfNoneMatch.ToString());
                if (none == "*" && found is not null || match.Length > 0 && (found is null || match != Tag(found)))
                    return Refuse(context, found is null ? 404 : 412, "PreconditionFailed");
                objects[path] = found = content;
            }
            else if (context.Request.Method == "DELETE")
                objects.Remove(path);
        }
        if (context.Request.Method == "DELETE")
        {
            context.Response.StatusCode = 204;
            return Task.CompletedTask;
        }
        if (found is null)
            return Refuse(context, 404, "NoSuchKey");
        context.Response.Headers.ETag = Tag(found);
        return context.Request.Method == "PUT" ? Task.CompletedTask : Send(context, found);
    }

    private static Task Send(HttpContext context, byte[] content)
    {
        var range = context.Request.Headers.Range.ToString();
        if (range.Length > 0)
        {
            long[] ends = [.. range["bytes=".Length..].Split('-').Select(end => long.Parse(end, CultureInfo.InvariantCulture))];
            content = content[(int)ends[0]..(int)Math.Min(content.Length, ends[1] + 1)];
            context.Response.StatusCode = 206;
        }
        context.Response.ContentLength = content.Length;
        return context.Response.Body.WriteAsync(content).AsTask();
    }

    private string List(string bucket, string prefix, string token)
    {
        var keys = Names($"{bucket}/{prefix}").Select(name => name[(bucket.Length + 1)..])
            .SkipWhile(key => string.CompareOrdinal(key, token) <= 0).ToArray();
        XNamespace space = "http://s3.amazonaws.com/doc/2006-03-01/";
        var page = keys.Take(PageSize).ToArray();
        return new XElement(space + "ListBucketResult", new XElement(space + "IsTruncated", keys.Length > PageSize),
            keys.Length > PageSize ? new XElement(space + "NextContinuationToken", page[^1]) : null,
            page.Select(key => new XElement(space + "Contents", new XElement(space + "Key", key)))).ToString();
    }

    private static Task Refuse(HttpContext context, int status, string code)
        => Write(context, status, new XElement("Error", new XElement("Code", code), new XElement("Message", $"The fake says {code}")).ToString());

    private static Task Write(HttpContext context, int status, string xml)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/xml";
        return context.Response.WriteAsync(xml);
    }

    /// <summary>As a store tags what came in pieces: not by a checksum of the whole.</summary>
    private static string Tag(byte[] content) => $"\"{Convert.ToHexStringLower(SHA256.HashData(content))[..32]}-1\"";

    /// <summary>The content of a body in signed chunks: a line with a size, as many bytes, an end of line.</summary>
    private static byte[] Unchunked(byte[] body)
    {
        var content = new MemoryStream();
        for (var at = 0; ;)
        {
            var line = Encoding.ASCII.GetString(body, at, Array.IndexOf(body, (byte)'\r', at) - at);
            var size = int.Parse(line.Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (size == 0)
                return content.ToArray();
            content.Write(body, at + line.Length + 2, size);
            at += line.Length + 2 + size + 2;
        }
    }
}
