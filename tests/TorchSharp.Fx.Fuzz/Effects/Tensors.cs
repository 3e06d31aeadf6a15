using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>The tensors in a value of any structure.</summary>
internal static class Tensors
{
    internal static IEnumerable<Tensor> In(object? value) => value switch
    {
        Tensor tensor => [tensor],
        null or string or IConvertible or Generator => [],
        ITuple tuple => Enumerable.Range(0, tuple.Length).SelectMany(i => In(tuple[i])),
        IDictionary dictionary => dictionary.Values.Cast<object?>().SelectMany(In),
        IEnumerable sequence => sequence.Cast<object?>().SelectMany(In),
        _ => value.GetType().GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).SelectMany(field => In(field.GetValue(value))),
    };
}
