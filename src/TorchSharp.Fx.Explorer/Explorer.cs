using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace TorchSharp.Fx;

/// <summary>
/// A web page that shows a model: its graph, and what every node computes from images and texts. The server listens on 127.0.0.1, answers
/// only requests with the token of <see cref="Address"/>, and contacts no other machine.
/// </summary>
public sealed class Explorer : IAsyncDisposable
{
    private readonly WebApplication server;
    private readonly Session session;

    private Explorer(WebApplication server, Session session, Uri address)
        => (this.server, this.session, Address) = (server, session, address);

    /// <summary>The page's address, with its token.</summary>
    public Uri Address { get; }

    /// <summary>Starts the server.</summary>
    /// <param name="model">The model. It is put into eval mode.</param>
    /// <param name="inputs">Images, or .safetensors and .npy files of tensors, for the page to list from the start. Each is read when first
    /// viewed.</param>
    /// <param name="port">The port; 0 for any free port.</param>
    /// <param name="cancellation_token">Cancels the start.</param>
    /// <exception cref="IOException">The port is in use.</exception>
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
