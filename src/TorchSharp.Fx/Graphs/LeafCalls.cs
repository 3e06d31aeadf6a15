using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>Tells the nodes that call code of the user's.</summary>
internal static class LeafCalls
{
    /// <summary>
    /// Whether a node calls code of the user's: a module that is neither TorchSharp's own nor one of this library's kernels, or a function
    /// that is neither TorchSharp's nor .NET's. Every pass that tells leaves apart asks here.
    /// </summary>
    /// <param name="node">The node.</param>
    /// <param name="moduleAt">The module of a path.</param>
    internal static bool IsUsers(Node node, Func<string, nn.Module> moduleAt) => node.target switch
    {
        ModuleTarget { Path: var path } => moduleAt(path) is not IKeepsNothing and var module
            && Homes.Of(module.GetType()) != Home.TorchSharp,
        _ => Function(node) is not null,
    };

    /// <summary>The function of the user's that a node calls; null for a node that calls none.</summary>
    internal static MethodInfo? Function(Node node)
        => node.target is FunctionTarget { Method: MethodInfo { IsStatic: true, IsGenericMethod: false, IsSpecialName: false } function }
            && Homes.IsUsers(function.DeclaringType)
            && LeafMark.Of(function) is not { Always: true } ? function : null;
}
