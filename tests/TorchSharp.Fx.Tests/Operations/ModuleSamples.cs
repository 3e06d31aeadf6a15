using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

/// <summary>TorchSharp's modules with small arguments, and inputs for them: the factories of <c>torch.nn</c>, found by reflection, and some settings that matter.</summary>
internal static class ModuleSamples
{
    /// <summary>Modules by what they are called in messages; each call makes new ones.</summary>
    internal static IEnumerable<(string Name, Func<nn.Module> Make)> All => Set.Concat(Factories.Select(factory => (factory.Name, (Func<nn.Module>)(() => Make(factory)!))));

    private static (string Name, Func<nn.Module> Make)[] Set =>
    [
        ("Dropout in place", () => nn.Dropout(0.5, inplace: true)), ("Dropout of none", () => nn.Dropout(0)), ("ReLU in place", () => nn.ReLU(inplace: true)), ("Hardtanh in place", () => nn.Hardtanh(inplace: true)),
        ("BatchNorm1d without statistics", () => nn.BatchNorm1d(4, track_running_stats: false)), ("InstanceNorm1d with statistics", () => nn.InstanceNorm1d(4, track_running_stats: true)),
        ("Embedding with a largest norm", () => nn.Embedding(4, 4, max_norm: 0.1)), ("EmbeddingBag with a largest norm", () => nn.EmbeddingBag(4, 4, max_norm: 0.1)),
        ("Transformer", () => nn.Transformer(4, 2, 1, 1, 8)), ("TransformerEncoder", () => nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 1)),
        ("TransformerEncoderLayer", () => nn.TransformerEncoderLayer(4, 2, 8)), ("TransformerDecoderLayer", () => nn.TransformerDecoderLayer(4, 2, 8)),
        ("TransformerDecoder", () => nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8), 1)), ("LSTM with dropout", () => nn.LSTM(4, 4, 2, dropout: 0.5)),
        ("GRU with dropout", () => nn.GRU(4, 4, 2, dropout: 0.5)), ("RNN with dropout", () => nn.RNN(4, 4, 2, dropout: 0.5)), ("MultiheadAttention with dropout", () => nn.MultiheadAttention(4, 2, dropout: 0.5)),
        ("Sequential", () => nn.Sequential(nn.Dropout(), nn.BatchNorm1d(4), nn.ReLU(inplace: true))), ("Unflatten", () => nn.Unflatten(1, [2L, 2L])), ("Upsample", () => nn.Upsample(scale_factor: [2.0, 2.0])),
        ("ZeroPad2d of none", () => nn.ZeroPad2d(0)), ("TripletMarginWithDistanceLoss", () => nn.TripletMarginWithDistanceLoss()),
        ("FractionalMaxPool2d", () => nn.FractionalMaxPool2d(2, output_ratio: 0.5)), ("FractionalMaxPool3d", () => nn.FractionalMaxPool3d(2, output_ratio: 0.5)),
        ("PixelShuffle of one", () => nn.PixelShuffle(1)), ("Flatten of a matrix", () => nn.Flatten()), ("ChannelShuffle of one", () => nn.ChannelShuffle(1)), ("Fold", () => nn.Fold((4, 4), (2, 2))),
    ];

    /// <summary>Arguments that a call of a module may take: as many tensors as it asks for, and nothing for the rest.</summary>
    internal static IEnumerable<object?[]> Inputs(MethodInfo call)
    {
        var parameters = call.GetParameters();
        var most = parameters.Count(parameter => parameter.ParameterType == typeof(Tensor));
        foreach (var tensors in Tensors().Where(tensors => tensors.Length <= most))
            foreach (var everything in parameters.Any(parameter => parameter.ParameterType == typeof((Tensor, Tensor)?)) ? [false, true] : new[] { false })
                yield return [.. parameters.Select((parameter, i) => Input(parameter, tensors, i, everything))];
    }

    private static object? Input(ParameterInfo parameter, Tensor[] tensors, int position, bool everything) => parameter.ParameterType switch
    {
        var type when type == typeof(Tensor) => position < tensors.Length ? tensors[position] : null,
        var type when type == typeof((Tensor, Tensor)?) && everything => (zeros(2, 4), zeros(2, 4)),
        var type when type == typeof(bool) => true,
        _ => null,
    };

    private static IEnumerable<Tensor[]> Tensors()
    {
        foreach (var shape in (long[][])[[2, 4], [2, 4, 8], [2, 4, 8, 8], [2, 4, 8, 8, 8], [3, 1, 4]])
        {
            yield return [rand(shape) - 0.5];
            yield return [rand(shape), rand(shape)];
            yield return [rand(shape), rand(shape), rand(shape)];
        }
        yield return [ones(2, 4, int64)];
        yield return [ones(8, int64), zeros(2, int64)];
        yield return [rand(2, 4), ones(2, int64)];
        yield return [rand(2, 4), ones(2, 4, int64)];
        yield return [rand(2, 4), rand(2, 4), ones(2)];
        yield return [rand(5, 2, 4).log_softmax(-1), ones(2, 2, int64), full(2, 5L, int64), full(2, 2L, int64)];
        yield return [rand(2, 4, 2), zeros(2, 4, 2, int64)];
        yield return [rand(2, 4, 2, 2), zeros(2, 4, 2, 2, int64)];
        yield return [rand([2, 4, 2, 2, 2]), zeros([2, 4, 2, 2, 2], int64)];
        yield return [rand(2, 4, 9)];
        yield return [rand(2, 2)];
    }

    private static readonly MethodInfo[] Factories = [.. typeof(nn).GetMethods(BindingFlags.Public | BindingFlags.Static).Where(method => !method.IsGenericMethod && typeof(nn.Module).IsAssignableFrom(method.ReturnType) && method.Name is not "Transformer")
            .GroupBy(method => method.Name).SelectMany(overloads => overloads.OrderBy(method => method.GetParameters().Length).Where(method => Make(method) is not null).Take(1))
            .OrderBy(method => method.Name, StringComparer.Ordinal)];

    private static nn.Module? Make(MethodInfo factory)
    {
        try
        {
            return (nn.Module?)factory.Invoke(null, [.. factory.GetParameters().Select(Argument)]);
        }
        catch (Exception e) when (e is TargetInvocationException or ArgumentException)
        {
            return null;
        }
    }

    private static object? Argument(ParameterInfo parameter) => parameter.ParameterType switch
    {
        _ when parameter.HasDefaultValue => parameter.DefaultValue,
        var type when type == typeof(long) => Number(parameter.Name!),
        var type when type == typeof(int) => 1,
        var type when type == typeof(double) => 0.5,
        var type when type == typeof(long[]) => Enumerable.Repeat(2L, Dimensions(parameter)).ToArray(),
        var type when type == typeof(long?[]) => Enumerable.Repeat<long?>(2, Dimensions(parameter)).ToArray(),
        var type when type == typeof((long, long)) => (2L, 2L),
        var type when type == typeof((long, long, long)) => (2L, 2L, 2L),
        var type when type == typeof((long, long, long, long)) => (1L, 1L, 1L, 1L),
        _ => null,
    };

    private static long Number(string name)
        => name == "dim" ? 1 : ((string[])["kernel", "factor", "groups", "head"]).Any(part => name.Contains(part, StringComparison.OrdinalIgnoreCase)) ? 2 : 4;

    private static int Dimensions(ParameterInfo parameter) => parameter.Member.Name[^2] is >= '1' and <= '3' ? parameter.Member.Name[^2] - '0' : 2;
}
