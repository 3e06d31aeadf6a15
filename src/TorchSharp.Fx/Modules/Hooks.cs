using System.Collections;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>
/// The rule of hooks. They are code beside a module, which runs around <c>call</c> and not around <c>forward</c>. Within the process they
/// go with their module; what leaves the process has no code of the user's, and is refused.
/// </summary>
internal static class Hooks
{
    /// <summary>Whether a call runs hooks, so that the module alone doesn't say what it does.</summary>
    internal static bool RunBy(Node call, nn.Module module)
        => call.target is ModuleTarget { Method.Name: "call" } && ModuleHooks.On(module);

    /// <summary>Gives a copy of a module the hooks of the original.</summary>
    internal static void Copy(nn.Module original, nn.Module copy)
    {
        foreach (var field in ModuleHooks.FieldsOf(original.GetType()))
            if (field.GetValue(original) is IDictionary { Count: > 0 } hooks && field.GetValue(copy) is IDictionary own)
                foreach (DictionaryEntry hook in hooks)
                    own[hook.Key] = hook.Value;
    }

    /// <summary>Refuses to write down a graph module that has hooks itself, or calls a module that has.</summary>
    /// <param name="module">The graph module.</param>
    /// <param name="what">What can't be done with it.</param>
    internal static void Refuse(IGraphModule module, string what)
    {
        if (ModuleHooks.On((nn.Module)module))
            throw new NotSupportedException($"The module can't be {what}: it has hooks, and those are code. Remove them first.");
        foreach (var node in module.graph.all_nodes.Where(node => node.op == Opcode.call_module))
            if (RunBy(node, module.Program.Source.Module(node.target.name)))
                throw new NotSupportedException(
                    $"Module '{node.target}' can't be {what}: it has hooks, and those are code. Remove them first.");
    }
}
