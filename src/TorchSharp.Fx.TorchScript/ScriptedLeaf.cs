using System.Linq.Expressions;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript;

/// <summary>A graph and what it names: of the module that is exported, or of a leaf in it that TorchScript does not know.</summary>
/// <param name="Root">The module that the graph's paths start from.</param>
/// <param name="Graph">What it computes.</param>
/// <param name="Constants">The graph's own tensors.</param>
internal sealed record ScriptedLeaf(nn.Module Root, Graph Graph, IReadOnlyDictionary<string, Tensor> Constants)
{
    internal static ScriptedLeaf Of(GraphProgram program) => new(program.Source.Root, program.Current, program.Constants);

    /// <summary>The values of all nodes for example inputs. The model stays as it is.</summary>
    internal GraphInterpreter Run(object?[] inputs)
    {
        var run = new DryRun(Root, Graph, Constants) { garbage_collect_values = false, Modes = ModeCalls.Of(Root, training: false) };
        run.run(inputs);
        return run;
    }

    /// <summary>The TorchScript code of a leaf module.</summary>
    internal static ScriptedLeaf Of(nn.Module module, Node node, GraphInterpreter? examples)
    {
        if (module is IGraphModule { Program: var program })
            return Of(program);
        if (module.GetType().Assembly == typeof(Graph).Assembly)
            throw new NotSupportedException("it is a kernel of optimize_for_inference; export the module that was optimised");
        return Traced(module, EntryPoint.Of(module).Method.GetParameters(), node, examples,
            (tracer, concrete) => tracer.trace(module, concrete), (tracer, concrete, inputs) => tracer.trace(module, inputs, concrete));
    }

    /// <summary>The TorchScript code of a leaf function.</summary>
    internal static ScriptedLeaf Of(MethodInfo function, Node node, GraphInterpreter? examples)
    {
        var parameters = function.GetParameters();
        var made = function.CreateDelegate(
            Expression.GetDelegateType([.. parameters.Select(parameter => parameter.ParameterType), function.ReturnType]));
        return Traced(new TracedFunction(null), parameters, node, examples, (tracer, concrete) => tracer.trace(made, concrete),
            (tracer, concrete, inputs) => tracer.trace(made, inputs, concrete));
    }

    /// <summary>By symbols where that goes, else by the examples. Arguments that depend on no node are part of the code.</summary>
    private static ScriptedLeaf Traced(nn.Module root, ParameterInfo[] parameters, Node node, GraphInterpreter? examples,
        Func<Tracer, Dictionary<string, object?>, Graph> bySymbols, Func<Tracer, Dictionary<string, object?>, object?[], Graph> byExamples)
    {
        var given = parameters.Zip(node.args).ToLookup(pair => pair.Second.nodes().Any());
        var concrete =
            given[false].ToDictionary(pair => pair.First.Name!,
                pair => new ArgumentBuilder(_ => null, []).Build(pair.Second, pair.First.ParameterType));
        var tracer = new Tracer();
        Graph graph;
        try
        {
            graph = bySymbols(tracer, concrete);
        }
        catch (TraceException refusal)
        {
            if (examples is null)
                throw new NotSupportedException($"what it does depends on sizes, so give example_inputs ({refusal.Message.TrimEnd('.')})");
            graph = byExamples(tracer, concrete,
                [.. given[true].Select(pair => ValueConversion.Apply(examples.Of(pair.Second), pair.First.ParameterType))]);
        }
        foreach (var (input, _) in graph.find_nodes(Opcode.placeholder).Zip(node.args).Where(pair => !pair.Second.nodes().Any()).ToArray())
            EraseUsers(graph, input);
        return new(root, graph, tracer.tensor_constants);
    }

    /// <summary>A fixed argument stays an input that is asserted to have its value; here it always has.</summary>
    private static void EraseUsers(Graph graph, Node node)
    {
        foreach (var user in node.users.ToArray())
        {
            EraseUsers(graph, user);
            graph.erase_node(user);
        }
    }
}
