using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Keys as published files have them that are older than the names of today's layers; torchvision renames the same ones while loading.
/// </summary>
internal static partial class OldNames
{
    private static readonly (Regex old, string today)[] all =
    [
        (DenseNet(), "$1$2"),
        (TransformersFirst(), "0"),
        (TransformersSecond(), "3"),
        (Pyramid(), "0.$0"),
        (Proposals(), "0.0.$0"),
        .. Enumerable.Range(0, 4).Select(i => (new Regex($@"(?<=mask_head\.)mask_fcn{i + 1}(?=\.)"), $"{i}.0")),
        .. Enumerable.Range(0, 4)
            .Select(i => (new Regex($@"(?<=(classification|regression)_head\.conv\.){2 * i}(?=\.(weight|bias)$)"), $"{i}.0")),
    ];

    /// <summary>
    /// The first name of a key, as it is or as it became, that is <paramref name="wanted"/>; the key itself where none is.
    /// </summary>
    public static string Today(string key, Func<string, bool> wanted) =>
        all.Select(name => name.old.Replace(key, name.today)).Prepend(key).FirstOrDefault(wanted) ?? key;

    // norm.1 is norm1 today.
    [GeneratedRegex(@"(?<=denselayer\d+\.)(norm|relu|conv)\.([12])(?=\.)")]
    private static partial Regex DenseNet();

    // ViT's linear_1 and linear_2 stand in an MLP today, with an activation and dropout between them.
    [GeneratedRegex(@"(?<=\.mlp\.)linear_1(?=\.)")]
    private static partial Regex TransformersFirst();

    [GeneratedRegex(@"(?<=\.mlp\.)linear_2(?=\.)")]
    private static partial Regex TransformersSecond();

    // The convolutions of the proposals can be several today; those of masks and of RetinaNet can have norms.
    [GeneratedRegex(@"(?<=rpn\.head\.conv\.)(weight|bias)$")]
    private static partial Regex Proposals();

    // A feature pyramid's convolutions can have a norm behind them today.
    [GeneratedRegex(@"(?<=(inner|layer)_blocks\.\d+\.)(weight|bias)$")]
    private static partial Regex Pyramid();
}
