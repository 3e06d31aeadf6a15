using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>A <c>ref struct</c> of the user's own. A real one can't be boxed, so it is what it holds.</summary>
internal sealed class RefStruct
{
    private readonly Dictionary<FieldInfo, Value> fields;

    internal RefStruct(Type type)
        => fields = StructLayout.FieldsOf(type).ToDictionary(field => field, field => StructLayout.Zero(field.FieldType));

    private RefStruct(RefStruct other) => fields = other.fields.ToDictionary(field => field.Key, field => field.Value.Copy());

    internal Value this[FieldInfo field]
    {
        get => fields[field];
        set => fields[field] = value;
    }

    internal RefStruct Copy() => new(this);
}
