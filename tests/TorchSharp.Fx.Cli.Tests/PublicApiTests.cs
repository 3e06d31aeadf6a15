using System.Reflection;
using PublicApiGenerator;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>
/// What each package offers is what its list says: a change of the public surface is seen and meant. TORCHFX_WRITE_API=folder writes the lists as they
/// would be.
/// </summary>
public sealed class PublicApiTests
{
    /// <summary>The packages that the command is made of.</summary>
    public static TheoryData<string> Packages
        => [.. Directory.GetFiles(AppContext.BaseDirectory, "TorchSharp.Fx*.dll").Select(file => Path.GetFileNameWithoutExtension(file)).Where(name => !name.Contains("Test", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Packages))]
    public void The_public_surface_of_a_package_is_the_listed_one(string package)
    {
        var options = new ApiGeneratorOptions { IncludeAssemblyAttributes = false, UseDenyNamespacePrefixesForExtensionMethods = false, DenyNamespacePrefixes = [] };
        var actual = Assembly.Load(package).GeneratePublicApi(options).ReplaceLineEndings("\n");
        if (Environment.GetEnvironmentVariable("TORCHFX_WRITE_API") is { Length: > 0 } folder)
            File.WriteAllText(Path.Combine(folder, $"{package}.txt"), actual + "\n");
        var list = Path.Combine(AppContext.BaseDirectory, "data", "api", $"{package}.txt");
        Assert.True(File.Exists(list), $"{package} has no list in tests/data/api.");
        var (listed, found) = (Lines(File.ReadAllText(list)), Lines(actual));
        Assert.True(listed.SequenceEqual(found), $"{package} is no longer as listed: {string.Join("; ", found.Except(listed).Select(line => "+ " + line).Concat(listed.Except(found).Select(line => "- " + line)).Take(10))}. "
            + "If that is meant, say so in CHANGELOG.md and write the list again: CONTRIBUTING.md says how.");
    }

    private static string[] Lines(string text) => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim())];
}
