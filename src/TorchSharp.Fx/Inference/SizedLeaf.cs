using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// A leaf function that decides by sizes. For each combination of input shapes, up to a bound, it is traced with those and optimised;
/// further shapes run the function itself, which is right for all.
/// </summary>
internal sealed class SizedLeaf : nn.Module, IKeepsNothing, ICloneable
{
    private const int MostForms = 4;

    private readonly MethodInfo function;
    private readonly ParameterInfo[] signature;
    // What each parameter is given: a constant, a weight in steps, or null where an input comes.
    private object?[] constants;
    private readonly int[] inputs;
    // What the steps stand for that come in the place of numbers, by the parameter.
    private readonly IReadOnlyDictionary<int, Int8Steps> steps;
    // Null for a shape that it can't be traced with.
    private readonly ConcurrentDictionary<InputSizes, GraphModule?> forms = new();
    private readonly SharedKernels kernels;
    private readonly Lock tracing = new();

    /// <param name="function">The function.</param>
    /// <param name="args">Its arguments in the graph: what reads a parameter or buffer counts as constant.</param>
    /// <param name="layers">The graph, whose parameters and buffers are copied.</param>
    internal SizedLeaf(MethodInfo function, ImmutableArray<Argument> args, InferenceGraph layers)
        : this(function, Inputs(args), Inputs(args).Where(i => Numbers(args[i], layers) is not null)
            .ToDictionary(i => i, i => Numbers(args[i], layers)!.Value.Steps))
    {
        var builder = new ArgumentBuilder(node => Copy(layers.Tensor(node.target.name)), []);
        constants = [.. signature.Select((parameter, i) => inputs.Contains(i) ? null : Weight(args[i]) is { } weight
            ? SteppedWeight.Of(weight, layers) : builder.Build(args[i], parameter.ParameterType))];
    }

    private SizedLeaf(MethodInfo function, int[] inputs, IReadOnlyDictionary<int, Int8Steps> steps) : base(function.Name)
    {
        (this.function, this.inputs, this.steps, signature, constants) = (function, inputs, steps, function.GetParameters(), []);
        kernels = new(signature.Select(parameter => parameter.Name!).ToHashSet(StringComparer.Ordinal));
    }

    /// <summary>Which arguments are inputs.</summary>
    internal static int[] Inputs(ImmutableArray<Argument> args)
        => [.. Enumerable.Range(0, args.Length)
            .Where(i => args[i] is not NodeArgument { Node.op: Opcode.get_attr } && Weight(args[i]) is null && args[i].nodes().Any())];

    /// <summary>What the leaf is given for an argument: the steps, where that is numbers made of steps.</summary>
    internal static Argument Given(Argument argument, InferenceGraph layers)
        => Numbers(argument, layers) is var (given, _) ? given : argument;

    /// <summary>The result that the function returns for the inputs among its arguments.</summary>
    public object? forward(object?[] given)
    {
        var args = Arguments(given);
        return InputSizes.Of(inputs.Select(i => args[i])) is { } sizes && FormFor(sizes, args) is { } form
            ? ((IGraphModule)form).Program.Run([.. inputs.Select(i => args[i]).OfType<Tensor>()])
            : OfNumbers(args);
    }

    /// <summary>The function's own result.</summary>
    private object? OfNumbers(object?[] args)
    {
        using var scope = NewDisposeScope();
        var result = Thunks.Invoke(function, null, Numbers(args));
        foreach (var tensor in Structure.Tensors(result))
            tensor.MoveToOuterDisposeScope();
        return result;
    }

    /// <summary>The arguments that the function takes: numbers in the place of steps, which are the caller's.</summary>
    private object?[] Numbers(object?[] args)
        => [.. args.Select((arg, i) => arg switch
        {
            SteppedWeight weight => weight.Numbers(),
            Tensor tensor when steps.TryGetValue(i, out var known) => known.Numbers(tensor),
            _ => arg,
        })];

    private static (Argument Given, Int8Steps Steps)? Numbers(Argument argument, InferenceGraph layers)
        => argument is NodeArgument { Node: { op: Opcode.call_module } node } && layers.Module(node.target.name) is Int8Numbers numbers
            ? (node.args[0], numbers.Steps) : null;

    private static Int8Weight? Weight(Argument argument)
        => argument is NodeArgument { Node: var node } && Int8Weight.Of(node) is { Scale: not null } weight ? weight : null;

