using Google.Protobuf.Collections;
using TorchSharp.Fx.Onnx.Format;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>The values of a graph's names, and behind them those of the graph around it.</summary>
internal sealed class Names(Names? outer)
{
    private readonly Dictionary<string, Value?> values = new(StringComparer.Ordinal);

    internal void Set(string name, Value? value) => values[name] = value;

    /// <summary>Null for a name that is not known, and for an optional input that is left out.</summary>
    internal Value? Find(string name)
    {
        for (var names = this; names is not null; names = names.Outer)
            if (names.values.TryGetValue(name, out var value))
                return value;
        return null;
    }

    internal bool Has(string name)
    {
        for (var names = this; names is not null; names = names.Outer)
            if (names.values.ContainsKey(name))
                return true;
        return false;
    }

    /// <summary>The names of a graph inside a node of this one.</summary>
    internal Names Inner(IEnumerable<string> inputs, IReadOnlyList<Value> given)
    {
        var inner = new Names(this);
        foreach (var (name, value) in inputs.Zip(given))
            inner.Set(name, value);
        return inner;
    }

    private Names? Outer => outer;
}

/// <summary>The settings of a graph's or function's nodes.</summary>
/// <param name="Version">The version of the operators.</param>
/// <param name="Prefix">The place of the node that it belongs to; empty for the model's own graph.</param>
/// <param name="Attributes">The settings of the call, in a function.</param>
internal sealed record Setting(long Version, string Prefix, Attributes? Attributes)
{
    /// <summary>The version of ONNX's own operators among those that a model or function asks for.</summary>
    internal static long? VersionOf(RepeatedField<OperatorSetIdProto> opsets) =>
        opsets.FirstOrDefault(opset => opset.Domain is "" or "ai.onnx")?.Version;
}
