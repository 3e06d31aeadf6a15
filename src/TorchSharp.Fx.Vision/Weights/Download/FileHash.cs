using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Vision;

/// <summary>The SHA-256 of files, whose beginning PyTorch puts at the end of their names.</summary>
internal static partial class FileHash
{
    /// <summary>The part that stands in a file's name: <c>resnet50-0676ba61.pth</c>; null where none does.</summary>
    public static string? InName(string name) => Hash().Match(name) is { Success: true } match ? match.Groups[1].Value : null;

    /// <summary>In lower-case hexadecimal digits.</summary>
    public static async Task<string> Of(Stream stream, CancellationToken cancellation)
        => Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellation).ConfigureAwait(false));

    [GeneratedRegex("-([0-9a-f]{6,64})\\.[^.]*$")]
    private static partial Regex Hash();
}
