using Spectre.Console;

namespace TorchSharp.Fx.Cli;

/// <summary>Tables and progress bars, for people who look at them.</summary>
internal static class Terminal
{
    // Wide enough that no table is cut where nobody looks at it line by line.
    private const int RedirectedWidth = 200;

    internal static IAnsiConsole Results { get; } = Create(Console.Out, Console.IsOutputRedirected);

    internal static IAnsiConsole Messages { get; } = Create(Console.Error, Console.IsErrorRedirected);

    /// <summary>A table with these headings; cells are plain text, never markup.</summary>
    internal static Table Table(params string[] headings)
    {
        var table = new Table { Border = TableBorder.Rounded };
        foreach (var heading in headings)
            table.AddColumn(new TableColumn(new Text(heading, new Style(decoration: Decoration.Bold))));
        return table;
    }

    internal static void AddRow(this Table table, params IEnumerable<string> cells) => table.Rows.Add(cells.Select(cell => new Text(cell)));

    /// <summary>Does something, with a progress bar where somebody looks at it.</summary>
    /// <param name="what">What is counted.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="work">What to do; it is given what to call with the number of those that are done since.</param>
    internal static void WithProgress(string what, int count, Action<Action<int>> work)
    {
        if (Console.IsErrorRedirected)
        {
            work(_ => { });
            return;
        }
        Messages.Progress().Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
        {
            var task = context.AddTask(what, maxValue: count);
            work(done => task.Increment(done));
        });
    }

    /// <summary>Does something of unknown length, with a count where somebody looks at it.</summary>
    /// <param name="what">What is counted.</param>
    /// <param name="work">What to do; it is given what to call with the number of those that are done.</param>
    internal static async Task WithCount(string what, Func<Action<long>, Task> work)
    {
        if (Console.IsErrorRedirected)
            await work(_ => { });
        else
            await Messages.Status()
                .StartAsync($"0 {what}", context => work(done => context.Status(FormattableString.Invariant($"{done:N0} {what}"))));
    }

    /// <summary>
    /// Whether a console is a terminal is asked of its own stream: Spectre asks standard output, also for what goes to standard error.
    /// </summary>
    private static IAnsiConsole Create(TextWriter writer, bool isRedirected)
    {
        var moves = !isRedirected && Environment.GetEnvironmentVariable("TERM") is not "dumb";
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = moves ? AnsiSupport.Yes : AnsiSupport.No,
            Interactive = moves ? InteractionSupport.Yes : InteractionSupport.No,
        });
        if (isRedirected)
            console.Profile.Width = RedirectedWidth;
        return console;
    }
}
