using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace TorchSharp.Fx;

/// <summary>
/// A page that shows a model in the browser: its graph, and what every node computes of images and texts. The server listens on 127.0.0.1,
/// answers only who has the token of <see cref="Address"/>, and asks nothing of any other machine.
/// </summary>
public sealed class Explorer : IAsyncDisposable
{
    private readonly WebApplication server;
    private readonly Session session;

    private Explorer(WebApplication server, Session session, Uri address)
        => (this.server, this.session, Address) = (server, session, address);

    /// <summary>Where the page is, with its token.</summary>
    public Uri Address { get; }

    /// <summary>Starts the server.</summary>
    /// <param name="model">The model. It is put into eval mode.</param>
    /// <param name="inputs">Images, or .safetensors and .npy files of tensors, that the page has from the start; read when they are first
    /// looked at.</param>
    /// <param name="port">The port; a free one where 0.</param>
    /// <param name="cancellation_token">Stops the start.</param>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<Explorer> StartAsync(ExploredModel model, IEnumerable<string>? inputs = null, int port = 0,
        CancellationToken cancellation_token = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.Model.eval();
        var session = new Session(model);
        foreach (var path in inputs ?? [])
            session.Inputs.AddFile(path);
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.Listen(IPAddress.Loopback, port);
            options.Limits.MaxRequestBodySize = Access.LargestUpload;
            options.AddServerHeader = false;
        });
        builder.Services.AddRouting();
        var server = builder.Build();
        server.Use(new Access(token).Check);
        Endpoints.Map(server, session);
        await server.StartAsync(cancellation_token);
        session.Prepare();
        var address = server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return new(server, session, new Uri($"{address}/?token={token}"));
    }

    /// <summary>Stops the server.</summary>
    public async ValueTask DisposeAsync()
    {
        await server.StopAsync();
        await server.DisposeAsync();
        session.Dispose();
    }
}
