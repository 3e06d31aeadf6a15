using System.CommandLine;

namespace TorchSharp.Fx.Cli;

/// <summary>A command with examples, which its help shows.</summary>
internal abstract class ToolCommand(string name, string description, params string[] examples) : Command(name, description)
{
    /// <summary>Command lines without the tool's name.</summary>
    internal IReadOnlyList<string> Examples => examples;

    internal static Option<string> Choice(string name, string description, params string[] values)
    {
        var option = new Option<string>(name) { Description = description, DefaultValueFactory = _ => values[0] };
        option.AcceptOnlyFromAmong(values);
        return option;
    }
}
