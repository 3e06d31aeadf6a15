using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace TorchSharp.Fx.Explorers;

/// <summary>A file to save.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Content">What is in it.</param>
internal sealed record NodeDownload(string Name, byte[] Content);

/// <summary>The addresses that the page can ask.</summary>
internal static class Endpoints
{
    private static readonly Dictionary<string, string> Types = new()
    {
        [".html"] = "text/html; charset=utf-8", [".js"] = "text/javascript; charset=utf-8", [".css"] = "text/css; charset=utf-8",
        [".svg"] = "image/svg+xml",
    };

    internal static void Map(WebApplication server, Session session)
    {
        foreach (var resource in typeof(Endpoints).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith("page/", StringComparison.Ordinal)))
            server.MapGet(resource == "page/index.html" ? "/" : resource["page".Length..],
                (RequestDelegate)(context => Page(context, resource)));
        Get("/api/model", query => Questions.Model(session));
        Get("/api/search", query => Questions.Search(query.View, query["text"]));
        Get("/api/node", query => NodeReport.Of(session, query.View, query["node"], query.InputOrNone));
        Get("/api/picture", query => Pictures.Draw(session, query.View, query));
        Get("/api/neighbours", query => Comparison.Neighbours(session, query.View, query.Node(query.View), query.Input));
        Get("/api/patches", query => Comparison.Patches(session, query.View, query.Node(query.View), query.Number("channel", 0)));
        Get("/api/code", query => Extracts.Code(session, query.View, query.Nodes, query.InputOrNone));
        Get("/api/download",
            query => Extracts.Download(session, query.View, query.Nodes, query.Input, query.Text("format") ?? "safetensors"));
        Get("/api/inputs", query => Extracts.Inputs(session, query.Input));
        Post<string[]>("/api/graph", (query, open) => Questions.Graph(session, query, open));
        Post<Dictionary<string, string>>("/api/numbers", (_, rows) => Questions.Describe(session.Inputs.AddNumbers(rows)));
        server.MapPost("/api/upload", (RequestDelegate)(async context =>
        {
            using var content = new MemoryStream();
            await Answer(context, async () => await context.Request.Body.CopyToAsync(content, context.RequestAborted),
                query => Questions.Describe(session.Inputs.AddUpload(Path.GetFileName(query["name"]), content.ToArray())));
        }));
        server.MapFallback("{*path}", (RequestDelegate)(context => PageRefusal.Write(context, 404, "There is no such page.")));

        void Get(string path, Func<Query, object> question)
            => server.MapGet(path, (RequestDelegate)(context => Answer(context, () => Task.CompletedTask, question)));

        void Post<T>(string path, Func<Query, T, object> question) where T : class
            => server.MapPost(path, (RequestDelegate)(async context =>
            {
                T? body = null;
                await Answer(context, async () => body = await Body<T>(context), query => question(query, body!));
            }));

        async Task Answer(HttpContext context, Func<Task> read, Func<Query, object> question)
        {
            object? result;
            try
            {
                await read();
                result = await session.Answer(() => question(new(session, context.Request.Query)), context.RequestAborted);
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                var (status, sentence) = PageRefusal.Of(error);
                await PageRefusal.Write(context, status, sentence);
                return;
            }
            await Write(context, result);
        }
    }

    private static async Task<T> Body<T>(HttpContext context) where T : class
    {
        try
        {
            return await context.Request.ReadFromJsonAsync<T>(context.RequestAborted)
                ?? throw new ArgumentException("The request has no body.");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new ArgumentException("The request's body is no JSON of the expected form.", error);
        }
    }

    private static async Task Write(HttpContext context, object result)
    {
        switch (result)
        {
            case byte[] picture:
                context.Response.ContentType = "image/png";
                await context.Response.Body.WriteAsync(picture, context.RequestAborted);
                break;
            case NodeDownload file:
                context.Response.ContentType = "application/octet-stream";
                context.Response.Headers.ContentDisposition = $"attachment; filename*=UTF-8''{Uri.EscapeDataString(file.Name)}";
                await context.Response.Body.WriteAsync(file.Content, context.RequestAborted);
                break;
            default:
                await context.Response.WriteAsJsonAsync(result, result.GetType(), context.RequestAborted);
                break;
        }
    }

    private static async Task Page(HttpContext context, string resource)
    {
        context.Response.ContentType = Types[Path.GetExtension(resource)];
        await using var content = typeof(Endpoints).Assembly.GetManifestResourceStream(resource)!;
        await content.CopyToAsync(context.Response.Body, context.RequestAborted);
    }
}
