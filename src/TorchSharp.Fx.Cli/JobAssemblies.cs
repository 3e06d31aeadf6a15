using System.CommandLine;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary>
/// The assemblies whose code a job may run. A job's folder may come from anywhere, so that it names one is no reason to load it.
/// </summary>
internal sealed class JobAssemblies
{
    internal const string Name = "--assembly";

    private readonly Option<string[]> option = new(Name)
    {
        Description =
            "An assembly whose code the job may load and run. Without it, a job whose model is a class of an assembly is refused.",
        HelpName = "FILE.dll",
    };

    internal void AddTo(Command command) => command.Add(option);

    /// <summary>Those that the command line allows, by their full paths.</summary>
    internal string[] Read(ParseResult parsed) => [.. (parsed.GetValue(option) ?? []).Select(Path.GetFullPath)];

    /// <summary>The command line of a job's model.</summary>
    /// <param name="job">The job.</param>
    /// <param name="allowed">The assemblies that may be loaded.</param>
    /// <exception cref="ToolException">It names another one.</exception>
    internal static string[] Arguments(Job job, IReadOnlyCollection<string> allowed)
    {
        var named = job.Definition.Settings[JobModel.Arguments]?.AsArray()
            ?? throw new ToolException(
                $"The job in '{job.Folder}' was not made by 'torchfx job create': the program that made it runs it.");
        string[] arguments = [.. named.Select(argument => (string)argument!)];
        return arguments is not [var model, ..] || ModelAssembly.Named(model) is not var (path, _) || allowed.Contains(path) ? arguments
            : throw new ToolException(
                $"The job in '{job.Folder}' was made with '{model}', code of an assembly, which is not run because a file says so: allow "
                    + $"it with {Name} '{path}'.") { IsWrongUsage = true };
    }
}
