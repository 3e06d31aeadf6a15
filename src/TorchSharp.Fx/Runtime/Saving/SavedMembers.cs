using System.Reflection;
using System.Text.Json;
using TorchSharp.Fx.Tracing;

namespace TorchSharp.Fx.Saving;

/// <summary>Methods, constructors, properties and fields in a file: the very overload, found among TorchSharp's operations and the members of types that the caller allows.</summary>
internal sealed class SavedMembers(SavedTypes types)
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    internal void Write(Utf8JsonWriter json, MemberInfo member)
    {
        if (member is MethodBase called && !IsOperation(called))
            throw new NotSupportedException($"it calls {called.DeclaringType?.FullName}.{called.Name}, which is no operation of TorchSharp: give {called.DeclaringType?.Name} in allowed_types, here and when the file is loaded");
        json.WriteStartObject();
        json.WritePropertyName("on");
        types.Write(json, member.DeclaringType!);
        json.WriteString("name", member.Name);
        if (member is MethodBase method)
            WriteSignature(json, method);
        json.WriteEndObject();
    }

    internal MethodBase ReadMethod(JsonElement json)
    {
        var (type, name) = (types.Read(json.Field("on")), json.Field("name").Text());
        var takes = Array.ConvertAll(json.Field("takes").Items(), types.Read);
        var generic = json.Find("of") is { } of ? Array.ConvertAll(of.Items(), types.Read) : [];
        var gives = json.Find("gives") is { } result ? types.Read(result) : null;
        var found = type.GetMember(name, MemberTypes.Method | MemberTypes.Constructor, Declared).Cast<MethodBase>().Select(method => Closed(method, generic))
            .Where(method => method is not null && method.GetParameters().Select(parameter => parameter.ParameterType).SequenceEqual(takes) && (gives is null || (method as MethodInfo)?.ReturnType == gives)).ToArray();
        return found is [{ } only] && IsOperation(only) ? only : throw new InvalidDataException($"there is no operation {type.Name}.{name}({string.Join(", ", takes.Select(CSharpNames.OfType))})");
    }

    internal MemberInfo ReadMember(JsonElement json)
    {
        var (type, name) = (types.Read(json.Field("on")), json.Field("name").Text());
        MemberInfo? member = (MemberInfo?)type.GetProperties(Declared).FirstOrDefault(property => property.Name == name) ?? type.GetField(name, Declared);
        return member switch
        {
            FieldInfo field when types.Allows(type) || (SavedTypes.IsData(type) && field.IsPublic) => field,
            PropertyInfo { GetMethod: { } getter } property when getter.GetParameters().Length == 0 && (types.Allows(type) || TensorOperations.IsOperation(getter) || (SavedTypes.IsData(type) && getter.IsPublic)) => property,
            _ => throw new InvalidDataException($"there is no property {type.Name}.{name}"),
        };
    }

    private void WriteSignature(Utf8JsonWriter json, MethodBase method)
    {
        WriteTypes(json, "takes", method.GetParameters().Select(parameter => parameter.ParameterType));
        if (method.IsGenericMethod)
            WriteTypes(json, "of", method.GetGenericArguments());
        // Conversions differ in their result alone.
        if (method is MethodInfo { Name: "op_Implicit" or "op_Explicit" } conversion)
        {
            json.WritePropertyName("gives");
            types.Write(json, conversion.ReturnType);
        }
    }

    private void WriteTypes(Utf8JsonWriter json, string name, IEnumerable<Type> list)
    {
        json.WriteStartArray(name);
        foreach (var type in list)
            types.Write(json, type);
        json.WriteEndArray();
    }

    private bool IsOperation(MethodBase method)
        => types.Allows(method.DeclaringType!) || TensorOperations.IsOperation(method) || method.DeclaringType == typeof(StructureClones) || (method.DeclaringType == typeof(aten) && method.IsPublic)
            || (method.DeclaringType == typeof(Math) || method.DeclaringType == typeof(MathF)) && method is { IsPublic: true, IsStatic: true };

    private static MethodBase? Closed(MethodBase method, Type[] generic)
    {
        if (method is not MethodInfo { IsGenericMethodDefinition: true } open)
            return generic.Length == 0 ? method : null;
        return open.GetGenericArguments().Length == generic.Length ? open.MakeGenericMethod(generic) : null;
    }
}
