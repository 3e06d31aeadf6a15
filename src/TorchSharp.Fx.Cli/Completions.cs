using System.CommandLine;
using System.CommandLine.Completions;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Cli;

/// <summary>
/// The words that a shell offers while a command is typed: models, the classes of an assembly, and the nodes of the model that stands
/// before.
/// </summary>
internal static class Completions
{
    /// <summary>Models that have a name; after <c>path/To.dll:</c> the module classes there. Files are the shell's matter.</summary>
    internal static IEnumerable<CompletionItem> Models(CompletionContext context)
    {
        var word = context.WordToComplete;
        var end = word.IndexOf(".dll:", StringComparison.OrdinalIgnoreCase);
        var names = end < 0
            ? [.. models.list_models(), .. TrainedResNet.IsHere ? new[] { TrainedResNet.Name } : []]
                : Silently(() => ModelAssembly.Load(word[..(end + 4)]).ModuleNames.Select(name => $"{word[..(end + 5)]}{name}"));
        return Beginning(names, word);
    }

    /// <summary>Models that find objects.</summary>
    internal static IEnumerable<CompletionItem> Detectors(CompletionContext context)
        => Beginning(models.list_models(ModelInput.Images), context.WordToComplete);

    /// <summary>
    /// The names of nodes and of the modules that hold them, for the last of the list's names; what stands before it is kept.
    /// </summary>
    internal static IEnumerable<CompletionItem> Nodes(CompletionContext context)
    {
        var word = context.WordToComplete;
        var before = word[..(word.LastIndexOf(',') + 1)];
        return Beginning(Silently(() => NodeNames(context.ParseResult)).Select(name => before + name), word);
    }

    private static IEnumerable<string> NodeNames(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (command.Arguments.OfType<Argument<string>>().FirstOrDefault(argument => argument.Name == "MODEL") is not { } model
            || parsed.GetValue(model) is not { } name)
            return [];
        var constructor = command.Options.OfType<Option<string?>>().FirstOrDefault(option => option.Name == "--args");
        var kwargs = new TracerKwargs();
        using var module = ModelSource.Find(name, constructor is null ? null : parsed.GetValue(constructor)).BuildToTrace(kwargs);
        module.eval();
        using var traced = TracedModel.Of(module, kwargs);
        return [.. traced.Names.Values.SelectMany(WithModules).Distinct(StringComparer.Ordinal)];
    }

    /// <summary><c>layer1.0.relu</c> → <c>layer1</c>, <c>layer1.0</c>, <c>layer1.0.relu</c></summary>
    private static IEnumerable<string> WithModules(string name)
        => name.Index().Where(letter => letter.Item == '.').Select(dot => name[..dot.Index]).Append(name);

    private static IEnumerable<CompletionItem> Beginning(IEnumerable<string> names, string word)
        => names.Where(name => name.StartsWith(word, StringComparison.OrdinalIgnoreCase)).Select(name => new CompletionItem(name));

    /// <summary>Nothing is offered where the model can't be found or traced: the command itself says why.</summary>
    private static IEnumerable<string> Silently(Func<IEnumerable<string>> names)
    {
        try
        {
            return [.. names()];
        }
        catch (Exception)
        {
            return [];
        }
    }
}
