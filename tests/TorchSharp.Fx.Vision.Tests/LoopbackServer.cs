using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>An HTTP server on this machine only, whose answers the test writes byte by byte.</summary>
internal sealed class LoopbackServer : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly Func<int, string, NetworkStream, CancellationToken, Task> answer;
    private readonly CancellationTokenSource stop = new();
    private readonly Task loop;
    private int requests;

    /// <param name="answer">Writes the answer to the n-th request, given its head, and may leave it unfinished.</param>
    public LoopbackServer(Func<int, string, NetworkStream, CancellationToken, Task> answer)
    {
        this.answer = answer;
        listener.Start();
        loop = Task.Run(Accept);
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");

    public int Requests => requests;

    /// <summary>The whole content, or what a Range header asks for.</summary>
    public static async Task Serve(byte[] content, string head, NetworkStream stream, CancellationToken stop)
    {
        var from = Range(head);
        var status = from > 0 ? $"206 Partial Content\r\nContent-Range: bytes {from}-{content.Length - 1}/{content.Length}" : "200 OK";
        await Head(stream, $"{status}\r\nContent-Length: {content.Length - from}", stop);
        await stream.WriteAsync(content.AsMemory(from), stop);
    }

    public static Task Head(NetworkStream stream, string head, CancellationToken stop) => stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n"), stop).AsTask();

    public static int Range(string head) => head.Split("Range: bytes=") is [_, var rest] ? int.Parse(rest.Split('-')[0]) : 0;

    public void Dispose()
    {
        stop.Cancel();
        listener.Stop();
        loop.Wait(TimeSpan.FromSeconds(5));
        stop.Dispose();
    }

    private async Task Accept()
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var client = await listener.AcceptTcpClientAsync(stop.Token);
                _ = Task.Run(() => Handle(client));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task Handle(TcpClient client)
    {
        using (client)
            try
            {
                var stream = client.GetStream();
                var head = new StringBuilder();
                var buffer = new byte[1];
                while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(buffer, stop.Token) > 0) head.Append((char)buffer[0]);
                await answer(Interlocked.Increment(ref requests), head.ToString(), stream, stop.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The client has hung up, or the test is over.
            }
    }
}
