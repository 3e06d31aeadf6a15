using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>
/// A call of one of TorchSharp's layers or functions that ONNX has no operation for, while it is written as a graph of simpler ones.
/// </summary>
internal sealed class LoweredCall
{
    private readonly Dictionary<string, Tensor> constants = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Node Input, object? Value)> arguments = new(StringComparer.Ordinal);
    private readonly nn.Module? module;

    /// <summary>Begins a graph whose inputs are those of the call.</summary>
    /// <param name="module">The layer; null for a function.</param>
    /// <param name="parameters">The names of what it is given.</param>
    /// <param name="given">What the example gives.</param>
    internal LoweredCall(nn.Module? module, IEnumerable<string> parameters, object?[] given)
    {
        this.module = module;
        foreach (var (name, value) in parameters.Zip(given))
            arguments.Add(name,
                (Graph.placeholder(name,
                    value?.GetType() switch { null => typeof(object), var type => value is Tensor ? typeof(Tensor) : type }), value));
    }

    internal Graph Graph { get; } = new();

    /// <summary>An input, or a tensor that a layer holds; null where there is none.</summary>
    internal Argument? Tensor(string name)
    {
        if (arguments.TryGetValue(name, out var given))
            return given.Value is Tensor ? given.Input : (Argument?)null;
        return module is not null && ((Defaults.Setting(module, name)?.Value as Tensor) ?? Registry.Get(module, name)) is { } held
            ? Constant(name, held) : null;
    }

    /// <summary>An input that is given; null where there is none.</summary>
    internal Node? Input(string name) => arguments.TryGetValue(name, out var given) && given.Value is not null ? given.Input : null;

    /// <summary>The sizes of an input in the example.</summary>
    internal long[] Sizes(string name) => ((Tensor)arguments[name].Value!).shape;

    /// <summary>Whether an input has integers.</summary>
    internal bool IsWhole(string name) => !is_floating_point(((Tensor)arguments[name].Value!).dtype);

    /// <summary>Whether an input has bools.</summary>
    internal bool IsBool(string name) => ((Tensor)arguments[name].Value!).dtype == ScalarType.Bool;

    /// <summary>A parameter of the layer, also one that it keeps in native code; null for none.</summary>
    internal Tensor? Held(string name) => module!.named_parameters().FirstOrDefault(parameter => parameter.name == name).parameter;

    /// <summary>A setting of a layer, or a function's argument.</summary>
    internal T Setting<T>(string name, T otherwise)
        => (arguments.TryGetValue(name, out var given) ? given.Value : module is null
            ? null : Defaults.Setting(module, name)?.Value) is T value ? value : otherwise;

    /// <summary>A tensor that no input gives.</summary>
    internal Argument Constant(string name, Tensor tensor)
    {
        constants[name] = tensor;
        return Graph.get_attr(name);
    }

    /// <summary>Adds what a function does.</summary>
    internal Node Add(Delegate function, params ImmutableArray<Argument> args) => Graph.inline(function, args);

    /// <summary>Ends the graph.</summary>
    internal Expansion Done(Argument result)
    {
        Graph.output(result, typeof(object));
        return new(module ?? new TracedFunction(null), Graph, constants);
    }
}