    /// <summary>The same leaf, with forms and constants of its own.</summary>
    public object Clone()
        => new SizedLeaf(function, inputs, steps)
        {
            constants = Array.ConvertAll(constants, constant => constant switch
            {
                Tensor tensor => Copy(tensor),
                SteppedWeight weight => weight.With(Copy),
                _ => constant,
            }),
        };

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        Forget();
        for (var i = 0; i < constants.Length; i++)
            if (constants[i] is SteppedWeight weight)
                constants[i] = weight.With(part => part.to(device ?? part.device, disposeAfter: true).DetachFromDisposeScope());
            else if (constants[i] is Tensor tensor)
                constants[i] =
                    tensor.to(dtype is not null
                        && tensor.is_floating_point() ? dtype.Value : tensor.dtype, device ?? tensor.device, disposeAfter: true)
                            .DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Forget();
            foreach (var tensor in constants.OfType<Tensor>().Concat(constants.OfType<SteppedWeight>().SelectMany(weight => weight.Parts)))
                tensor.Dispose();
        }
        base.Dispose(disposing);
    }

    private static Tensor Copy(Tensor tensor)
    {
        using var detached = tensor.detach();
        return detached.clone().DetachFromDisposeScope();
    }

    private object?[] Arguments(object?[] given)
    {
        object?[] args = [.. constants];
        for (var i = 0; i < inputs.Length; i++)
            args[inputs[i]] = ValueConversion.Apply(given[i], signature[inputs[i]].ParameterType);
        return args;
    }

    private GraphModule? FormFor(InputSizes sizes, object?[] args)
    {
        if (forms.TryGetValue(sizes, out var form))
            return form;
        lock (tracing)
        {
            if (forms.TryGetValue(sizes, out form) || forms.Count == MostForms)
                return form;
            return forms[sizes] = Specialise(args);
        }
    }

    /// <summary>The function for inputs of these sizes, optimised; null where it can't be traced.</summary>
    private GraphModule? Specialise(object?[] args)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        try
        {
            args = Numbers(args);
            var numbers = signature.Zip(args).Where(pair => pair.Second is not Tensor)
                .ToDictionary(pair => pair.First.Name!, pair => pair.Second);
            using var code = LeafCode.Of(function, numbers, [.. args.OfType<Tensor>()]);
            FoldSizes(code, args);
            using var form = new GraphModule(Content(code), code.Graph);
            var optimised = InferenceOptimization.Optimise(form, dtype: null, kernels);
            CloneConstants(optimised);
            return optimised;
        }
        catch (Exception refusal) when (refusal is TraceException or TracedProgramException)
        {
            return null;
        }
    }

    private static void FoldSizes(LeafCode code, object?[] args)
    {
        var run = new GraphInterpreter(code.Root, code.Graph, code.Constants) { garbage_collect_values = false };
        run.run(args);
        new NumberFolding(code.Graph, run, areSizesFixed: true).Run();
    }

    /// <summary>A result that is a constant would be the form's own.</summary>
    private static void CloneConstants(GraphModule form)
    {
        var graph = form.graph;
        var output = graph.output_node();
        using var here = graph.inserting_before(output);
        foreach (var result in output.all_input_nodes.Where(result => result.op == Opcode.get_attr).ToArray())
            output.replace_input_with(result, graph.inline((Func<Tensor, Tensor>)(tensor => tensor.clone()), result));
        form.recompile();
    }

    /// <summary>Makes the constants among the arguments part of the graph's own, and gives all of these.</summary>
    private Dictionary<string, object> Content(LeafCode code)
    {
        var graph = code.Graph;
        var content = code.Constants.ToDictionary(entry => entry.Key, entry => (object)entry.Value);
        var placeholders = graph.find_nodes(Opcode.placeholder).ToArray();
        using var after = graph.inserting_after(placeholders[^1]);
        foreach (var placeholder in placeholders)
        {
            var (name, index) = (placeholder.target.name,
                Array.FindIndex(signature, parameter => parameter.Name == placeholder.target.name));
            if (steps.TryGetValue(index, out var known))
            {
                placeholder.set_meta(Int8Fusion.Given, known);
                var numbers = known.Numbers(placeholder);
                placeholder.replace_all_uses_with(numbers, user => user != numbers);
                continue;
            }
            if (constants[index] is not (Tensor or SteppedWeight))
                continue;
            placeholder.replace_all_uses_with(
                constants[index] is SteppedWeight weight ? weight.Read(graph, name, content) : graph.get_attr(name));
            if (constants[index] is Tensor constant)
                content[name] = constant;
            graph.erase_node(placeholder);
        }
        return content;
    }

    private void Forget()
    {
        foreach (var form in forms.Values)
            form?.Dispose();
        forms.Clear();
        kernels.Clear();
    }
}
