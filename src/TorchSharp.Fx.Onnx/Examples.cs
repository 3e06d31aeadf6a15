namespace TorchSharp.Fx.Onnx;

/// <summary>Runs a graph on the examples: three times where a dimension is free, so that what depends on it shows how.</summary>
internal static class Examples
{
    internal static (ExampleRun[] Runs, long[] Free, string? Letter) Run(Expansion code, IReadOnlyList<object?> inputs)
    {
        var letters = InputShape.FreeDimensions(inputs);
        if (letters.Count > 1)
            throw new ArgumentException($"{string.Join(", ", letters.Select(letter => letter.Letter))} are free, but only one dimension can be; fix the others.", nameof(inputs));
        long[] free = letters is [{ Size: var size, Other: var other }] ? [size, other, size + other] : [1];
        var expansions = new Dictionary<Node, Expansion>();
        var runs = Array.ConvertAll(free, number => new ExampleRun(code, expansions));
        foreach (var (run, number) in runs.Zip(free))
            run.run([.. inputs.Select(input => input is InputShape shape ? shape.Example(letters.ToDictionary(letter => letter.Letter, _ => number), 0, torch.CPU) : input)]);
        return (runs, free, letters is [var only] ? only.Letter : null);
    }
}
