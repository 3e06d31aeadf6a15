namespace TorchSharp.Fx.Files;

/// <summary>A function or type that a pickle may name: what building with it gives, or null where it is only mentioned.</summary>
internal sealed record PickleGlobal(string name, Func<PickleValue[], PickleValue>? build, ElementType? type = null);

/// <summary>Everything a pickle may name. What is not here is never looked up anywhere.</summary>
internal static class PickleGlobals
{
    private static readonly Dictionary<string, PickleGlobal> all = new PickleGlobal[]
    {
        new("torch._utils._rebuild_tensor", PickledTensors.Rebuild),
        new("torch._utils._rebuild_tensor_v2", PickledTensors.Rebuild),
        new("torch._utils._rebuild_tensor_v3", PickledTensors.RebuildTyped),
        new("torch._utils._rebuild_qtensor", PickledTensors.RebuildQuantized),
        new("torch.per_tensor_affine", null),
        new("torch.per_channel_affine", null),
        new("torch.qint8", null),
        new("torch.quint8", null),
        new("torch.qint32", null),
        new("torch._utils._rebuild_parameter", arguments => PickledTensors.Unwrap(arguments)),
        new("torch._utils._rebuild_parameter_with_state", arguments => PickledTensors.Unwrap(arguments)),
        new("torch._tensor._rebuild_from_type_v2", FromType),
        new("torch.Tensor", null),
        new("torch.nn.parameter.Parameter", arguments => PickledTensors.Unwrap(arguments)),
        new("torch.Size", Sequence),
        new("torch.device", arguments => new PickleValue.Tuple(arguments)),
        new("collections.OrderedDict", Dictionary),
        new("collections.Counter", Dictionary),
        new("builtins.set", Sequence),
        new("__builtin__.set", Sequence),
        new("builtins.frozenset", Sequence),
        new("__builtin__.frozenset", Sequence),
        new("_codecs.encode", arguments => arguments is [PickleValue.Text or PickleValue.Bytes, ..]
            ? arguments[0] : throw Refused("_codecs.encode")),
    }.ToDictionary(global => global.name);

    /// <summary>The entry of a name, or null.</summary>
    public static PickleGlobal? Find(string module, string name)
    {
        var full = $"{module}.{name}";
        if (all.TryGetValue(full, out var global)) return global;
        if (module is "torch" or "torch.cuda" or "torch.storage" && name is "UntypedStorage" or "TypedStorage") return new(full, null);
        if (module is "torch" or "torch.cuda" && ElementType.OfStorage(name) is { } stored) return new(full, null, stored);
        return module == "torch" && ElementType.OfName(name) is { } dtype ? new(full, null, dtype) : null;
    }

    // torch._tensor._rebuild_from_type_v2(function, type, arguments, state): a tensor with attributes of its own.
    private static PickleValue FromType(PickleValue[] arguments) =>
        arguments is [PickleValue.Known { Global: { build: { } build } inner },
            PickleValue.Known { Global.name: "torch.Tensor" or "torch.nn.parameter.Parameter" }, PickleValue.Tuple tuple, ..]
                && inner.build != FromType
            ? build(tuple.Items)
            : throw Refused("torch._tensor._rebuild_from_type_v2");

    private static PickleValue Sequence(PickleValue[] arguments) => arguments switch
    {
        [] => new PickleValue.List([]),
        [PickleValue.List list] => list,
        [PickleValue.Tuple tuple] => tuple,
        _ => throw Refused("a set or size"),
    };

    // OrderedDict(), or OrderedDict([[key, value], …]) as Python 2 wrote it.
    private static PickleValue Dictionary(PickleValue[] arguments) => arguments switch
    {
        [] => new PickleValue.Dictionary(),
        [PickleValue.List pairs] => new PickleValue.Dictionary(pairs.Items),
        [PickleValue.Dictionary copied] => copied,
        _ => throw Refused("collections.OrderedDict"),
    };

    private static InvalidDataException Refused(string name) => new($"gives '{name}' arguments that PyTorch never gives it");
}
