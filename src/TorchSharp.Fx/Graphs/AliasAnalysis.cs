using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Which nodes write to a tensor that exists already, and which values may share storage, or be the same object. Conservative:
/// the user's own leaf modules and functions may return any tensor they were given, but are taken not to write to it.
/// </summary>
internal sealed class AliasAnalysis
{
    private readonly Dictionary<Node, Node> parents = [];
    private readonly Dictionary<Node, List<Node>> classes = [];
    private readonly ModuleHierarchy? modules;

    internal AliasAnalysis(Graph graph, ModuleHierarchy? modules)
    {
        this.modules = modules;
        foreach (var node in graph.nodes)
        {
            parents[node] = node;
            classes[node] = [node];
            if (node.op != Opcode.output && TensorTypes.MayHold(node.type))
                foreach (var input in MayReturn(node))
                    if (TensorTypes.MayHold(input.type))
                        Unite(input, node);
        }
    }

    /// <summary>All values that may share storage with this one, itself included, in the graph's order.</summary>
    internal IReadOnlyList<Node> ClassOf(Node node) => classes[Representative(node)];

    /// <summary>One node that stands for the class.</summary>
    internal Node Representative(Node node)
    {
        while (parents[node] != node)
            node = parents[node];
        return node;
    }

    /// <summary>Whether a call writes to one of its arguments, by what is called. A module may, but only the hierarchy tells.</summary>
    internal static bool Writes(Node node) => node.target switch
    {
        MethodTarget { Method: var method } => Mutated(method, node, receiver: 1).Any(),
        FunctionTarget { Method: var method } => Mutated(method, node, receiver: 0).Any(),
        _ => false,
    };

    /// <summary>The values that this node writes to.</summary>
    internal IEnumerable<Node> MutatedBy(Node node) => node.target switch
    {
        ModuleTarget { Method: var method } target when IsOperation(target) => Mutated(method, node, receiver: 0),
        ModuleTarget target => WorksInPlace(target) ? TensorInputs(node) : [],
        MethodTarget { Method: var method } => Mutated(method, node, receiver: 1),
        FunctionTarget { Method: var method } => Mutated(method, node, receiver: 0),
        _ => [],
    };

    /// <summary>The inputs that the node's value may be, contain or view. TorchSharp's operations return their first argument if any.</summary>
    private IEnumerable<Node> MayReturn(Node node) => node.target switch
    {
        ModuleTarget target when IsOperation(target) => MutatedBy(node),
        ModuleTarget target when modules is null || IsAliasing(modules.Module(target.Path)) || WorksInPlace(target) => TensorInputs(node),
        MemberTarget { Member: PropertyInfo property } => MayReturn(node, property, property.Name),
        MethodTarget { Method: var method } => MayReturn(node, method, PropertyName(method)),
        FunctionTarget { Method: MethodInfo method } => MayReturn(node, method, PropertyName(method)),
        FunctionTarget { Method: var constructor } => MayReturn(node, constructor, constructor.Name),
        BuiltinTarget or MemberTarget => node.args[0].nodes(),
        _ => [],
    };

    private IEnumerable<Node> MayReturn(Node node, MemberInfo member, string name)
    {
        if (member.DeclaringType?.Assembly != TensorTypes.TorchSharp)
            return TensorInputs(node);
        return node.args.Length > 0 && (AliasTables.Operations.Contains(name) || MutatedBy(node).Any()) ? node.args[0].nodes() : [];
    }

    private bool IsOperation(ModuleTarget target) => modules?.Module(target.Path) is IOperation;

    private static IEnumerable<Node> TensorInputs(Node node) => node.all_input_nodes.Where(input => TensorTypes.MayHold(input.type));

    private static bool IsAliasing(nn.Module module)
        => module.GetType().Assembly != TensorTypes.TorchSharp || AliasTables.Modules.Contains(PlainName(module.GetType()));

    private static string PlainName(Type type) => type.Name.IndexOf('`', StringComparison.Ordinal) is var tick and > 0 ? type.Name[..tick] : type.Name;

    private static string PropertyName(MethodInfo method)
        => method.IsSpecialName && method.Name.StartsWith("get_", StringComparison.Ordinal) ? method.Name[4..] : method.Name;

    private bool WorksInPlace(ModuleTarget target)
    {
        if (modules is null)
            return true;
        var module = modules.Module(target.Path);
        const BindingFlags Public = BindingFlags.Instance | BindingFlags.Public;
        return module.GetType().GetProperty("inplace", Public)?.GetValue(module) is true
            || module.GetType().GetField("inplace", Public)?.GetValue(module) is true;
    }

    /// <param name="method">The method that is called.</param>
    /// <param name="node">The node that calls it.</param>
    /// <param name="receiver">How many arguments come before the method's parameters.</param>
    private static IEnumerable<Node> Mutated(MethodBase method, Node node, int receiver)
    {
        if (node.args.Length > 0 && WritesToFirst(method, node, receiver))
            foreach (var written in node.args[0].nodes())
                yield return written;
        foreach (var (parameter, argument) in method.GetParameters().Zip(node.args.Skip(receiver)))
            if (parameter.Name == "out" || node.type == typeof(void))
                foreach (var written in argument.nodes())
                    yield return written;
    }

    /// <summary>By PyTorch's conventions: a trailing underscore, a setter, <c>inplace: true</c>. What returns nothing can only be there for what it writes.</summary>
    private static bool WritesToFirst(MethodBase method, Node node, int receiver)
        => (method.Name.EndsWith('_') && !method.Name.EndsWith("__", StringComparison.Ordinal))
        || node.type == typeof(void)
        || method.GetParameters().Zip(node.args.Skip(receiver)).Any(pair => pair.First.Name == "inplace" && pair.Second is not Literal { Value: false });

    private void Unite(Node a, Node b)
    {
        var (kept, merged) = (Representative(a), Representative(b));
        if (kept == merged)
            return;
        parents[merged] = kept;
        classes[kept].AddRange(classes[merged]);
        classes.Remove(merged);
    }
}
