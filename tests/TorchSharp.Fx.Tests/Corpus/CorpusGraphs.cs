using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Corpus;

/// <summary>The modules of the corpus as graph modules, and what they are called with.</summary>
internal static class CorpusGraphs
{
    internal static IEnumerable<string> Traced => CorpusModules.Sections.Values.SelectMany(rows => rows).Where(row => row.Refusal is null).Select(row => row.Name);

    internal static nn.Module Make(CorpusRow row)
    {
        manual_seed(5);
        var module = row.Make();
        module.train(row.Training);
        // TorchSharp leaves these as the memory is.
        foreach (var norm in module.modules().OfType<TorchSharp.Modules.GroupNorm>())
        {
            nn.init.ones_(norm.weight!);
            nn.init.zeros_(norm.bias!);
        }
        return module;
    }

    internal static object?[][] Calls(CorpusRow row)
    {
        manual_seed(6);
        return row.Calls();
    }

    internal static GraphModule Trace(CorpusRow row, nn.Module module)
        => fx.symbolic_trace(module, example_inputs: row.ByExample ? Calls(row)[0] : null, suppress_trace_warning: true);

    internal static object? Seeded(Func<object?> run)
    {
        manual_seed(7);
        return run();
    }

    /// <summary>Fails unless a check does what the table of outcomes says.</summary>
    internal static void Hold(IReadOnlyDictionary<string, string> excepted, string name, Action check)
    {
        var failure = Record.Exception(check);
        if (Environment.GetEnvironmentVariable("WRITE_OUTCOMES") is { } file)
        {
            if (failure is not null)
                lock (excepted)
                    File.AppendAllText(file, $"{name}\t{failure.GetType().Name}: {failure.Message.ReplaceLineEndings(" ")}\n");
            return;
        }
        if (excepted.TryGetValue(name, out var reason))
            Assert.Contains(reason, failure?.Message ?? "it succeeds", StringComparison.Ordinal);
        else if (failure is not null)
            throw new InvalidOperationException($"{name}: {failure.Message}", failure);
    }
}
