namespace TorchSharp.Fx.Cli;

/// <summary>A user's mistake, told in one sentence.</summary>
internal sealed class ToolException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Whether the command line itself is wrong, rather than what it names.</summary>
    internal bool IsWrongUsage { get; init; }
}
