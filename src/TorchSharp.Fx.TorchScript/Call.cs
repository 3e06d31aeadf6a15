using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript;

/// <summary>
/// A call of one of TorchSharp's operations or modules on its way to TorchScript: its arguments by the names of the callee's parameters, a module's settings and tensors by theirs, so that <c>Conv2d</c> and
/// <c>conv2d</c> are one line of the table.
/// </summary>
internal sealed class Call(Node node, nn.Module? module, Type[] types, ParameterInfo?[] parameters, Expressions expressions, Func<string, Tensor, string> tensorOf)
{
    // They say how to do it or what becomes of memory, not what comes out.
    private static readonly string[] Ignored = ["inplace", "non_blocking", "nonBlocking", "disposeAfter", "names", "isImplicit"];

    private readonly HashSet<int> used = [];

    internal nn.Module? Module => module;

    internal Node Node => node;

    /// <summary>Whether it is to write to its first argument although its name does not say so.</summary>
    internal bool IsInPlace => Setting("inplace") is true;

    /// <summary>An argument, or a part of one, as it is.</summary>
    internal string Expression(Argument argument) => expressions.Of(argument);

    /// <summary>The argument at a position; null where there is none.</summary>
    internal string? At(int position)
    {
        if (position >= node.args.Length)
            return null;
        used.Add(position);
        return expressions.OfOperand(node.args[position]);
    }

    /// <summary>The C# type that the argument at a position is taken as; null where there is none.</summary>
    internal Type? TypeAt(int position) => position < types.Length ? types[position] : null;

    /// <summary>An argument, setting or tensor; null where the callee has none of that name.</summary>
    internal string? Named(string name)
    {
        if (module is not null && Registry.Get(module, name) is { } tensor)
            return tensorOf(name, tensor);
        if (module is not null && Property(name) is { } property)
            return Expressions.OfValue(property.GetValue(module));
        return Array.FindIndex(parameters, parameter => parameter?.Name == name) is var at and >= 0 && module is null ? At(at) ?? "None" : null;
    }

    /// <summary>A setting's value, where it is a constant.</summary>
    internal object? Setting(string name) => module is not null ? Property(name)?.GetValue(module)
        : Array.FindIndex(parameters, parameter => parameter?.Name == name) is var at and >= 0 && at < node.args.Length && node.args[at] is Literal { Value: var value } ? value : null;

    /// <summary>Whether an argument of that name is a list already.</summary>
    internal bool IsList(string name)
    {
        var type = module is not null ? Property(name)?.PropertyType : TypeAt(Array.FindIndex(parameters, parameter => parameter?.Name == name));
        return type is not null && type != typeof(long) && type != typeof(int) && type != typeof(long?) && type != typeof(int?);
    }

    /// <summary>The first argument that no expression has used although it is not what is left out anyway; null for none.</summary>
    internal string? Unused()
    {
        for (var i = 0; i < node.args.Length; i++)
            if (!used.Contains(i) && !IsDefault(node.args[i], parameters[i]))
                return parameters[i]?.Name ?? "self";
        return null;
    }

    /// <summary>Begins anew.</summary>
    internal void Reset() => used.Clear();

    private PropertyInfo? Property(string name) => module!.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);

    private static bool IsDefault(Argument argument, ParameterInfo? parameter)
        => parameter is not null && (Array.IndexOf(Ignored, parameter.Name) >= 0 || argument is Literal { Value: null or false }
            || (argument is Literal { Value: var value } && parameter.HasDefaultValue && Equals(Plain(value), Plain(parameter.DefaultValue))));

    /// <summary>Reflection gives the default of an enum as its number.</summary>
    private static object? Plain(object? value) => value is Enum or int or long ? Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture) : value;
}
