namespace TorchSharp.Fx.Graphs;

/// <summary>The value of a node that runs a loop: an array or a list of tensors, or a tuple of several.</summary>
internal static class Collections
{
    /// <summary>The types of the collections in a value of this type; none for <c>void</c>, null where it is no value of a loop.</summary>
    internal static Type[]? TypesOf(Type type)
    {
        Type[] types = type == typeof(void) ? [] : IsOne(type)
            ? [type] : type.FullName!.StartsWith("System.ValueTuple`", StringComparison.Ordinal)
            ? type.GetGenericArguments() : [typeof(void)];
        return Array.TrueForAll(types, IsOne) ? types : null;
    }

    /// <summary>The type of a value with these collections.</summary>
    internal static Type TypeOf(Type[] types) => types switch
    {
        [] => typeof(void),
        [var one] => one,
        _ => Type.GetType($"System.ValueTuple`{types.Length}")!.MakeGenericType(types),
    };

    /// <summary>The value: the tensors of each turn, one for each collection.</summary>
    internal static object? Of(List<torch.Tensor[]> turns, Type type)
    {
        var types = TypesOf(type)!;
        object[] made = [.. types.Select((one, i) => Of(turns.Select(turn => turn[i]), one))];
        return made.Length switch { 0 => null, 1 => made[0], _ => Activator.CreateInstance(type, made) };
    }

    private static object Of(IEnumerable<torch.Tensor> tensors, Type type) => type.IsArray ? tensors.ToArray() : tensors.ToList();

    private static bool IsOne(Type type) => type == typeof(torch.Tensor[]) || type == typeof(List<torch.Tensor>);
}
