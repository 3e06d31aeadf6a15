using TorchSharp.Fx.Onnx.Format;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>A node's settings. Those that its converter does not ask for refuse the node.</summary>
internal sealed class Attributes
{
    private readonly Dictionary<string, AttributeProto> given;
    private readonly HashSet<string> unread;

    /// <param name="node">The node.</param>
    /// <param name="outer">The settings of the function that the node is in, for those that refer to one.</param>
    internal Attributes(NodeProto node, Attributes? outer)
    {
        given = new(StringComparer.Ordinal);
        foreach (var attribute in node.Attribute)
            if (attribute.RefAttrName.Length == 0)
                given[attribute.Name] = attribute;
            else if (outer?.Find(attribute.RefAttrName) is { } referred)
                given[attribute.Name] = referred;
        unread = [.. given.Keys];
    }

    /// <summary>Settings of a function, with its own for those that the call leaves out.</summary>
    internal Attributes(NodeProto call, Attributes? outer, FunctionProto function) : this(call, outer)
    {
        foreach (var preset in function.AttributeProto)
            given.TryAdd(preset.Name, preset);
    }

    internal bool Has(string name) => given.ContainsKey(name);

    internal long Int(string name, long preset) => Find(name) is { } found ? found.I : preset;

    internal bool Flag(string name, bool preset = false) => Int(name, preset ? 1 : 0) != 0;

    internal long Int(string name) => Find(name)?.I ?? throw new NotSupportedException($"it lacks its attribute '{name}'");

    internal float Float(string name, float preset) => Find(name)?.F ?? preset;

    internal string Text(string name, string preset) => Find(name)?.S.ToStringUtf8() ?? preset;

    internal long[]? Ints(string name) => Find(name)?.Ints.ToArray();

    internal float[]? Floats(string name) => Find(name)?.Floats.ToArray();

    internal string[]? Texts(string name) => Find(name)?.Strings.Select(text => text.ToStringUtf8()).ToArray();

    internal TensorProto? Tensor(string name) => Find(name)?.T;

    internal GraphProto Graph(string name) => Find(name)?.G ?? throw new NotSupportedException($"it lacks its graph '{name}'");

    /// <summary>Says that a setting has no effect here.</summary>
    internal void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            unread.Remove(name);
    }

    internal void RefuseUnread()
    {
        if (unread.Count > 0)
            throw new NotSupportedException($"its attribute '{unread.Order(StringComparer.Ordinal).First()}' is not known");
    }

    private AttributeProto? Find(string name)
    {
        unread.Remove(name);
        return given.GetValueOrDefault(name);
    }
}
