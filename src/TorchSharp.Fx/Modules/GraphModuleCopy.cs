using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>A second graph module with copies of the graphs of a first.</summary>
internal sealed class GraphModuleCopy(GraphProgram program, nn.Module module)
{
    internal nn.Module Make(bool sharesParameters)
    {
        var train = program.TrainGraph.clone();
        var eval = program.EvalGraph == program.TrainGraph ? train : program.EvalGraph.clone();
        return sharesParameters ? Shared(train, eval) : Copied(train, eval);
    }

    private nn.Module Shared(Graph train, Graph eval)
    {
        var copy = New(program.Source.Root, train, eval, program.Constants);
        ((IGraphModule)copy).Program.SharesRoot = true;
        foreach (var (path, edited) in program.Source.Edits)
            if (edited is null)
                ((IGraphModule)copy).Program.Remove(path);
            else
                ((IGraphModule)copy).Program.Add(path, edited);
        return copy;
    }

    private nn.Module Copied(Graph train, Graph eval)
    {
        var copier = new DeepCopy();
        var content = program.Used.Concat(program.Aliases).OrderBy(path => path.Length)
            .ToDictionary(path => path,
                path => copier.Of(program.Source.Find(path) as nn.Module ?? (object)program.Source.Attribute(path)(), path));
        var constants =
            program.Constants.ToDictionary(entry => entry.Key, entry => (Tensor)copier.Of(entry.Value, entry.Key), StringComparer.Ordinal);
        var root = ModuleTree.Of(content, ownsContent: true, module.training, [.. program.Unregistered.Keys]);
        KeptState.Copy(program.Source, root, train, eval);
        var copy = New(root, train, eval, constants);
        foreach (var constant in constants.Values)
            constant.Dispose();
        return copy;
    }

    /// <summary>A module like another one, with one graph for both modes.</summary>
    internal static nn.Module New(IGraphModule like, nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor> constants,
        bool? training = null)
        => new GraphModuleCopy(like.Program, (nn.Module)like).New(root, graph, graph, constants, training);

    private nn.Module New(nn.Module root, Graph train, Graph eval, IReadOnlyDictionary<string, Tensor> constants, bool? training = null)
    {
        if (module.GetType().Assembly != typeof(Graph).Assembly)
            throw new NotSupportedException(
                $"A {module.GetType().Name} can't be cloned: only its own code knows how to make one. Clone the graph (graph.clone()) and "
                    + "make one of that.");
        object?[] arguments = program.ReturnsFeatures || train != eval ? [root, train, eval, constants] : [root, train, constants];
        var copy = (nn.Module)Activator.CreateInstance(module.GetType(),
            BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DoNotWrapExceptions, null, arguments,
            null)!;
        Hooks.Copy(module, copy);
        ((IGraphModule)copy).Program.SetMode(training ?? module.training);
        return copy;
    }
}
