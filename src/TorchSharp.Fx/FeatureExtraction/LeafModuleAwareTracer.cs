using System.Reflection;
using TorchSharp.Fx.Cil;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A tracer that keeps the given module types as leaves, their subclasses too, and everything that carries the mark of a leaf.
/// Counterpart: <c>torchvision.models.feature_extraction.LeafModuleAwareTracer</c>.
/// </summary>
public class LeafModuleAwareTracer : Tracer
{
    /// <summary>
    /// The mark of a leaf: an attribute of this name on a module's class, a function or a function's class, in any library. So that library doesn't need
    /// to know this one, as torchvision's ops don't know torch.fx.
    /// </summary>
    private const string Mark = "TorchSharp.Fx.FxLeafAttribute";

    private static readonly Memo<MemberInfo, bool> Marked = new(member => member.GetCustomAttributes(inherit: true).Any(attribute => attribute.GetType().FullName == Mark));
    private readonly Type[] leafModules;

    /// <summary>A tracer with the given leaves.</summary>
    /// <param name="tracer_kwargs">The user's leaf modules and leaf functions, and the example inputs to trace by.</param>
    public LeafModuleAwareTracer(TracerKwargs? tracer_kwargs = null) : base(tracer_kwargs?.autowrap_functions)
    {
        leafModules = [.. tracer_kwargs?.leaf_modules ?? []];
        if (tracer_kwargs?.example_inputs is { } inputs)
            MakeExamples = (interpreter, concrete) => InterpretedExamples.Of(interpreter, inputs, concrete, tracer_kwargs.allow_value_specialization);
    }

    /// <inheritdoc/>
    public override bool is_leaf_module(nn.Module m, string module_qualified_name)
    {
        ArgumentNullException.ThrowIfNull(m);
        return Array.Exists(leafModules, type => IsA(m.GetType(), type)) || IsMarked(m.GetType()) || base.is_leaf_module(m, module_qualified_name);
    }

    internal override bool IsMarkedLeaf(MethodBase method)
        => method.IsStatic && !method.IsSpecialName && (IsMarked(method) || (method.DeclaringType is { } type && IsMarked(type)));

    /// <summary>Also for an open generic type, which stands for all it can be closed to.</summary>
    private static bool IsA(Type type, Type leaf)
    {
        for (Type? current = type; current is not null; current = current.BaseType)
            if (current == leaf || (current.IsGenericType && current.GetGenericTypeDefinition() == leaf))
                return true;
        return leaf.IsInterface && leaf.IsAssignableFrom(type);
    }

    private static bool IsMarked(MemberInfo member)
        => Marked.Of(member);
}
