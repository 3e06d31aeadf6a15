using System.Collections.Frozen;
using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The settings of a module that TorchSharp keeps in native code, so that another one like it can be made: by its tensors' shapes, by
/// what libtorch prints of it, and, where neither tells, by what it computes (<see cref="NativeProbes"/>).
/// </summary>
internal static class NativeSettings
{
    private static readonly FrozenDictionary<string, MethodInfo> Factories = typeof(NativeFactories)
        .GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
        .Where(method => method.ReturnType == typeof(nn.Module))
        .ToFrozenDictionary(method => method.Name, StringComparer.Ordinal);

    /// <summary>The method that makes a module of this class of TorchSharp's; null where the class is not a native one.</summary>
    internal static MethodInfo? Factory(string type) => Factories.GetValueOrDefault(type);

    /// <summary>The factory's arguments, by name.</summary>
    /// <exception cref="NotSupportedException">A setting can't be told.</exception>
    internal static IReadOnlyDictionary<string, object?> Of(nn.Module module)
    {
        var type = module.GetType().Name;
        var text = NativeText.Of(module)
            ?? throw new NotSupportedException($"{type} keeps its settings in native code, from where they can be read on Linux x64 alone");
        var settings =
            new NativeSizes(module.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter.shape)).Of(type);
        foreach (var (name, value) in module switch
        {
            Embedding => [("padding_idx", (long?)NativeText.Number(text, "padding_idx")), .. Table(text)],
            EmbeddingBag => [("padding_index", (long?)NativeText.Number(text, "padding_idx") ?? -1), ("mode", Mode(text)),
                ("include_last_offset", NativeText.Flag(text, "include_last_offset")), .. Table(text)],
            LSTM or GRU => Recurrent(text),
            RNN rnn => [("nonLinearity", NativeProbes.NonLinearity(rnn)), .. Recurrent(text)],
            RNNCell => [("nonLinearity",
                NativeText.Value(text, "nonlinearity") == "kReLU" ? nn.NonLinearities.ReLU : nn.NonLinearities.Tanh)],
            MultiheadAttention attention => NativeProbes.Attention(attention, settings),
            LSTMCell or GRUCell => [],
            _ => [("dropout", NativeText.Number(text, "p")), .. NativeProbes.Transformer(module, (double)NativeText.Number(text, "p")!)],
        })
            settings[name] = value;
        return settings;
    }

    /// <summary>Makes a module of its settings, where the shapes of its tensors are known. No random number is drawn.</summary>
    /// <exception cref="InvalidDataException">Settings and shapes don't agree.</exception>
    internal static nn.Module Build(string type, IReadOnlyDictionary<string, object?> settings, IReadOnlyDictionary<string, long[]> shapes)
    {
        foreach (var (name, value) in new NativeSizes(shapes).Of(type))
            if (!Equals(settings[name], value))
                throw new InvalidDataException($"its setting '{name}' is {settings[name]}, but its tensors have {value}");
        using var random = new RandomState();
        object?[] arguments = [.. Factories[type].GetParameters().Select(parameter => settings[parameter.Name!])];
        return (nn.Module)Factories[type].Invoke(null, BindingFlags.DoNotWrapExceptions, null, arguments, null)!;
    }

    /// <summary>Whether a module scales the rows that are looked up in it down to a largest norm, whatever its mode.</summary>
    internal static bool Renormalises(nn.Module module)
        => module is Embedding or EmbeddingBag && NativeText.Of(module) is { } text && NativeText.Number(text, "max_norm") is not null;

    /// <summary>Whether a module, or one in it, does.</summary>
    internal static bool AnyRenormalises(nn.Module module) => Renormalises(module) || module.children().Any(AnyRenormalises);

    /// <summary>Another module of the same settings.</summary>
    internal static nn.Module Like(nn.Module module)
        => Build(module.GetType().Name, Of(module),
            module.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter.shape));

    /// <summary>Puts a parameter into a native module: as itself where TorchSharp has a setter, else its values.</summary>
    /// <returns>The parameter that the module has now: the given one or its own.</returns>
    internal static Parameter Give(nn.Module module, string name, Parameter parameter)
    {
        var own = module.get_parameter(name)!;
        if (module.GetType().GetProperty(name) is { CanWrite: true } property)
        {
            property.SetValue(module, parameter);
            Registry.Replace(module, name, parameter);
            own.Dispose();
            return parameter;
        }
        using (no_grad())
            own.copy_(parameter);
        own.requires_grad = parameter.requires_grad;
        return own;
    }

    private static (string, object?)[] Table(string text) =>
    [
        ("max_norm", NativeText.Number(text, "max_norm")), ("norm_type", NativeText.Number(text, "norm_type") ?? 2.0),
        ("scale_grad_by_freq", NativeText.Flag(text, "scale_grad_by_freq")), ("sparse", NativeText.Flag(text, "sparse")),
    ];

    private static (string, object?)[] Recurrent(string text)
        => [("batchFirst", NativeText.Flag(text, "batch_first")), ("dropout", NativeText.Number(text, "dropout"))];

    private static EmbeddingBagMode Mode(string text) => NativeText.Value(text, "mode") switch
    {
        "kSum" => EmbeddingBagMode.Sum,
        "kMax" => EmbeddingBagMode.Max,
        _ => EmbeddingBagMode.Mean,
    };
}
