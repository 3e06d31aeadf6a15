using TorchSharp.Fx.Testing;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>The sample photographs.</summary>
internal static class Photographs
{
    internal static readonly string[] Paths = [.. new[] { "astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg" }.Select(name => Golden.PathOf("images", name))];
}
