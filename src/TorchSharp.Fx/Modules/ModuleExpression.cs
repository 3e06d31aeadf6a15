using System.Collections.Frozen;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>
/// The C# expression that makes a module of TorchSharp's own again, <c>nn.Conv2d(in_channels: 3, …)</c>: of the factories of its name the
/// one whose parameters its properties answer. For a module that TorchSharp keeps in native code, <see cref="NativeSettings"/> answers.
/// </summary>
internal static class ModuleExpression
{
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Parameters that no property has the name of.</summary>
    private static readonly FrozenDictionary<string, Func<nn.Module, object?>> Derived = new Dictionary<string, Func<nn.Module, object?>>
    {
        ["Linear.inputSize"] = module => Tensor(module, "weight")!.shape[1],
        ["Linear.outputSize"] = module => Tensor(module, "weight")!.shape[0],
        ["GroupNorm.num_channels"] = module => Tensor(module, "weight")?.shape[0] ?? Property(module, "num_groups"),
        ["PairwiseDistance.p"] = module => Property(module, "norm"),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The expression; null for a module that none is known of.</summary>
    internal static string? Of(nn.Module module)
    {
        if (module.GetType().Assembly != TensorTypes.TorchSharp)
            return null;
        if (NativeSettings.Factory(module.GetType().Name) is { } native)
            return Type(module).Value is null ? OfNative(module.GetType().Name, native, NativeSettings.Of(module)) : null;
        var candidates = from factory in typeof(nn).GetMethods(BindingFlags.Public | BindingFlags.Static)
                         where factory.Name == module.GetType().Name && factory.ReturnType == module.GetType()
                         orderby factory.GetParameters().Length descending
                         select Arguments(module, factory);
        return candidates.FirstOrDefault(arguments => arguments is not null) is { } found
            ? $"nn.{module.GetType().Name}({string.Join(", ", found)})" : null;
    }

    /// <summary>A stack of layers is made of a layer.</summary>
    private static string OfNative(string type, MethodInfo factory, IReadOnlyDictionary<string, object?> settings)
    {
        var arguments = string.Join(", ", factory.GetParameters().Where(parameter => parameter.Name != "num_layers")
            .Select(parameter => $"{parameter.Name}: {CSharpArguments.Of(new Literal(settings[parameter.Name!]))}"));
        return type is "TransformerEncoder" or "TransformerDecoder"
            ? $"nn.{type}(nn.{type}Layer({arguments}), num_layers: {settings["num_layers"]})" : $"nn.{type}({arguments})";
    }

    /// <summary>
    /// Arguments that only repeat a default are left out: <c>padding: 0</c> would stand for another overload's enum, too.
    /// </summary>
    private static List<string>? Arguments(nn.Module module, MethodInfo factory)
    {
        var arguments = new List<string>();
        foreach (var parameter in factory.GetParameters())
        {
            if (parameter.ParameterType == typeof(Device))
                continue;
            var argument = parameter.ParameterType == typeof(ScalarType?)
                ? Type(module) : Literal(Value(module, parameter), parameter.ParameterType);
            if (argument is null)
                return null;
            if (argument is Literal { Value: var value } && parameter.HasDefaultValue && GraphCode.IsDefault(parameter, value))
                continue;
            arguments.Add(arguments.Count == parameter.Position
                ? CSharpArguments.Of(argument) : $"{parameter.Name}: {CSharpArguments.Of(argument)}");
        }
        return arguments;
    }

    private static Literal Type(nn.Module module)
        => new(module.parameters().FirstOrDefault() is { dtype: not ScalarType.Float32 and var other } ? other : null);

    private static object? Value(nn.Module module, ParameterInfo parameter)
    {
        if (Derived.TryGetValue($"{module.GetType().Name}.{parameter.Name}", out var derived))
            return derived(module);
        if (parameter.Name is "hasBias" or "bias" && parameter.ParameterType == typeof(bool))
            return Tensor(module, "bias") is not null;
        // A padding with a name ("same") leaves its numbers to the module.
        return parameter.Name == "padding" && Property(module, "padding_type") is Padding named ? named : Property(module, parameter.Name!);
    }

    /// <summary>A property's value in the type of a parameter; null where it doesn't fit.</summary>
    private static Argument? Literal(object? value, Type type)
    {
        var inner = Nullable.GetUnderlyingType(type) ?? type;
        if (value is DBNull)
            return null;
        if (value is null)
            return !type.IsValueType || inner != type ? new Literal(null) : null;
        if (inner.IsInstanceOfType(value))
            return value is Array list ? new ListArgument([.. Items(list)], type.GetElementType()!) : value is ITuple tuple
                ? new TupleArgument([.. Items(tuple)], inner) : value is Tensor ? null : new Literal(value);
        if (value is Array numbers && typeof(ITuple).IsAssignableFrom(inner))
            return inner.GetGenericArguments().Length == numbers.Length ? new TupleArgument([.. Items(numbers)], inner) : null;
        return value is long[] { Length: > 0 } sizes && inner == typeof(long) && Array.TrueForAll(sizes, size => size == sizes[0])
            ? new Literal(sizes[0]) : null;
    }

    private static IEnumerable<Argument> Items(Array array) => array.Cast<object?>().Select(item => new Literal(item));

    private static IEnumerable<Argument> Items(ITuple tuple) => Enumerable.Range(0, tuple.Length).Select(i => new Literal(tuple[i]));

    /// <summary>The value of a property, or of the field behind one that gives a span; <see cref="DBNull"/> where there is none.</summary>
    private static object? Property(nn.Module module, string name)
    {
        var property = module.GetType().GetProperty(name, Any);
        if (property is null)
            return DBNull.Value;
        return property.PropertyType.IsByRefLike ? module.GetType().GetField("_" + name, Any)?.GetValue(module) : property.GetValue(module);
    }

    private static Tensor? Tensor(nn.Module module, string name) => Registry.Get(module, name);
}
