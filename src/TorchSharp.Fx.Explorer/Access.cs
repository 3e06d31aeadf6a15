using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace TorchSharp.Fx.Explorers;

/// <summary>Lets in who has the token, from this machine and this page.</summary>
internal sealed class Access(string token)
{
    /// <summary>In bytes.</summary>
    internal const long LargestUpload = 32 << 20;

    private const string Header = "X-Torchfx-Token", Query = "token";

    private readonly byte[] expected = Encoding.ASCII.GetBytes(token);

    internal Task Check(HttpContext context, RequestDelegate next)
    {
        var (request, headers) = (context.Request, context.Response.Headers);
        headers.ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' blob:; "
            + "img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers.CacheControl = "no-store";
        var own = $"127.0.0.1:{context.Connection.LocalPort}";
        if (request.Host.Value != own)
            return PageRefusal.Write(context, 403, $"This server answers as {own} only, not as '{request.Host}'.");
        if (request.Headers.Origin.ToString() is { Length: > 0 } origin && origin != $"http://{own}")
            return PageRefusal.Write(context, 403, $"A page of '{origin}' may not ask this server.");
        if (request.Query.TryGetValue(Query, out var given) && Fits(given))
            return Enter(context);
        if (!Fits(request.Headers[Header]) && !Fits(request.Cookies[Cookie(context)]))
            return PageRefusal.Write(context, 401, "The token is missing or wrong: open the address that torchfx explore printed.");
        if (request.ContentLength > LargestUpload)
            return PageRefusal.Write(context, 413, PageRefusal.TooLarge(request.ContentLength.Value));
        return next(context);
    }

    /// <summary>The token goes from the address into a cookie, so that it stays in no history.</summary>
    private Task Enter(HttpContext context)
    {
        context.Response.Cookies.Append(Cookie(context), token,
            new() { HttpOnly = true, SameSite = SameSiteMode.Strict, IsEssential = true });
        context.Response.Redirect(context.Request.Path);
        return Task.CompletedTask;
    }

    /// <summary>All ports of a machine share their cookies.</summary>
    private static string Cookie(HttpContext context) => $"torchfx-{context.Connection.LocalPort}";

    private bool Fits(string? given) => given is not null
        && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), expected);
}
