using System.Reflection;
using System.Text.Json;

namespace TorchSharp.Fx.Modules;

/// <summary>
/// Methods, constructors, properties and fields in a file: the very overload, found among TorchSharp's operations and the members of types
/// that the caller allows.
/// </summary>
internal sealed class SavedMembers(SavedTypes types)
{
    /// <summary>Why a kernel can't be saved.</summary>
    internal const string Optimized = "the graph is an optimised copy, made for this machine: save the graph module that it was made of, "
        + "and call optimize_for_inference on what is loaded";

    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    internal void Write(Utf8JsonWriter json, MemberInfo member)
    {
        if (member is MethodBase called && !IsOperation(called))
            throw new NotSupportedException(called.DeclaringType is { IsPublic: false } own && own.Assembly == typeof(SavedMembers).Assembly
                ? Optimized : $"it calls {called.DeclaringType?.FullName}.{called.Name}, which is no operation of TorchSharp: give "
                    + $"{called.DeclaringType?.Name} in allowed_types, here and when the file is loaded");
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
        var found = type.GetMember(name, MemberTypes.Method | MemberTypes.Constructor, Declared).Cast<MethodBase>()
            .Select(method => Closed(method, generic))
            .Where(method => method is not null && method.GetParameters().Select(parameter => parameter.ParameterType).SequenceEqual(takes)
                && (gives is null || (method as MethodInfo)?.ReturnType == gives)).ToArray();
        return found is [{ } only] && IsOperation(only)
            ? only : throw new InvalidDataException(
                $"there is no operation {type.Name}.{name}({string.Join(", ", takes.Select(CSharpNames.OfType))})");
    }

    internal MemberInfo ReadMember(JsonElement json)
    {
        var (type, name) = (types.Read(json.Field("on")), json.Field("name").Text());
        MemberInfo? member = (MemberInfo?)type.GetProperties(Declared).FirstOrDefault(property => property.Name == name)
            ?? type.GetField(name, Declared);
        return member switch
        {
            FieldInfo field when types.Allows(type) || ((SavedTypes.IsData(type) || IsFacts(type)) && field.IsPublic) => field,
            PropertyInfo { GetMethod: { } getter } property when getter.GetParameters().Length == 0
                && (types.Allows(type) || TensorOperations.IsOperation(getter) || Tells(getter)
                    || (SavedTypes.IsData(type) && getter.IsPublic)) => property,
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
        => types.Allows(method.DeclaringType!) || TensorOperations.IsOperation(method) || Tells(method) || IsOwn(method) || IsNets(method);

    /// <summary>The members of .NET among the operations that the tracer records.</summary>
    private static bool IsNets(MethodBase method) => NumberFunctions.Has(method)
        || (method is { Name: nameof(Enumerable.SequenceEqual), IsPublic: true, IsStatic: true }
            && (method.DeclaringType == typeof(Enumerable) || method.DeclaringType == typeof(MemoryExtensions)));

    /// <summary>
    /// This library's own functions that graphs call: to hold a value to a type, to copy one, to run an operation by its name.
    /// </summary>
    private static bool IsOwn(MethodBase method)
        => method.DeclaringType == typeof(Casts) || method.DeclaringType == typeof(StructureClones)
            || ((method.DeclaringType == typeof(aten) || method.DeclaringType == typeof(quantized_decomposed)) && method.IsPublic);

    /// <summary>TorchSharp's members that only read a dtype, a device or another value that is no tensor.</summary>
    private static bool Tells(MethodBase method)
        => Traits.Of(method) is { Home: Home.TorchSharp } traits && method is { IsPublic: true, ContainsGenericParameters: false }
            && method.DeclaringType!.IsVisible
            && !typeof(torch.nn.Module).IsAssignableFrom(method.DeclaringType)
            && (traits.Property is not null || !traits.Does.Has(TensorOperations.NoNode))
            && Array.TrueForAll(traits.Parameters, parameter => IsPlain(parameter.ParameterType))
            && (IsPlain(traits.ReturnType) || IsFacts(traits.ReturnType));

    /// <summary>TorchSharp's classes of several such answers, as <c>finfo</c> does.</summary>
    private static bool IsFacts(Type type)
        => Homes.Of(type) == Home.TorchSharp && type.IsVisible && !typeof(IDisposable).IsAssignableFrom(type)
            && !typeof(Delegate).IsAssignableFrom(type)
            && Array.TrueForAll(type.GetProperties(), property => IsPlain(property.PropertyType))
            && Array.TrueForAll(type.GetFields(), field => IsPlain(field.FieldType));

    private static bool IsPlain(Type type)
        => Nullable.GetUnderlyingType(type) is { } inner ? IsPlain(inner) : type.IsPrimitive || type.IsEnum || type == typeof(torch.Device)
            || type == typeof(string);

    private static MethodBase? Closed(MethodBase method, Type[] generic)
    {
        if (method is not MethodInfo { IsGenericMethodDefinition: true } open)
            return generic.Length == 0 ? method : null;
        return open.GetGenericArguments().Length == generic.Length ? open.MakeGenericMethod(generic) : null;
    }
}
