using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>Matches a JSON object to the constructor whose parameters have its names.</summary>
internal static class ConstructorArguments
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerOptions.Default)
    {
        PropertyNameCaseInsensitive = true,
        IncludeFields = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(), new DeviceConverter() },
    };

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(int)] = "int", [typeof(long)] = "long", [typeof(float)] = "float", [typeof(double)] = "double", [typeof(bool)] = "bool",
        [typeof(string)] = "string",
    };

    /// <summary>A function that builds the type with these arguments; parameters that they leave out take their defaults.</summary>
    internal static Func<nn.Module> Match(Type type, string? json)
    {
        var given = Parse(json);
        var constructors = type.GetConstructors().Where(constructor => Takes(constructor, given))
            .OrderBy(constructor => constructor.GetParameters().Length).ToArray();
        if (constructors is not [var constructor, ..])
            throw new ToolException(
                $"{Given(given)} {type.FullName}: it has {Signatures(type)}. Give them with --args, a JSON object of arguments by name.");
        var arguments = constructor.GetParameters().Select(parameter => Value(parameter, given)).ToArray();
        return () => Construct(constructor, arguments);
    }

    private static nn.Module Construct(ConstructorInfo constructor, object?[] arguments)
    {
        try
        {
            return (nn.Module)constructor.Invoke(arguments);
        }
        catch (TargetInvocationException error) when (error.InnerException is { } thrown)
        {
            throw new ToolException(
                $"The constructor of {constructor.DeclaringType!.FullName} threw {thrown.GetType().Name}: {thrown.Message}", thrown);
        }
    }

    private static Dictionary<string, JsonElement> Parse(string? json)
    {
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(json ?? "{}") ?? throw new JsonException("it is null");
        }
        catch (JsonException error)
        {
            throw new ToolException(
                $"--args is not a JSON object of arguments by name, such as '{{\"channels\": 3}}': {Failure.FirstLine(error.Message)}",
                error) { IsWrongUsage = true };
        }
    }

    private static bool Takes(ConstructorInfo constructor, Dictionary<string, JsonElement> given)
    {
        var parameters = constructor.GetParameters();
        return given.Keys.All(name => parameters.Any(parameter => parameter.Name == name))
            && parameters.All(parameter => parameter.HasDefaultValue || given.ContainsKey(parameter.Name!));
    }

    private static object? Value(ParameterInfo parameter, Dictionary<string, JsonElement> given)
    {
        if (!given.TryGetValue(parameter.Name!, out var element))
            return parameter.DefaultValue;
        try
        {
            return element.Deserialize(parameter.ParameterType, Options);
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or InvalidOperationException)
        {
            throw new ToolException(
                $"The argument '{parameter.Name}' can't be {element.GetRawText()}: the constructor takes a "
                    + $"{TypeName(parameter.ParameterType)} there.", error);
        }
    }

    private static string Given(Dictionary<string, JsonElement> given)
        => given.Count == 0
            ? "No arguments are not enough for" : $"The arguments {string.Join(", ", given.Keys.Select(name => $"'{name}'"))} don't fit";

    private static string Signatures(Type type)
    {
        var signatures = type.GetConstructors()
            .Select(constructor => $"({string.Join(", ", constructor.GetParameters().Select(Describe))})").ToArray();
        return signatures.Length == 0
            ? "no public constructor" : $"the constructor{(signatures.Length == 1 ? "" : "s")} {string.Join(" and ", signatures)}";
    }

    private static string Describe(ParameterInfo parameter)
        => $"{TypeName(parameter.ParameterType)} "
            + $"{parameter.Name}{(parameter.HasDefaultValue ? $" = {parameter.DefaultValue ?? "null"}" : "")}";

    /// <summary>As C# writes it.</summary>
    private static string TypeName(Type type) => Nullable.GetUnderlyingType(type) is { } value ? TypeName(value) + "?"
        : type.IsArray ? TypeName(type.GetElementType()!) + "[]"
        : type.IsGenericType ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GenericTypeArguments.Select(TypeName))}>"
        : Keywords.GetValueOrDefault(type, type.Name);

    /// <summary>A device as text: <c>"cpu"</c>.</summary>
    private sealed class DeviceConverter : JsonConverter<Device>
    {
        public override Device Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
            => torch.device(reader.GetString()!);

        public override void Write(Utf8JsonWriter writer, Device value, JsonSerializerOptions options)
            => writer.WriteStringValue(value.ToString());
    }
}
