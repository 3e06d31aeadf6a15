using System.Collections.Frozen;
using System.Reflection;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// Arguments that TorchSharp 0.107 takes and does nothing with. What is exported does what TorchSharp does; docs/operations.md shows the
/// table.
/// </summary>
internal static class DroppedArguments
{
    /// <summary>The overloads, by the names of their parameters, and which of them makes no difference.</summary>
    internal static readonly FrozenDictionary<string, string> All = new Dictionary<string, string>
    {
        ["torch.div(left, right, rounding_mode)"] = "rounding_mode",
        ["torch.divide(left, right, rounding_mode)"] = "rounding_mode",
        ["torch.var(input, unbiased)"] = "unbiased",
        ["Tensor.var(unbiased)"] = "unbiased",
        ["torch.std(input, dimensions, unbiased, keepdim, type)"] = "type",
        ["torch.var(input, dimensions, unbiased, keepdim, type)"] = "type",
        ["Tensor.std(dimensions, unbiased, keepdim, type)"] = "type",
        ["Tensor.std(dim, unbiased, keepdim, type)"] = "type",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Whether the callee does nothing with the argument of that name.</summary>
    internal static bool Contains(Target target, string parameter) => target switch
    {
        FunctionTarget { Method: var method } => Contains(method, parameter),
        MethodTarget { Method: var method } => Contains(method, parameter),
        _ => false,
    };

    internal static bool Contains(MethodBase method, string parameter)
        => All.TryGetValue(
            $"{method.DeclaringType!.Name}.{method.Name}({string.Join(", ", method.GetParameters().Select(each => each.Name))})",
            out var dropped) && dropped == parameter;
}
