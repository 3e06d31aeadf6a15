using System.Collections.Frozen;
using System.Reflection;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// PyTorch's names of TorchSharp's methods and operators: mostly as TorchSharp does, but for C#'s operators and properties.
/// </summary>
internal static class PythonNames
{
    private static readonly FrozenDictionary<string, string> Special = new Dictionary<string, string>
    {
        ["op_Addition"] = "add", ["op_Subtraction"] = "sub", ["op_Multiply"] = "mul", ["op_Division"] = "truediv",
        ["op_Modulus"] = "mod", ["op_UnaryNegation"] = "neg", ["op_OnesComplement"] = "invert", ["op_LogicalNot"] = "not_",
        ["op_BitwiseAnd"] = "and_", ["op_BitwiseOr"] = "or_", ["op_ExclusiveOr"] = "xor",
        ["op_LeftShift"] = "lshift", ["op_RightShift"] = "rshift",
        ["op_Equality"] = "eq", ["op_Inequality"] = "ne", ["op_LessThan"] = "lt", ["op_LessThanOrEqual"] = "le",
        ["op_GreaterThan"] = "gt", ["op_GreaterThanOrEqual"] = "ge",
        ["get_Item"] = "getitem", ["set_Item"] = "setitem",
        ["get_TensorItems"] = "getitem", ["set_TensorItems"] = "setitem",
        ["SequenceEqual"] = "eq", ["Ceiling"] = "ceil", ["Truncate"] = "trunc",
    }.ToFrozenDictionary();

    /// <summary>Python's builtins: a node's name never shadows one, so the first <c>max</c> of a graph is <c>max_1</c>.</summary>
    private static readonly FrozenSet<string> Builtins = """
        False None True and as assert async await break class continue def del elif else except finally for from global if import in is
        lambda nonlocal not or pass raise return try while with yield
        abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex copyright credits
        delattr dict dir divmod enumerate eval exec exit filter float format frozenset getattr globals hasattr hash help hex id input
        int isinstance issubclass iter len license list locals map max memoryview min next object oct open ord pow print property quit
        range repr reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip
        inf nan NoneType torch device fx_pytree pytree
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Whether Python keeps this word for itself.</summary>
    internal static bool IsReserved(string name) => Builtins.Contains(name);

    internal static string Of(MethodBase method)
    {
        if (Special.TryGetValue(method.Name, out var name))
            return name;
        if (method.Name is "op_Implicit" or "op_Explicit")
            return method is MethodInfo { ReturnType: var type } && type == typeof(torch.Tensor) ? "tensor" : "to";
        if (method.IsConstructor)
            return method.DeclaringType!.Name;
        if (method.IsSpecialName && method.Name.StartsWith("get_", StringComparison.Ordinal))
            return "getattr";
        if (method.IsSpecialName && method.Name.StartsWith("set_", StringComparison.Ordinal))
            return "setattr";
        return method.DeclaringType == typeof(Math) || method.DeclaringType == typeof(MathF)
            ? method.Name.ToLowerInvariant() : Plain(method.Name);
    }

    /// <summary>
    /// The name that the programmer gave: a local function is compiled as <c>&lt;forward>g__Scale|0_0</c>, a lambda as
    /// <c>&lt;forward>b__0</c>.
    /// </summary>
    internal static string Plain(string name) => name.IndexOf(">g__", StringComparison.Ordinal) is var at and >= 0
        ? name[(at + 4)..name.IndexOf('|', StringComparison.Ordinal)]
        : name.Contains(">b__", StringComparison.Ordinal) ? "<lambda>" : name;
}
