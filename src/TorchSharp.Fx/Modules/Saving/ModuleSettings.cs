using System.Collections.Frozen;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>
/// The constructor's arguments of a module of TorchSharp's own. Each of those that TorchSharp writes in C# has one constructor, whose
/// parameters its properties are named after; those that are native have a factory, and <see cref="NativeSettings"/> tells its arguments.
/// </summary>
internal static class ModuleSettings
{
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>Parameters that no property has the name of, and what they are read from.</summary>
    private static readonly FrozenDictionary<string, Func<nn.Module, object?>> Derived = new Dictionary<string, Func<nn.Module, object?>>
    {
        ["Linear.inputSize"] = module => Registry.Get(module, "weight")!.shape[1],
        ["Linear.outputSize"] = module => Registry.Get(module, "weight")!.shape[0],
        ["Linear.hasBias"] = HasBias,
        ["Bilinear.hasBias"] = HasBias,
        ["LayerNorm.bias"] = HasBias,
        ["Conv1d.bias"] = HasBias, ["Conv2d.bias"] = HasBias, ["Conv3d.bias"] = HasBias,
        ["ConvTranspose1d.bias"] = HasBias, ["ConvTranspose2d.bias"] = HasBias, ["ConvTranspose3d.bias"] = HasBias,
        ["Conv1d.padding"] = PaddingUnlessNamed, ["Conv2d.padding"] = PaddingUnlessNamed, ["Conv3d.padding"] = PaddingUnlessNamed,
        ["GroupNorm.num_channels"] = module => Registry.Get(module, "weight")?.shape[0] ?? Property(module, "num_groups"),
        ["PairwiseDistance.p"] = module => Property(module, "norm"),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly Lazy<FrozenDictionary<string, ConstructorInfo>> Constructors = new(() => typeof(nn).Assembly.GetExportedTypes()
        .Where(type => type.Namespace == "TorchSharp.Modules" && type is { IsSealed: true, IsGenericType: false }
            && typeof(nn.Module).IsAssignableFrom(type))
        .Select(type => type.GetConstructors(Any).Where(IsOfData).MaxBy(constructor => constructor.GetParameters().Length))
        .OfType<ConstructorInfo>()
        .ToFrozenDictionary(constructor => constructor.DeclaringType!.Name, StringComparer.Ordinal));

    /// <summary>Whether a module can be written down by its settings.</summary>
    internal static bool Has(nn.Module module) => module.GetType().Assembly == typeof(nn).Assembly
        && (NativeSettings.Factory(module.GetType().Name) is not null
            || Constructors.Value.GetValueOrDefault(module.GetType().Name)?.DeclaringType == module.GetType());

    internal static void Write(Utf8JsonWriter json, nn.Module module)
    {
        var type = module.GetType().Name;
        json.WriteString("type", type);
        json.WriteStartObject("settings");
        var native = NativeSettings.Factory(type);
        var known = native is null ? null : NativeSettings.Of(module);
        foreach (var parameter in (native ?? (MethodBase)Constructors.Value[type]).GetParameters())
            if (!IsAboutMemory(parameter))
            {
                json.WritePropertyName(parameter.Name!);
                Write(json, known is null ? Read(module, parameter) : known[parameter.Name!]);
            }
        json.WriteEndObject();
    }

    /// <summary>
    /// Makes a module again, on the meta device: its tensors have shapes, but no memory yet. A native one has its memory, as large as the
    /// shapes say.
    /// </summary>
    /// <param name="type">The class's name.</param>
    /// <param name="settings">What was written.</param>
    /// <param name="shapes">The shapes of the tensors that the file has for it.</param>
    internal static nn.Module Build(string type, JsonElement settings, Func<IReadOnlyDictionary<string, long[]>> shapes)
    {
        var constructor = NativeSettings.Factory(type) ?? (MethodBase?)Constructors.Value.GetValueOrDefault(type)
            ?? throw new InvalidDataException($"TorchSharp has no module '{type}' that a file can have");
        var parameters = constructor.GetParameters();
        if (settings.Members().Select(member => member.Name)
            .FirstOrDefault(name =>
                !Array.Exists(parameters, parameter => parameter.Name == name && !IsAboutMemory(parameter))) is { } surplus)
            throw new InvalidDataException($"{type} has no setting '{surplus}'");
        try
        {
            if (constructor is ConstructorInfo own)
                return (nn.Module)own.Invoke(BindingFlags.DoNotWrapExceptions, null, Array.ConvertAll(parameters, Setting), null);
            return NativeSettings.Build(type, parameters.ToDictionary(parameter => parameter.Name!, Setting), shapes());
        }
        catch (Exception error)
            when (error is ArgumentException or InvalidOperationException or NotImplementedException or ArithmeticException
                or System.Runtime.InteropServices.ExternalException or NullReferenceException or IndexOutOfRangeException)
        {
            throw new InvalidDataException($"{type} does not take these settings: {error.Message.Split('\n')[0].TrimEnd('.')}", error);
        }

        object? Setting(ParameterInfo parameter)
            => parameter.ParameterType == typeof(Device) ? META : IsAboutMemory(parameter)
                ? null : Value(settings.Field(parameter.Name!), parameter.ParameterType);
    }

    private static bool IsAboutMemory(ParameterInfo parameter)
        => parameter.ParameterType == typeof(Device) || parameter.ParameterType == typeof(ScalarType?);

    private static bool IsOfData(ConstructorInfo constructor)
        => Array.TrueForAll(constructor.GetParameters(), parameter => IsAboutMemory(parameter) || IsData(parameter.ParameterType));

    private static bool IsData(Type type) => type.IsPrimitive && type != typeof(nint) || type.IsEnum || type == typeof(Tensor)
        || (type.IsArray && IsData(type.GetElementType()!))
        || ((Nullable.GetUnderlyingType(type) is not null || typeof(ITuple).IsAssignableFrom(type))
            && Array.TrueForAll(type.GetGenericArguments(), IsData));

    private static object? Read(nn.Module module, ParameterInfo parameter)
        => Derived.TryGetValue($"{module.GetType().Name}.{parameter.Name}", out var read)
            ? read(module) : Property(module, parameter.Name!);

    private static object? Property(nn.Module module, string name)
    {
        for (var type = module.GetType(); type is not null; type = type.BaseType)
            if (type.GetField("_" + name, Any) is { FieldType.IsArray: true } array)
                return array.GetValue(module);
            else if (type.GetProperty(name, Any) is { } property)
                return property.GetValue(module);
            else if (type.GetField(name, Any) is { } field)
                return field.GetValue(module);
        throw new NotSupportedException($"its setting '{name}' can't be read");
    }

    private static object? HasBias(nn.Module module) => Registry.Get(module, "bias") is not null;

    /// <summary>A padding with a name ("same") leaves the numbers to the module.</summary>
    private static object? PaddingUnlessNamed(nn.Module module)
        => Property(module, "padding_type") is null ? Property(module, "padding") : null;

    private static void Write(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case Enum named: json.WriteStringValue(named.ToString()); break;
            case double or float: json.WriteStringValue(((IFormattable)value).ToString("R", CultureInfo.InvariantCulture)); break;
            case int or long: json.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture)); break;
            case Array array: WriteAll(json, array.Cast<object?>()); break;
            case ITuple tuple: WriteAll(json, Enumerable.Range(0, tuple.Length).Select(i => tuple[i])); break;
            default: throw new NotSupportedException($"a setting of it is a {value.GetType().Name}, which a file can't have");
        }
    }

    private static void WriteAll(Utf8JsonWriter json, IEnumerable<object?> items)
    {
        json.WriteStartArray();
        foreach (var item in items)
            Write(json, item);
        json.WriteEndArray();
    }

    private static object? Value(JsonElement json, Type type)
    {
        if (json.ValueKind == JsonValueKind.Null)
            return !type.IsValueType || Nullable.GetUnderlyingType(type) is not null
                ? null : throw new InvalidDataException("a setting is null that can't be");
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Value(json, inner);
        if (type == typeof(bool))
            return json.Flag();
        if (type.IsEnum)
            return Enum.TryParse(type, json.Text(), out var named) && Enum.IsDefined(type, named)
                ? named : throw new InvalidDataException($"there is no {type.Name} {SavedJson.Excerpt(json)}");
        if (type == typeof(double) || type == typeof(float))
            return double.TryParse(json.Text(), CultureInfo.InvariantCulture, out var number)
                ? Convert.ChangeType(number, type, CultureInfo.InvariantCulture)
                    : throw new InvalidDataException($"{SavedJson.Excerpt(json)} is no number");
        if (type.IsArray)
            return ArrayOf(type.GetElementType()!, json.Items());
        if (typeof(ITuple).IsAssignableFrom(type))
            return TupleOf(type, json);
        // In one dimension, properties are lists where the constructor takes a number.
        if (json.ValueKind == JsonValueKind.Array && json.GetArrayLength() == 1)
            return Value(json[0], type);
        return json.ValueKind == JsonValueKind.Number && json.TryGetInt64(out var integer)
            && (type == typeof(long) || (type == typeof(int) && integer == (int)integer))
            ? Convert.ChangeType(integer, type, CultureInfo.InvariantCulture)
            : throw new InvalidDataException($"{SavedJson.Excerpt(json)} is no {type.Name}");
    }

    private static Array ArrayOf(Type element, JsonElement[] items)
    {
        var array = Array.CreateInstance(element, items.Length);
        for (var i = 0; i < items.Length; i++)
            array.SetValue(Value(items[i], element), i);
        return array;
    }

    private static object TupleOf(Type type, JsonElement json)
    {
        var parts = type.GetGenericArguments();
        return json.Items() is var items && items.Length == parts.Length
            ? Activator.CreateInstance(type, [.. items.Select((item, i) => Value(item, parts[i]))])!
            : throw new InvalidDataException($"{SavedJson.Excerpt(json)} has not {parts.Length} numbers");
    }
}
