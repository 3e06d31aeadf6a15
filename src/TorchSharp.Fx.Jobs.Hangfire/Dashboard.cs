using System.Net;
using System.Security.Cryptography;
using System.Text;
using Hangfire;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace TorchSharp.Fx.Jobs.Hangfire;

/// <summary>Hangfire's dashboard, for those who have the token: the first request has it in its address, the others in a cookie.</summary>
internal sealed class Dashboard : IAsyncDisposable
{
    private const string Parameter = "token";

    private readonly WebApplication application;
    private readonly string token;

    private Dashboard(WebApplication application, string token) => (this.application, this.token) = (application, token);

    internal Uri Address
    {
        get
        {
            var bound = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            return new(new Uri(bound), $"/?{Parameter}={token}");
        }
    }

    internal static async Task<Dashboard> StartAsync(JobStorage storage, IPEndPoint endpoint)
    {
        // Nothing is read from the folder or the environment of who starts it.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(server => server.Listen(endpoint));
        builder.Services.AddHangfire(configuration => configuration.UseStorage(storage));
        var dashboard = new Dashboard(builder.Build(), Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
        dashboard.application.Use(dashboard.Admit);
        // The storage's name may have a password.
        dashboard.application.UseHangfireDashboard("", new() { Authorization = [], AppPath = null, DashboardTitle = "torchfx",
            DisplayStorageConnectionString = false }, storage);
        await dashboard.application.StartAsync().ConfigureAwait(false);
        return dashboard;
    }

    public async ValueTask DisposeAsync()
    {
        await application.StopAsync().ConfigureAwait(false);
        await application.DisposeAsync().ConfigureAwait(false);
    }

    private async Task Admit(HttpContext context, RequestDelegate next)
    {
        // Browsers keep one cookie for all ports of a machine.
        var cookie = $"torchfx-{context.Connection.LocalPort}";
        if (IsToken(context.Request.Query[Parameter]))
        {
            context.Response.Cookies.Append(cookie, token, new() { HttpOnly = true, SameSite = SameSiteMode.Strict });
            context.Response.Redirect(context.Request.Path);
        }
        else if (IsToken(context.Request.Cookies[cookie]))
            await next(context).ConfigureAwait(false);
        else
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            await context.Response.WriteAsync("Open the address that the worker printed: it has the token.").ConfigureAwait(false);
        }
    }

    private bool IsToken(string? given)
        => given is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(token));
}
