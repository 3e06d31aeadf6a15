using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;

namespace TorchSharp.Fx.Cli;

/// <summary>The command line as a whole: its commands, its exit codes, and how a failure is told.</summary>
/// <remarks>Results go to standard output; progress, summaries, warnings and errors to standard error.</remarks>
internal static class Tool
{
    internal const int Failed = 1;
    internal const int WrongUsage = 2;

    /// <summary>Done, but some inputs were broken.</summary>
    internal const int WithErrors = 3;
    private const int Interrupted = 130;

    internal static async Task<int> Run(string[] args)
    {
        KeepMemory();
        var verbose = new Option<bool>("--verbose") { Description = "Show the stack trace of an error.", Recursive = true };
        var parsed = Root(verbose).Parse(args);
        if (parsed.Action is ParseErrorAction)
            return await Refuse(parsed);
        // Between two batches there is time to stop without a half-written file; the limit is for one that never ends.
        var invocation =
            new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(1) };
        try
        {
            return await parsed.InvokeAsync(invocation);
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("torchfx: interrupted; every file that was written is whole.");
            return Interrupted;
        }
        catch (Exception error)
        {
            await Console.Error.WriteLineAsync($"torchfx: {Failure.Sentence(error)}");
            if (parsed.GetValue(verbose))
                await Console.Error.WriteLineAsync($"{Environment.NewLine}{error}");
            return error is ToolException { IsWrongUsage: true } ? WrongUsage : Failed;
        }
    }

    /// <summary>The tool's process is its own, and short; TORCHFX_KEEP_MEMORY=0 is there to measure what it gains.</summary>
    private static void KeepMemory()
    {
        if (Environment.GetEnvironmentVariable("TORCHFX_KEEP_MEMORY") != "0")
            TensorMemory.KeepFreed();
    }

    private static RootCommand Root(Option<bool> verbose)
    {
        var root = new RootCommand("Lists the nodes of any TorchSharp model, draws its graph and extracts features from images.")
        {
            new ModelsCommand(), new ExploreCommand(), new NodesCommand(), new GraphCommand(), new SummaryCommand(),
            new TraceCommand(), new VerifyCommand(),
            new ExtractCommand(), new PredictCommand(), new DetectCommand(), new FlowCommand(),
            new RunCommand(), new ExplainCommand(), new MapsCommand(), new SaveCommand(),
            new QuantizeCommand(), new ExportCommand(), new JobCommand(), new WorkerCommand(), new SearchCommand(), new DuplicatesCommand(),
            new ProbeCommand(), new BenchCommand(), new WeightsCommand(), new CompletionCommand(), new DoctorCommand(), verbose,
        };
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        // A name that only gathers commands has no meaning of its own.
        foreach (var group in root.Subcommands.Where(command => command.Subcommands.Count > 0).Prepend(root))
            group.Action = help.Action;
        return root;
    }

    private static async Task<int> Refuse(ParseResult parsed)
    {
        foreach (var error in parsed.Errors)
            await Console.Error.WriteLineAsync(
                $"torchfx: {string.Join(' ', error.Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))}");
        await Console.Error.WriteLineAsync(
            $"Run 'torchfx {string.Concat(Path(parsed.CommandResult).Select(name => name + " "))}--help' to see how it is used.");
        return WrongUsage;
    }

    /// <summary>The names of a command and those it belongs to, without the tool's own.</summary>
    private static IEnumerable<string> Path(CommandResult command)
        => command.Parent is CommandResult parent ? Path(parent).Append(command.Command.Name) : [];

    private sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            help.Invoke(parseResult);
            var commands = parseResult.CommandResult.Command is ToolCommand one
                ? [one] : parseResult.CommandResult.Command.Subcommands.OfType<ToolCommand>();
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (var example in commands.SelectMany(command => parseResult.CommandResult.Command is RootCommand
                ? command.Examples.Take(1) : command.Examples))
                output.WriteLine($"  torchfx {example}");
            output.WriteLine();
            return 0;
        }
    }
}
