using System.Collections.Immutable;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>A member of TorchSharp as an operation of ATen has it: <c>self.flatten(start_dim, end_dim)</c>.</summary>
/// <param name="Owner">The class that has the member; <see cref="Tensor"/> for one that is called on its first argument.</param>
/// <param name="Name">The member's name.</param>
/// <param name="IsStatic">Whether it is called on no object.</param>
/// <param name="Arguments">The names of the schema's arguments, or constants, in the order of the member's parameters, what it is called on
/// first.</param>
/// <param name="Required">Those of them that have to be given, though the schema has a default.</param>
internal sealed record Form(Type Owner, string Name, bool IsStatic, ImmutableArray<string> Arguments, ImmutableArray<string> Required)
{
    private static readonly Dictionary<string, Type> Owners = new(StringComparer.Ordinal)
    {
        ["torch"] = typeof(torch), ["functional"] = typeof(nn.functional), ["linalg"] = typeof(linalg), ["special"] = typeof(special),
            ["extensions"] = typeof(TensorExtensionMethods),
    };

    /// <summary>Reads a form as the table has it.</summary>
    internal static Form Parse(string text)
    {
        var open = text.IndexOf('(', StringComparison.Ordinal);
        var (head, names) = (text[..open].Split('.'),
            text[(open + 1)..^1].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        ImmutableArray<string> required = [.. names.Where(name => name.EndsWith('!')).Select(name => name[..^1])];
        names = Array.ConvertAll(names, name => name.TrimEnd('!'));
        return head is [var receiver, var member]
            ? Owners.TryGetValue(receiver, out var owner) ? new(owner, member, true, [.. names], required)
                : new(typeof(Tensor), member, false, [receiver, .. names], required)
            : new(typeof(Tensor), head[0], true, [.. names], required);
    }

    /// <summary>Whether an entry is a constant and not an argument's name.</summary>
    internal static bool IsConstant(string entry) => entry is "true" or "false" || entry[0] is '\'' or '-' || char.IsAsciiDigit(entry[0]);

    /// <summary>The constant that an entry stands for; that of an enum is its name.</summary>
    internal static Literal Constant(string entry) => new(entry switch
    {
        "true" => true,
        "false" => false,
        ['\'', .. var name, '\''] => name,
        _ => long.Parse(entry, System.Globalization.CultureInfo.InvariantCulture),
    });

    /// <summary>The call of the overload that takes these arguments, and needs the fewest others; null where none does.</summary>
    /// <param name="arguments">An argument for each entry, with the schema's type for it.</param>
    internal (MethodInfo Method, ImmutableArray<Argument> Args)? Bind(IReadOnlyList<(Argument Argument, AtenType? Type)> arguments)
    {
        (MethodInfo Method, ImmutableArray<Argument> Args)? best = null;
        var rank = int.MaxValue;
        foreach (var method in Owner.GetMember(Name, MemberTypes.Method,
            BindingFlags.Public | BindingFlags.DeclaredOnly | (IsStatic ? BindingFlags.Static : BindingFlags.Instance)).Cast<MethodInfo>())
        {
            if (method.IsGenericMethod || Bind(method, arguments) is not { } bound || bound.Rank >= rank)
                continue;
            (best, rank) = ((method, bound.Args), bound.Rank);
        }
        return best;
    }

    private (ImmutableArray<Argument> Args, int Rank)? Bind(MethodInfo method, IReadOnlyList<(Argument Argument, AtenType? Type)> arguments)
    {
        var parameters = method.GetParameters();
        var receivers = IsStatic ? 0 : 1;
        if (arguments.Count - receivers > parameters.Length
            || parameters.Skip(arguments.Count - receivers).Any(parameter => !parameter.HasDefaultValue))
            return null;
        var args = ImmutableArray.CreateBuilder<Argument>(parameters.Length + receivers);
        var rank = 4 * (parameters.Length + receivers - arguments.Count);
        for (var i = 0; i < arguments.Count; i++)
        {
            var (type, preset) = i < receivers ? (typeof(Tensor), null)
                : (parameters[i - receivers].ParameterType, parameters[i - receivers]);
            if (Fitting.Fit(arguments[i].Argument, arguments[i].Type, type, preset) is not var (fitted, cost))
                return null;
            args.Add(fitted);
            rank += cost;
        }
        args.AddRange(parameters.Skip(arguments.Count - receivers).Select(parameter => new Literal(parameter.DefaultValue)));
        return (args.MoveToImmutable(), rank);
    }
}
