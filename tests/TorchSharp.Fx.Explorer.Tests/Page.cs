using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers.Tests;

/// <summary>An explorer and who asks it, with its token.</summary>
internal sealed class Page : IAsyncDisposable
{
    private readonly Explorer explorer;

    private Page(Explorer explorer)
    {
        this.explorer = explorer;
        Client = new(new HttpClientHandler { UseCookies = false,
            AllowAutoRedirect = false }) { BaseAddress = new Uri(explorer.Address.GetLeftPart(UriPartial.Authority)) };
        Client.DefaultRequestHeaders.Add("X-Torchfx-Token", Token);
    }

    internal static string[] Photographs { get; } =
        [.. new[] { "astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg" }.Select(name
            => Path.Combine(AppContext.BaseDirectory, "images", name))];

    internal Uri Address => explorer.Address;

    internal string Token => explorer.Address.Query["?token=".Length..];

    internal HttpClient Client { get; }

    internal static async Task<Page> Of(nn.Module model, params string[] inputs) => new(await Explorer.StartAsync(
        new("small", model) { Preprocessing = () => new ImageClassification(64, 64), Weights = "its own" }, inputs,
        cancellation_token: TestContext.Current.CancellationToken));

    internal async Task<JsonElement> Get(string path) => await Content(await Client.GetAsync(path, TestContext.Current.CancellationToken));

    internal async Task<byte[]> Bytes(string path)
    {
        using var response = await Client.GetAsync(path, TestContext.Current.CancellationToken);
        var content = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, System.Text.Encoding.UTF8.GetString(content));
        return content;
    }

    internal async Task<JsonElement> Post<T>(string path, T body)
        => await Content(await Client.PostAsJsonAsync(path, body, TestContext.Current.CancellationToken));

    /// <summary>The sentence that an image or file is refused with.</summary>
    internal async Task<string> Refused(string name, byte[] content)
    {
        using var response = await Client.PostAsync($"/api/upload?name={Uri.EscapeDataString(name)}", new ByteArrayContent(content),
            TestContext.Current.CancellationToken);
        return await Sentence(response, HttpStatusCode.BadRequest);
    }

    internal static async Task<string> Sentence(HttpResponseMessage response, HttpStatusCode status)
    {
        Assert.Equal(status, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("error")
            .GetString()!;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await explorer.DisposeAsync();
    }

    private static async Task<JsonElement> Content(HttpResponseMessage response)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True(response.IsSuccessStatusCode, text);
            return JsonSerializer.Deserialize<JsonElement>(text);
        }
    }
}
