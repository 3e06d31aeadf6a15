using static TorchSharp.torch;

namespace TorchSharp.Fx.Explain;

/// <summary>A model as a graph in which the value of one node can be read and replaced at each run.</summary>
internal sealed class ExplainedModel : IDisposable
{
    private readonly nn.Module root;
    private readonly Graph graph;
    private readonly IReadOnlyDictionary<string, Tensor> constants;
    private readonly string name;
    private Func<Tensor, Tensor> edit = value => value;

    /// <param name="model">The model, in the mode that it is to be explained in; a graph module is taken as it is.</param>
    /// <param name="input">What it is traced with.</param>
    /// <param name="node">The name of a node or module; the input's where null.</param>
    internal ExplainedModel(nn.Module model, Tensor input, string? node)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(input);
        (root, graph, constants) = Traced(model, input, kwargs => new NodePathTracer(kwargs));
        try
        {
            var edited = node is null ? graph.nodes.First() : graph.find_node(node);
            name = node ?? edited.name;
            graph.insert_intervention(edited, value => edit(value));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A copy of a model's graph, with the tensors that are the graph's own.</summary>
    internal static (nn.Module Root, Graph Graph, IReadOnlyDictionary<string, Tensor> Constants) Traced(
        nn.Module model, Tensor input, Func<TracerKwargs, NodePathTracer> tracer)
    {
        if (model is IGraphModule traced)
            return (model, traced.graph.clone(), new Dictionary<string, Tensor>());
        using var _ = no_grad();
        var tracing = tracer(new() { example_inputs = [input] });
        return (model, tracing.trace(model), tracing.tensor_constants);
    }

    /// <summary>The model's result, or the first tensor in it, and the node's value.</summary>
    internal (Tensor Output, Tensor Value) Run(Tensor input)
    {
        Tensor? value = null;
        var output = Run(input, given =>
        {
            value = given.detach().clone().MoveToOuterDisposeScope();
            return given;
        });
        return (output, value!);
    }

    /// <summary>The model's result where the node has another value.</summary>
    internal Tensor Run(Tensor input, Func<Tensor, Tensor> with)
    {
        edit = with;
        var result = new GraphInterpreter(root, graph, constants).run(input);
        return Structure.Tensors(result).FirstOrDefault()
            ?? throw new ArgumentException($"The model returns a {result?.GetType().Name ?? "null"}, which holds no tensor of scores.");
    }

    /// <summary>The gradient of the images' scores by the node's value, which is put in.</summary>
    /// <param name="input">The model's input.</param>
    /// <param name="value">The node's value.</param>
    /// <param name="score">From the model's result to a score for each image.</param>
    internal Tensor Gradient(Tensor input, Tensor value, Func<Tensor, Tensor> score)
    {
        CheckGradients(value);
        using var recorded = enable_grad();
        var leaf = value.detach().requires_grad_(true);
        // What works in place after the node may not write to a leaf.
        var scores = score(Run(input, _ => leaf.clone()));
        return (scores.requires_grad ? autograd.grad([scores.sum()], [leaf], allow_unused: true)[0] : null)
            ?? throw new ArgumentException($"The score does not depend on the value of '{name}': name a node that comes before it.");
    }

    /// <summary>Refuses a value of the node that can't have gradients.</summary>
    internal void CheckGradients(Tensor value)
    {
        if (!value.is_floating_point())
            throw new ArgumentException(
                $"The value of '{name}' has the type {value.dtype}, and only floating-point numbers have gradients. "
                + "Name a later node, an embedding say.");
    }

    public void Dispose()
    {
        foreach (var constant in constants.Values)
            constant.Dispose();
    }
}
