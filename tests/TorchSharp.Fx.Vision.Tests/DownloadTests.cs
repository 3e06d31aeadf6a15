using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Downloads from a server on this machine that does all that servers do.</summary>
public sealed class DownloadTests : IDisposable
{
    private static readonly byte[] content = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 7 >> 3))];

    private readonly string folder = Directory.CreateTempSubdirectory("torchfx-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static string FileName => $"net-{Convert.ToHexStringLower(SHA256.HashData(content))[..8]}.pth";

    private string Target => Path.Combine(folder, FileName);

    private DownloadOptions Quick => new() { mirror = null, model_dir = folder, pause = TimeSpan.FromMilliseconds(5), silence = TimeSpan.FromSeconds(5), attempts = 4 };

    [Fact]
    public void File_arrives_whole_and_is_not_fetched_again()
    {
        var seen = new List<DownloadProgress>();
        using var server = new LoopbackServer((_, head, stream, stop) => LoopbackServer.Serve(content, head, stream, stop));
        var options = Quick with { progress = new Reports(seen) };
        for (var i = 0; i < 2; i++) Assert.Equal(Target, hub.download(new Uri(server.Address, $"/models/{FileName}"), options));
        AssertArrived();
        Assert.Equal(1, server.Requests);
        Assert.Equal(new DownloadProgress(FileName, content.Length, content.Length), seen[^1]);
    }

    [Fact]
    public void Mirror_takes_the_servers_place_and_keeps_the_path()
    {
        var asked = "";
        using var server = new LoopbackServer((_, head, stream, stop) =>
        {
            asked = head.Split("\r\n")[0];
            return LoopbackServer.Serve(content, head, stream, stop);
        });
        hub.download(new Uri($"https://download.pytorch.org/models/{FileName}"), Quick with { mirror = new Uri(server.Address, "/cache/") });
        AssertArrived();
        Assert.Equal($"GET /cache/models/{FileName} HTTP/1.1", asked);
    }

    [Fact]
    public void Connection_that_breaks_is_resumed_where_it_broke()
    {
        var asked = new List<int>();
        using var server = new LoopbackServer(async (n, head, stream, stop) =>
        {
            asked.Add(LoopbackServer.Range(head));
            if (n > 2)
            {
                await LoopbackServer.Serve(content, head, stream, stop);
                return;
            }
            var from = LoopbackServer.Range(head);
            await LoopbackServer.Head(stream, n == 1 ? $"200 OK\r\nContent-Length: {content.Length}" : $"206 Partial Content\r\nContent-Range: bytes {from}-{content.Length - 1}/{content.Length}\r\nContent-Length: {content.Length - from}", stop);
            await stream.WriteAsync(content.AsMemory(from, 50_000), stop);
        });
        Get(server);
        AssertArrived();
        Assert.Equal([0, 50_000, 100_000], asked);
    }

    [Fact]
    public void Server_without_ranges_starts_anew()
    {
        using var server = new LoopbackServer(async (n, head, stream, stop) =>
        {
            await LoopbackServer.Head(stream, $"200 OK\r\nContent-Length: {content.Length}", stop);
            await stream.WriteAsync(content.AsMemory(0, n == 1 ? 50_000 : content.Length), stop);
        });
        Get(server);
        AssertArrived();
    }

    [Fact]
    public void Silent_server_is_given_up_and_tried_again()
    {
        using var server = new LoopbackServer(async (n, head, stream, stop) =>
        {
            if (n > 2)
            {
                await LoopbackServer.Serve(content, head, stream, stop);
                return;
            }
            if (n == 2) await LoopbackServer.Head(stream, $"200 OK\r\nContent-Length: {content.Length}", stop);
            await Task.Delay(Timeout.Infinite, stop);
        });
        Get(server, Quick with { silence = TimeSpan.FromMilliseconds(300) });
        AssertArrived();
        Assert.Equal(3, server.Requests);
    }

    [Fact]
    public void Server_that_stays_silent_is_named()
    {
        using var server = new LoopbackServer((_, _, _, stop) => Task.Delay(Timeout.Infinite, stop));
        AssertFails(server, "the server was silent for 0.2 s", Quick with { silence = TimeSpan.FromMilliseconds(200), attempts = 2 });
    }

    [Fact]
    public void Wrong_bytes_never_get_to_the_files_place()
    {
        var wrong = content.ToArray();
        wrong[77]++;
        using var server = new LoopbackServer((_, head, stream, stop) => LoopbackServer.Serve(wrong, head, stream, stop));
        var hash = Convert.ToHexStringLower(SHA256.HashData(wrong))[..8];
        AssertFails(server, $"the 200000 bytes received have the SHA-256 {hash}… instead of {FileName[4..12]}…", Quick with { attempts = 2 });
        Assert.Equal(2, server.Requests);
        Assert.Equal(0, new FileInfo(Target + ".partial").Length);
    }

    [Fact]
    public void Wrong_bytes_once_are_fetched_again()
    {
        using var server = new LoopbackServer((n, head, stream, stop) => LoopbackServer.Serve(n == 1 ? [.. content.Reverse()] : content, head, stream, stop));
        Get(server);
        AssertArrived();
    }

    [Theory]
    [InlineData(100_000)] // Shorter than the content: the rest is never read.
    [InlineData(900_000_000_000)] // Longer: nothing is allocated for it.
    public void Length_that_is_a_lie_is_found_out(long announced)
    {
        using var server = new LoopbackServer(async (_, _, stream, stop) =>
        {
            await LoopbackServer.Head(stream, $"200 OK\r\nContent-Length: {announced}", stop);
            await stream.WriteAsync(content, stop);
        });
        Assert.Throws<DownloadException>(() => Get(server, Quick with { attempts = 2 }));
        Assert.False(File.Exists(Target));
    }

    [Fact]
    public void File_that_is_not_there_is_asked_for_once()
    {
        using var server = new LoopbackServer((_, _, stream, stop) => LoopbackServer.Head(stream, "404 Not Found\r\nContent-Length: 0", stop));
        AssertFails(server, "Response status code does not indicate success: 404 (Not Found)");
        Assert.Equal(1, server.Requests);
    }

    [Fact]
    public void Overloaded_server_is_asked_again()
    {
        using var server = new LoopbackServer((n, head, stream, stop) => n < 3 ? LoopbackServer.Head(stream, "503 Busy\r\nContent-Length: 0", stop) : LoopbackServer.Serve(content, head, stream, stop));
        Get(server);
        AssertArrived();
    }

    [Fact]
    public void Without_a_network_the_message_says_which_file_to_put_where()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var url = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/{FileName}");
        listener.Stop();
        var error = Assert.Throws<DownloadException>(() => hub.download(url, Quick with { attempts = 2 }));
        Assert.StartsWith($"'{FileName}' could not be downloaded from {url} (", error.Message, StringComparison.Ordinal);
        Assert.EndsWith($"). Where there is no network, get that file in another way and put it at {Target}.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_at_once_fetch_a_file_once()
    {
        using var server = new LoopbackServer(async (_, head, stream, stop) =>
        {
            await Task.Delay(300, stop);
            await LoopbackServer.Serve(content, head, stream, stop);
        });
        var url = new Uri(server.Address, FileName);
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => hub.download_async(url, Quick, TestContext.Current.CancellationToken))), path => Assert.Equal(Target, path));
        AssertArrived();
        Assert.Equal(1, server.Requests);
    }

    [Fact]
    public void Published_weights_come_into_the_model_and_files_put_there_by_hand_are_used()
    {
        using var scope = NewDisposeScope();
        using var saved = models.squeezenet1_1();
        // A state_dict of the right keys, at the place that the message names; the loader tells formats by content.
        Safetensors.save_file(saved.state_dict(), Path.Combine(folder, Path.GetFileName(SqueezeNet1_1_Weights.DEFAULT.url.AbsolutePath)));
        using var loaded = models.get_model("squeezenet1_1", weights: "DEFAULT", options: Quick);
        Assert.All(saved.state_dict(), item => Assert.True(item.Value.Equals(loaded.state_dict()[item.Key])));
    }

    [Fact]
    public void Folder_is_pytorchs()
    {
        var (home, cache) = (Environment.GetEnvironmentVariable("TORCH_HOME"), Environment.GetEnvironmentVariable("XDG_CACHE_HOME"));
        try
        {
            Set("/a", "/b");
            Assert.Equal("/a/hub/checkpoints", hub.get_dir());
            Set(null, "/b");
            Assert.Equal("/b/torch/hub/checkpoints", hub.get_dir());
            Set(null, null);
            Assert.Equal(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache/torch/hub/checkpoints"), hub.get_dir());
        }
        finally
        {
            Set(home, cache);
        }

        static void Set(string? home, string? cache)
        {
            Environment.SetEnvironmentVariable("TORCH_HOME", home);
            Environment.SetEnvironmentVariable("XDG_CACHE_HOME", cache);
        }
    }

    private void Get(LoopbackServer server, DownloadOptions? options = null) => hub.download(new Uri(server.Address, FileName), options ?? Quick);

    private void AssertFails(LoopbackServer server, string reason, DownloadOptions? options = null)
    {
        var url = new Uri(server.Address, FileName);
        var error = Assert.Throws<DownloadException>(() => hub.download(url, options ?? Quick));
        Assert.Equal($"'{FileName}' could not be downloaded from {url} ({reason}). Where there is no network, get that file in another way and put it at {Target}.", error.Message);
        Assert.False(File.Exists(Target));
    }

    private void AssertArrived()
    {
        Assert.Equal(content, File.ReadAllBytes(Target));
        Assert.Equal([Target], Directory.GetFiles(folder));
    }

    private sealed class Reports(List<DownloadProgress> seen) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => seen.Add(value);
    }
}
