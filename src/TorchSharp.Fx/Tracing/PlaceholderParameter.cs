using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>An input of a graph as the parameter that it came from: the method that runs the graph has none of that name.</summary>
internal sealed class PlaceholderParameter : ParameterInfo
{
    private readonly Literal? preset;

    internal PlaceholderParameter(Node placeholder, MethodInfo method)
    {
        preset = ((PlaceholderTarget)placeholder.target).Default;
        (NameImpl, ClassImpl, MemberImpl, DefaultValueImpl) =
            (((PlaceholderTarget)placeholder.target).Parameter, placeholder.type, method, preset?.Value);
    }

    public override bool HasDefaultValue => preset is not null;

    public override object? DefaultValue => preset?.Value;
}
