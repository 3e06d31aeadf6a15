using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>A model as the explorer shows it.</summary>
/// <param name="Name">The model's name on the page and in the command that it shows.</param>
/// <param name="Model">The model. The caller disposes it after the explorer.</param>
public sealed record ExploredModel(string Name, nn.Module Model)
{
    /// <summary>The settings of the trace.</summary>
    public TracerKwargs TracerKwargs { get; init; } = new();

    /// <summary>
    /// Makes the preprocessing from a decoded image, uint8 [3, H, W], to the model's input, [C, H, W]; null for a model without image
    /// inputs.
    /// </summary>
    public Func<nn.Module<Tensor, Tensor>>? Preprocessing { get; init; }

    /// <summary>Example inputs for computing shapes before an image is given, each a tensor or an <see cref="InputShape"/>.</summary>
    public IReadOnlyList<object?>? Sample { get; init; }

    /// <summary>The name of the weights, for files of features.</summary>
    public string Weights { get; init; } = "its own";

    /// <summary>The C# lines that create the variable <c>model</c>.</summary>
    public string Code { get; init; } = "// using var model = …";

    /// <summary>The options after the model's name in the command that the page shows.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>From the tensors of a file to the graph's inputs: by name or by position.</summary>
    internal Func<Graph, IReadOnlyDictionary<string, Tensor>, string, object?[]> Bind { get; init; } = (graph, given, file)
        => [.. graph.find_nodes(Opcode.placeholder).Select((input, position)
            => given.GetValueOrDefault(input.target.name) ?? given.GetValueOrDefault($"{position}")
                ?? throw new ArgumentException(
                    $"{file} has no tensor for the input '{input.target.name}': give it under that name or as '{position}'."))];
}
