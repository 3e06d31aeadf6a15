using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Export;

/// <summary>A module that a call happened in.</summary>
/// <param name="Key">Tells two calls of one module apart.</param>
/// <param name="Path">Its qualified name.</param>
/// <param name="Type">Its class in Python, with its namespace.</param>
internal sealed record ModuleFrame(string Key, string Path, string Type)
{
    /// <summary>Whether it is a module of PyTorch's own, and no container.</summary>
    internal bool IsLayer => Type.StartsWith("torch.nn.modules.", StringComparison.Ordinal)
        && !Type.StartsWith("torch.nn.modules.container.", StringComparison.Ordinal);
}

/// <summary>A line of Python that was running.</summary>
/// <param name="File">The file.</param>
/// <param name="Line">The line's number.</param>
/// <param name="Function">The function that it is in.</param>
/// <param name="Source">The line itself.</param>
internal sealed record CodeFrame(string File, int Line, string Function, string Source);

/// <summary>Where in the Python program a node comes from, by its metadata.</summary>
/// <param name="Modules">The modules around it, the outermost first.</param>
/// <param name="Function">The function that was called, as its class and name; empty where none is known.</param>
/// <param name="FunctionCall">Tells two calls of one function apart.</param>
/// <param name="Frames">The stack, the outermost first.</param>
internal sealed partial record ExportedCall(ImmutableArray<ModuleFrame> Modules, string Function, string FunctionCall,
    ImmutableArray<CodeFrame> Frames)
{
    internal static ExportedCall Of(NodeData node)
    {
        var modules = Text("nn_module_stack").Split(';', StringSplitOptions.RemoveEmptyEntries).Select(Frame).OfType<ModuleFrame>();
        var call = Text("torch_fn");
        var function = call[(call.IndexOf(';', StringComparison.Ordinal) + 1)..];
        return new([.. modules], function, call, [.. Places().Matches(Text("stack_trace")).Select(Code)]);

        string Text(string key) => node.metadata.GetValueOrDefault(key, "");
    }

    /// <summary>The path of the innermost module.</summary>
    internal string Path => Modules.IsEmpty ? "" : Modules[^1].Path;

    /// <summary>The innermost line of the user's: what PyTorch runs of its own making has a name in angle brackets.</summary>
    internal CodeFrame? Line => Frames.LastOrDefault(frame => !frame.File.StartsWith('<'));

    private static CodeFrame Code(Match match)
        => new(match.Groups[1].Value, int.TryParse(match.Groups[2].Value, out var line) ? line : 0, match.Groups[3].Value,
            match.Groups[4].Value.Trim());

    private static ModuleFrame? Frame(string text)
    {
        // A path may hold commas, a key and a type may not.
        var (first, last) = (text.IndexOf(',', StringComparison.Ordinal), text.LastIndexOf(','));
        return first < 0 || first == last || text.StartsWith("_empty_nn_module_stack", StringComparison.Ordinal) ? null
            : new(text[..first], Plain(text[(first + 1)..last]), text[(last + 1)..]);
    }

    /// <summary>PyTorch 2.6 may write <c>getattr(L['self'].layer1, '0')</c> for <c>layer1.0</c>.</summary>
    private static string Plain(string path)
    {
        while (Getattr().Match(path) is { Success: true } match)
            path = $"{match.Groups[1].Value}.{match.Groups[2].Value}{match.Groups[3].Value}";
        return Self().Replace(path, "");
    }

    [GeneratedRegex(@"^(?:getattr\()(.*), '([^']*)'\)((?:\.\w+)*)$")]
    private static partial Regex Getattr();

    [GeneratedRegex(@"^L\['\w+'\]\.?")]
    private static partial Regex Self();

    [GeneratedRegex(@"File ""([^""\n]*)"", line (\d+), in (\S+)(?:\n(?!\s*File "")([^\n]*))?")]
    private static partial Regex Places();
}
