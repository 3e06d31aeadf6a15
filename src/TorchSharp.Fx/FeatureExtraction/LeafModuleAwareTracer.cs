using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A tracer that treats the given module types and their subclasses as leaves, and everything with a leaf attribute. Counterpart:
/// <c>torchvision.models.feature_extraction.LeafModuleAwareTracer</c>.
/// </summary>
public class LeafModuleAwareTracer : Tracer
{
    private readonly Type[] leafModules;

    /// <summary>A tracer with the given leaves.</summary>
    /// <param name="tracer_kwargs">Your leaf modules and leaf functions, and the example inputs.</param>
    public LeafModuleAwareTracer(TracerKwargs? tracer_kwargs = null) : base(tracer_kwargs?.autowrap_functions)
    {
        // What is asked for ends the graph: what the program would keep comes after it.
        state = TracedState.dropped;
        leafModules = [.. tracer_kwargs?.leaf_modules ?? []];
        if (tracer_kwargs?.example_inputs is { } inputs)
            Examples = new(inputs, tracer_kwargs.allow_value_specialization);
    }

    /// <inheritdoc/>
    public override bool is_leaf_module(nn.Module m, string module_qualified_name)
    {
        ArgumentNullException.ThrowIfNull(m);
        return Array.Exists(leafModules, type => IsA(m.GetType(), type)) || LeafMark.Of(m.GetType()) is not null
            || base.is_leaf_module(m, module_qualified_name);
    }

    internal override bool IsMarkedLeaf(MethodBase method) => LeafMark.Of(method) is not null || base.IsMarkedLeaf(method);

    /// <summary>Also for an open generic type, which stands for all it can be closed to.</summary>
    private static bool IsA(Type type, Type leaf)
    {
        for (Type? current = type; current is not null; current = current.BaseType)
            if (current == leaf || (current.IsGenericType && current.GetGenericTypeDefinition() == leaf))
                return true;
        return leaf.IsInterface && leaf.IsAssignableFrom(type);
    }
}
