using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript;

/// <summary>
/// A call of one of TorchSharp's operations or modules on its way to TorchScript: its arguments by the names of the callee's parameters, a
/// module's settings and tensors by theirs, so that <c>Conv2d</c> and <c>conv2d</c> are one line of the table.
/// </summary>
internal sealed class Call(Node node, nn.Module? module, Type[] types, ParameterInfo?[] parameters, Expressions expressions,
    Func<string, Tensor, string> tensorOf)
{
    private readonly HashSet<int> used = [];
    private readonly HashSet<string> settings = new(StringComparer.Ordinal);

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
        return PositionOf(name) is var at and >= 0 ? DroppedArguments.Contains(node.target, name) ? Default(at) : At(at) ?? "None" : null;
    }

    /// <summary>A setting's value, where it is a constant.</summary>
    internal object? Setting(string name)
    {
        if (module is not null)
            return Property(name)?.GetValue(module);
        if (PositionOf(name) is not (var at and >= 0) || at >= node.args.Length || node.args[at] is not Literal { Value: var value })
            return null;
        used.Add(at);
        return value;
    }

    private int PositionOf(string name) => module is null ? Array.FindIndex(parameters, parameter => parameter?.Name == name) : -1;

    /// <summary>The value of an argument that is left out.</summary>
    private string Default(int position)
    {
        used.Add(position);
        var parameter = parameters[position]!;
        return Expressions.OfValue(parameter.ParameterType.IsEnum
            ? Enum.ToObject(parameter.ParameterType, parameter.DefaultValue!) : parameter.DefaultValue);
    }

    /// <summary>Takes all arguments for used: they are read where they stand.</summary>
    internal void UseAll() => used.UnionWith(Enumerable.Range(0, node.args.Length));

    /// <summary>Whether an argument of that name is a list already.</summary>
    internal bool IsList(string name)
    {
        var type = module is not null
            ? Property(name)?.PropertyType : TypeAt(Array.FindIndex(parameters, parameter => parameter?.Name == name));
        return type is not null && type != typeof(long) && type != typeof(int) && type != typeof(long?) && type != typeof(int?);
    }

    /// <summary>The first argument that no expression has used although it is not what is left out anyway; null for none.</summary>
    internal string? Unused()
    {
        for (var i = 0; i < node.args.Length; i++)
            if (!used.Contains(i) && !Defaults.Are(node.args[i], parameters[i])
                && !DroppedArguments.Contains(node.target, parameters[i]?.Name ?? ""))
                return parameters[i]?.Name ?? "self";
        return module is not null && Defaults.Changed(module, settings) is var (name, _) ? name : null;
    }

    /// <summary>Begins anew.</summary>
    internal void Reset()
    {
        used.Clear();
        settings.Clear();
    }

    private PropertyInfo? Property(string name)
    {
        settings.Add(name);
        return module!.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
    }
}
