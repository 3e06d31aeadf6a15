using System.Buffers.Binary;
using System.IO.Hashing;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Explorers.Tests;

/// <summary>Who may ask, and what is not taken.</summary>
public sealed class AccessTests : IAsyncLifetime
{
    private readonly SmallNet model = new();
    private Page page = null!;

    public async ValueTask InitializeAsync() => page = await Page.Of(model, Page.Photographs[1]);

    public async ValueTask DisposeAsync()
    {
        await page.DisposeAsync();
        model.Dispose();
    }

    private async Task<HttpResponseMessage> Ask(string path, params (string Name, string Value)[] headers)
    {
        using var client = new HttpClient(new HttpClientHandler { UseCookies = false,
            AllowAutoRedirect = false }) { BaseAddress = page.Client.BaseAddress };
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/app.js")]
    [InlineData("/api/model")]
    [InlineData("/?token=0123456789abcdef0123456789abcdef")]
    [InlineData("/nowhere")]
    public async Task Without_the_token_nothing_is_told(string path)
        => Assert.Equal("The token is missing or wrong: open the address that torchfx explore printed.",
            await Page.Sentence(await Ask(path), HttpStatusCode.Unauthorized));

    [Fact]
    public async Task The_token_of_the_address_becomes_a_cookie_that_only_this_page_sends()
    {
        var entered = await Ask(page.Address.PathAndQuery);
        Assert.Equal((HttpStatusCode.Redirect, "/"), (entered.StatusCode, entered.Headers.Location!.ToString()));
        var cookie = entered.Headers.GetValues("Set-Cookie").Single();
        Assert.Contains("httponly", cookie, StringComparison.Ordinal);
        Assert.Contains("samesite=strict", cookie, StringComparison.Ordinal);

        var shown = await Ask("/", ("Cookie", cookie.Split(';')[0]));
        Assert.Equal(HttpStatusCode.OK, shown.StatusCode);
        Assert.Contains("<canvas", await shown.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.StartsWith("default-src 'none'; script-src 'self'", shown.Headers.GetValues("Content-Security-Policy").Single(),
            StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await Ask("/api/model", ("X-Torchfx-Token", page.Token))).StatusCode);
    }

    [Fact]
    public async Task Another_origin_is_refused()
    {
        Assert.Equal("A page of 'http://example.com' may not ask this server.",
            await Page.Sentence(await Ask("/api/model", ("X-Torchfx-Token", page.Token), ("Origin", "http://example.com")),
                HttpStatusCode.Forbidden));
        Assert.Equal("A page of 'null' may not ask this server.",
            await Page.Sentence(await Ask("/api/model", ("X-Torchfx-Token", page.Token), ("Origin", "null")), HttpStatusCode.Forbidden));
        Assert.Equal(HttpStatusCode.OK, (await Ask("/api/model", ("X-Torchfx-Token", page.Token),
            ("Origin", page.Address.GetLeftPart(UriPartial.Authority)))).StatusCode);
    }

    [Fact]
    public async Task Another_host_is_refused_as_a_rebound_name_would_be()
        => Assert.Equal($"This server answers as 127.0.0.1:{page.Address.Port} only, not as 'example.com:{page.Address.Port}'.",
            await Page.Sentence(await Ask(page.Address.PathAndQuery, ("Host", $"example.com:{page.Address.Port}")),
                HttpStatusCode.Forbidden));

    [Fact]
    public void It_listens_on_loopback_only()
    {
        Assert.Equal("127.0.0.1", page.Address.Host);
        var listening = IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Where(end => end.Port == page.Address.Port);
        Assert.Equal([IPAddress.Loopback], listening.Select(end => end.Address));
    }

    [Theory]
    [InlineData("/../../../../etc/passwd")]
    [InlineData("/..%2f..%2f..%2fetc%2fpasswd")]
    [InlineData("/page/index.html")]
    public async Task No_path_leads_to_another_file(string path)
        => Assert.Equal("There is no such page.", await Page.Sentence(await Raw(path), HttpStatusCode.NotFound));

    [Fact]
    public async Task No_name_leads_to_a_file()
    {
        var node = await page.Client.GetAsync("/api/node?node=../../etc/passwd", TestContext.Current.CancellationToken);
        Assert.StartsWith("node: '../../etc/passwd' is not in the graph.", await Page.Sentence(node, HttpStatusCode.BadRequest),
            StringComparison.Ordinal);
        var input = await page.Client.GetAsync("/api/picture?kind=image&input=7", TestContext.Current.CancellationToken);
        Assert.Equal("There is no input 7: the page shows those that there are.", await Page.Sentence(input, HttpStatusCode.BadRequest));

        using var response = await page.Client.PostAsync("/api/upload?name=..%2F..%2Fetc%2Fcat.png",
            new ByteArrayContent(File.ReadAllBytes(Page.Photographs[1])), TestContext.Current.CancellationToken);
        Assert.Contains("\"name\":\"cat.png\"", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_large_upload_is_refused_before_it_is_there()
    {
        using var content = new Endless(200 << 20, saysItsLength: true);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/upload?name=large.png") { Content = content };
        request.Headers.ExpectContinue = true;
        using var response = await page.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal("The upload is 200 MiB, larger than the 32 MiB that are taken.",
            await Page.Sentence(response, HttpStatusCode.RequestEntityTooLarge));
        Assert.Equal(0, content.Sent);
        Assert.Single((await page.Get("/api/model")).GetProperty("inputs").EnumerateArray());
    }

    [Fact]
    public async Task An_upload_that_hides_its_size_is_cut_off()
    {
        using var content = new Endless(200 << 20, saysItsLength: false);
        // Who still sends may not get to read the sentence.
        var answer = await Record.ExceptionAsync(async ()
            => Assert.Equal("The upload is larger than the 32 MiB that are taken.", await Page.Sentence(
            await page.Client.PostAsync("/api/upload?name=large.png", content, TestContext.Current.CancellationToken),
                HttpStatusCode.RequestEntityTooLarge)));
        Assert.True(answer is null or HttpRequestException, answer?.ToString());
        Assert.InRange(content.Sent, 32 << 20, 64 << 20);
        Assert.Single((await page.Get("/api/model")).GetProperty("inputs").EnumerateArray());
    }

    [Fact]
    public async Task A_broken_image_is_refused_and_leaves_nothing()
    {
        var whole = File.ReadAllBytes(Page.Photographs[1]);
        Assert.Equal("notes.png is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged.",
            await page.Refused("notes.png", "no image"u8.ToArray()));
        Assert.StartsWith("cat.png is truncated: its Png data could not be decoded",
            await page.Refused("cat.png", whole[..(whole.Length / 2)]), StringComparison.Ordinal);
        Assert.Equal("empty.png is empty.", await page.Refused("empty.png", []));
        Assert.Single((await page.Get("/api/model")).GetProperty("inputs").EnumerateArray());
    }

    [Fact]
    public async Task A_bomb_is_refused_unopened()
        => Assert.Equal("bomb.png claims 30000 × 30000 pixels, more than the 50000000 that are decoded.",
            await page.Refused("bomb.png", PngHeader(30000, 30000)));

    [Fact]
    public async Task A_file_of_tensors_that_lies_about_its_size_is_refused()
    {
        var header = """{"x":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}"""u8.ToArray();
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        var sentence = await page.Refused("x.safetensors", [.. length, .. header, 0, 0, 0, 0]);
        Assert.Contains("x", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("unexpected", sentence, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>A PNG that is only a header of this size.</summary>
    private static byte[] PngHeader(int width, int height)
    {
        var content = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(content, width);
        BinaryPrimitives.WriteInt32BigEndian(content.AsSpan(4), height);
        (content[8], content[9]) = (8, 2);
        return [0x89, .. "PNG\r\n"u8, 0x1a, 0x0a, .. Chunk("IHDR", content), .. Chunk("IDAT", [0x78, 0x9c, 3, 0, 0, 0, 0, 1]),
            .. Chunk("IEND", [])];
    }

    private static byte[] Chunk(string type, byte[] content)
    {
        byte[] body = [.. Encoding.ASCII.GetBytes(type), .. content];
        var (length, check) = (new byte[4], new byte[4]);
        BinaryPrimitives.WriteInt32BigEndian(length, content.Length);
        BinaryPrimitives.WriteUInt32BigEndian(check, Crc32.HashToUInt32(body));
        return [.. length, .. body, .. check];
    }

    /// <summary>A request whose path no client tidies up.</summary>
    private async Task<HttpResponseMessage> Raw(string path)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, page.Address.Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{page.Address.Port}\r\nX-Torchfx-Token: {page.Token}\r\nConnection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        var answer = await new StreamReader(stream).ReadToEndAsync(TestContext.Current.CancellationToken);
        var status = (HttpStatusCode)int.Parse(answer.Split(' ')[1]);
        return new(status) { Content = new StringContent(answer[answer.IndexOf('{')..(answer.LastIndexOf('}') + 1)], Encoding.UTF8,
            "application/json") };
    }

    /// <summary>Zeros, counted as they are sent.</summary>
    private sealed class Endless(long size, bool saysItsLength) : HttpContent
    {
        internal long Sent { get; private set; }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            var block = new byte[1 << 16];
            for (; Sent < size; Sent += block.Length)
                await stream.WriteAsync(block);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = size;
            return saysItsLength;
        }
    }
}
