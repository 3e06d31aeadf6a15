using System.Globalization;
using System.Text.Json;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Testing;

/// <summary>What the golden data keeps of a tensor: shape, moments, extremes and a few elements by flat index.</summary>
internal sealed record TensorStatistics(long[] Shape, double Mean, double Std, double Min, double Max, (long Index, double Value)[] At)
{
    public static TensorStatistics Parse(JsonElement json) => new(
        [.. json.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())],
        json.GetProperty("mean").GetDouble(), json.GetProperty("std").GetDouble(),
        json.GetProperty("min").GetDouble(), json.GetProperty("max").GetDouble(),
        [.. json.GetProperty("at").EnumerateArray().Select(pair => (pair[0].GetInt64(), pair[1].GetDouble()))]);

    /// <summary>Fails unless the tensor has this shape and, within <paramref name="tolerance"/> of its own deviation, these values.</summary>
    public void AssertMatches(Tensor actual, string name, double tolerance = 1e-4)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(Shape, actual.shape);
        var flat = actual.detach().reshape(-1).to(ScalarType.Float64);
        Close(Mean, flat.mean().item<double>(), "mean");
        Close(Std, flat.std(unbiased: false).item<double>(), "std");
        Close(Min, flat.min().item<double>(), "min");
        Close(Max, flat.max().item<double>(), "max");
        foreach (var (index, value) in At) Close(value, flat[index].item<double>(), $"element {index}");

        void Close(double expected, double got, string what) => Assert.True(
            Math.Abs(expected - got) <= tolerance * Std,
            string.Create(CultureInfo.InvariantCulture, $"{name}: the {what} is {got}, expected {expected}."));
    }
}
