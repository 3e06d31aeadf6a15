using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>A model as the explorer shows it.</summary>
/// <param name="Name">What the page calls it, and the command that it shows.</param>
/// <param name="Model">The model, the caller's to dispose after the explorer.</param>
public sealed record ExploredModel(string Name, nn.Module Model)
{
    /// <summary>How it is traced.</summary>
    public TracerKwargs TracerKwargs { get; init; } = new();

    /// <summary>Makes what leads from a decoded image, uint8 [3, H, W], to what the model takes, [C, H, W]; null for a model that takes no
    /// images.</summary>
    public Func<nn.Module<Tensor, Tensor>>? Preprocessing { get; init; }

    /// <summary>Inputs that shapes follow from while there is no image: tensors, or an <see cref="InputShape"/> where
    /// only sizes matter.</summary>
    public IReadOnlyList<object?>? Sample { get; init; }

    /// <summary>The weights, as a file of features names them.</summary>
    public string Weights { get; init; } = "its own";

    /// <summary>The C# lines that make the variable <c>model</c>.</summary>
    public string Code { get; init; } = "// using var model = …";

    /// <summary>The options that the command line has after the model, for the command that the page shows.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>From the tensors of a file to the graph's inputs: by name or by position.</summary>
    internal Func<Graph, IReadOnlyDictionary<string, Tensor>, string, object?[]> Bind { get; init; } = (graph, given, file)
        => [.. graph.find_nodes(Opcode.placeholder).Select((input, position)
            => given.GetValueOrDefault(input.target.name) ?? given.GetValueOrDefault($"{position}")
                ?? throw new ArgumentException(
                    $"{file} has no tensor for the input '{input.target.name}': give it under that name or as '{position}'."))];
}
