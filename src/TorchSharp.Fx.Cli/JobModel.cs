using System.CommandLine;
using System.Text.Json.Nodes;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary>The model of a job or a table: built as its maker's command line says, and refused where it would give other numbers.</summary>
internal sealed class JobModel : IDisposable
{
    internal const string Arguments = "arguments";

    private readonly Extractor extractor;

    private readonly string[] arguments;

    private JobModel(Extractor extractor, FeaturePipelineOptions options, string[] arguments)
    {
        (this.extractor, this.arguments) = (extractor, arguments);
        Pipeline = extractor.Pipeline(options);
        Identity = extractor.Identity(options);
    }

    internal FeaturePipeline Pipeline { get; }

    /// <summary>The metadata of every part.</summary>
    internal Dictionary<string, string> Metadata => new([.. Identity, TableModel.Metadata(arguments)]);

    private Dictionary<string, string> Identity { get; }

    /// <summary>Its entry in <c>job.json</c>.</summary>
    /// <param name="arguments">The command line of the model.</param>
    internal JsonObject Settings(string[] arguments)
    {
        var settings = new JsonObject { [Arguments] = new JsonArray([.. arguments.Select(argument => (JsonNode)argument)]) };
        foreach (var (name, value) in Identity)
            settings[name] = value;
        return settings;
    }

    internal static JobModel Build(string[] arguments, bool isHalf)
    {
        var options = new ExtractionOptions();
        var command = new Command("job");
        options.AddTo(command);
        // A text that names a file of arguments is none here.
        var parsed = command.Parse(arguments, new() { ResponseFileTokenReplacer = null });
        if (parsed.Errors is [var wrong, ..])
            throw new ToolException($"The model's arguments can't be read: {wrong.Message}");
        var (source, requested) = options.Read(parsed);
        return new(options.Build(parsed, source, requested), new() { BatchSize = options.Batch(parsed), IsHalf = isHalf }, arguments);
    }

    /// <param name="job">The job.</param>
    /// <param name="allowed">The assemblies that may be loaded.</param>
    internal static JobModel Of(Job job, IReadOnlyCollection<string> allowed)
    {
        var settings = job.Definition.Settings;
        var model = Build(JobAssemblies.Arguments(job, allowed), job.Definition.Features.Any(feature => feature.Type == typeof(Half)));
        try
        {
            model.RequireMade($"job in '{job.Folder}'", "job",
                model.Identity.Keys.ToDictionary(name => name, name => (string?)settings[name]));
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Refuses to go on from what was made with another model.</summary>
    /// <param name="what">What was made.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="made">What it says that it was made with.</param>
    internal void RequireMade(string what, string kind, IReadOnlyDictionary<string, string?> made)
    {
        foreach (var (name, value) in Identity)
            if (made.TryGetValue(name, out var before) && before != value)
                throw new ToolException(
                    $"The {what} was made with the {name} '{before}', and here it is '{value}': the numbers would differ. Use what it was "
                        + $"made with, or make the {kind} anew.");
    }

    public void Dispose() => extractor.Dispose();
}
