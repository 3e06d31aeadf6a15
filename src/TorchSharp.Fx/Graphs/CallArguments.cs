using System.Collections.Immutable;
using System.Reflection;

namespace TorchSharp.Fx.Graphs;

/// <summary>The callee and the arguments of a node that is made by hand.</summary>
internal static class CallArguments
{
    /// <summary>An argument for the receiver, if there is one, and for each parameter.</summary>
    internal static ImmutableArray<Argument> Complete(MethodInfo method, ImmutableArray<Argument> args)
    {
        ArgumentNullException.ThrowIfNull(method);
        var parameters = method.GetParameters();
        var receivers = Callee.Of(method).Receivers;
        var given = args.Length - receivers;
        if (given < 0 || given > parameters.Length || parameters.Skip(given).Any(parameter => !parameter.HasDefaultValue))
            throw new ArgumentException(
                $"{method.DeclaringType?.Name}.{method.Name} takes {Names(method, parameters)}, but {args.Length} "
                    + $"{(args.Length == 1 ? "argument is" : "arguments are")} given.", nameof(args));
        return [.. args, .. parameters.Skip(given).Select(parameter => new Literal(parameter.DefaultValue))];
    }

    /// <summary>The method of a delegate that a graph can name: one without an object that it is called on.</summary>
    internal static MethodInfo StaticMethod(Delegate function)
    {
        ArgumentNullException.ThrowIfNull(function);
        return function is { Target: null, HasSingleTarget: true, Method: { IsStatic: true } method }
            ? method
            : throw new ArgumentException(
                $"A node can call a static method, such as torch.exp, but '{PythonNames.Plain(function.Method.Name)}' is none. Add what a "
                    + "lambda does with graph.inline(function, …), and call an instance method with graph.call_method(method, receiver, …).", nameof(function));
    }

    private static string Names(MethodInfo method, ParameterInfo[] parameters)
        => string.Join(", ",
            [.. Callee.Of(method).Names.Take(Callee.Of(method).Receivers),
                .. parameters.Select(parameter => parameter.HasDefaultValue
                    ? $"[{parameter.Name}]" : parameter.Name!)]) is { Length: > 0 } names ? $"({names})" : "no arguments";
}
