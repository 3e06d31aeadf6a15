using System.Globalization;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>The defaults of arguments to functions and of modules' settings.</summary>
internal static class Defaults
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    // They say how to do it or what becomes of memory, not what comes out.
    private static readonly string[] Ignored =
        ["inplace", "non_blocking", "nonBlocking", "disposeAfter", "names", "isImplicit", "implicit"];

    // What modules are made with and then show in their tensors, or only use in training mode.
    private static readonly string[] Spent =
        ["p", "momentum", "dropout", "init", "bias", "hasBias", "affine", "elementwise_affine", "track_running_stats", "dtype", "device"];

    /// <summary>Whether an argument is what is meant where it is left out, or makes no difference.</summary>
    internal static bool Are(Argument argument, ParameterInfo? parameter)
        => argument is Literal { Value: null } || (parameter is not null && (Array.IndexOf(Ignored, parameter.Name) >= 0
            || (argument is Literal { Value: var value } && parameter.HasDefaultValue
                && Equals(Plain(value), Plain(parameter.DefaultValue)))));

    /// <summary>A setting of a module that is not what its maker has by default, and is not among those read; null for none.</summary>
    internal static (string Name, object Value)? Changed(nn.Module module, IReadOnlySet<string> read)
    {
        var parameters = typeof(nn).GetMethods().Where(maker => maker.Name == module.GetType().Name)
            .SelectMany(maker => maker.GetParameters());
        foreach (var options in parameters.Where(parameter => parameter.HasDefaultValue).ToLookup(parameter => parameter.Name!))
            if (!read.Contains(options.Key) && Array.IndexOf([.. Ignored, .. Spent], options.Key) < 0
                && Setting(module, options.Key) is { Value: { } value } && value is not Tensor
                && !options.Any(option => Equals(Plain(value), Plain(option.DefaultValue))))
                return (options.Key, value);
        return null;
    }

    /// <summary>
    /// A property or field of the module's class or of those it comes from, which keep some to themselves; null where there is none.
    /// </summary>
    internal static Setting? Setting(nn.Module module, string name)
    {
        for (var type = module.GetType(); type != typeof(nn.Module); type = type!.BaseType)
            if (type!.GetProperty(name, Own) is { PropertyType.IsByRefLike: false } property)
                return new(property.GetValue(module));
            else if (type.GetField(name, Own) is { } field)
                return new(field.GetValue(module));
        return null;
    }

    /// <summary>Reflection gives the default of an enum as its number; a number repeated for all dimensions is that number.</summary>
    private static object? Plain(object? value) => value switch
    {
        Enum or int or long => Convert.ToInt64(value, CultureInfo.InvariantCulture),
        float or double => Convert.ToDouble(value, CultureInfo.InvariantCulture),
        Scalar scalar => scalar.ToDouble(),
        long[] { Length: > 0 } sizes when Array.TrueForAll(sizes, size => size == sizes[0]) => sizes[0],
        _ => value,
    };
}

/// <summary>The value of a module's setting, which can be null.</summary>
internal sealed record Setting(object? Value);
