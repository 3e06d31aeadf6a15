using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>The graph's runs on the examples.</summary>
/// <param name="Runs">Three runs with different sizes and numbers where any is free or depends on data, one otherwise.</param>
/// <param name="Axes">The names of each input's free dimensions.</param>
/// <param name="Numbers">Which inputs are numbers that are free.</param>
internal sealed record Examples(ExampleRun[] Runs, IReadOnlyDictionary<int, string>[] Axes, bool[] Numbers)
{
    // A position may have to be the length of a cache, or stay within a table.
    private static readonly Func<double, int, double>[] Ways = [(n, run) => n * (run + 1), (n, run) => n + run, (n, run) => n - run];

    /// <summary>Runs the graph.</summary>
    /// <param name="code">The graph.</param>
    /// <param name="inputs">Tensors, declared shapes, numbers.</param>
    /// <param name="named">The dimensions of each input that are free beside the letters of declared shapes.</param>
    /// <param name="wanted">The numbers that have to be free.</param>
    /// <param name="kept">The numbers that are free unless the graph holds them to what they are, as it does one that it asserts.</param>
    internal static Examples Of(Expansion code, IReadOnlyList<object?> inputs, IReadOnlyDictionary<int, string>[] named, bool[] wanted,
        bool[] kept)
    {
        if (Array.IndexOf(kept, true) >= 0)
            try
            {
                return Of(code, inputs, named, [.. wanted.Zip(kept, (one, other) => one || other)]);
            }
            catch (ArgumentException)
            {
            }
        return Of(code, inputs, named, wanted);
    }

    private static Examples Of(Expansion code, IReadOnlyList<object?> inputs, IReadOnlyDictionary<int, string>[] named, bool[] numbers)
    {
        var isAny = numbers.Contains(true);
        var isZero = inputs.Where((input, i) => numbers[i] && Convert.ToDouble(input, CultureInfo.InvariantCulture) == 0).Any();
        for (var way = isAny && !isZero ? 0 : 1; ; way++)
            try
            {
                return Of(code, inputs, named, numbers, (i, run) => numbers[i] ? Convert.ChangeType(
                    Ways[way](Convert.ToDouble(inputs[i], CultureInfo.InvariantCulture), run), inputs[i]!.GetType(), null) : null);
            }
            catch (ArgumentException) when (isAny && way + 1 < Ways.Length)
            {
            }
    }

    private static Examples Of(Expansion code, IReadOnlyList<object?> inputs, IReadOnlyDictionary<int, string>[] named,
        bool[] numbers, Func<int, int, object?> number)
    {
        var letters = InputShape.FreeDimensions(inputs);
        var sizes = new Dictionary<string, long>[] { new(), new(), new() };
        foreach (var (letter, size, other) in letters)
            (sizes[0][letter], sizes[1][letter], sizes[2][letter]) = (size, other, size + other);
        var axes = inputs.Select((input, i) => Named(input as InputShape, named[i])).ToArray();
        var expansions = new Dictionary<Node, Expansion>();
        var first = Ran(0, null);
        if (axes.Any(input => input.Count > 0) || numbers.Contains(true))
            return Told([first, Ran(1, first.HasLists ? 3 : null), Ran(2, first.HasLists ? 2 : null)]);
        if (!first.HasLists)
            return new([first], axes, numbers);
        try
        {
            return Told([first, Ran(0, 3), Ran(0, 2)]);
        }
        catch (ArgumentException error)
        {
            throw new OnnxExportException(first.Lists.First().Node,
                "data decides how many rows it has, and the model does not run with other "
                + $"numbers of them, so the exported one would be right for the example's alone: {(error.InnerException ?? error).Message}",
                    []);
        }

        // A number that is the same in all runs would be taken for one that no data changes.
        Examples Told(ExampleRun[] runs)
        {
            foreach (var ((node, rows), other, third) in first.Lists.Zip(runs[1].Lists, runs[2].Lists))
                if (rows == other.Rows && rows == third.Rows)
                    throw new OnnxExportException(node,
                        $"data decides how many rows it has, and it has {rows} in each try, so it can't be told what depends on that; "
                        + "give an example in which the model finds more", []);
            return new(runs, axes, numbers);
        }

        ExampleRun Ran(int turn, long? rows)
        {
            bool[] data = [.. inputs.Select((input, i) => input is Tensor or InputShape || numbers[i])];
            var run = new ExampleRun(code, data, expansions, []) { Rows = rows };
            Run(run, [.. inputs.Select((input, i) => number(i, turn) ?? Given(input, named[i], sizes[turn], turn))],
                isFree: axes.Any(input => input.Count > 0));
            return run;
        }
    }

    private static Dictionary<int, string> Named(InputShape? declared, IReadOnlyDictionary<int, string> named)
    {
        var axes = (declared?.letters ?? []).Index().Where(entry => entry.Item is not null)
            .ToDictionary(entry => entry.Index, entry => entry.Item!);
        foreach (var (axis, name) in named)
            axes[axis] = name;
        return axes;
    }

    /// <summary>A tensor is repeated along the dimensions that are free, so that its content stays one that the model takes.</summary>
    private static object? Given(object? input, IReadOnlyDictionary<int, string> named, Dictionary<string, long> sizes, int number)
    {
        var letters = (input as InputShape)?.letters;
        if ((input is InputShape shape ? shape.Example(sizes, 0, CPU) : input) is not Tensor tensor)
            return input;
        long[] repeats =
            [.. Enumerable.Range(0, (int)tensor.dim())
                .Select(axis => !named.ContainsKey(axis) || letters?[axis] is not null ? 1 : tensor.shape[axis] == 1
                    ? new[] { 2, 3, 5 }[number] : number + 1L)];
        // A copy, for the graph may write to it.
        return tensor.repeat(repeats);
    }

    private static void Run(ExampleRun run, object?[] inputs, bool isFree)
    {
        try
        {
            run.run(inputs);
        }
        catch (Exception error) when (error is GraphAssertionException or NodeExecutionException)
        {
            var shapes = string.Join(", ", inputs.OfType<Tensor>().Select(tensor => $"[{string.Join(", ", tensor.shape)}]"));
            throw new ArgumentException(isFree
                ? $"The model does not run for inputs {shapes}, as the example's free sizes ask for: {error.Message} Fix the size that it "
                    + "decides by, or give sizes to try (Nx3xH=64xW=64)."
                : $"The model does not run for the example, inputs {shapes}: {error.Message}", nameof(inputs), error);
        }
    }
}
