using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

/// <summary>Arguments that TorchSharp does nothing with: what is exported follows that, so a version that mends one has to show here.</summary>
public sealed class DroppedArgumentTests
{
    private static readonly Func<Tensor, (Tensor Given, Tensor LeftOut)>[] Calls =
    [
        x => (div(x, 2, RoundingMode.floor), div(x, 2)), x => (divide(x, 2, RoundingMode.trunc), divide(x, 2)), x => (div(x, x + 2, RoundingMode.floor), div(x, x + 2)),
        x => (x.var(false), x.var(true)), x => (var(x, false), var(x, true)),
        x => (x.std(1, type: float64), x.std(1)), x => (x.std(new[] { 0L }, type: float64), x.std(new[] { 0L })), x => (std(x, 0, type: float64), std(x, 0)), x => (std(x, (0, 1), type: float64), std(x, (0, 1))),
        x => (var(x, new[] { 1L }, type: float64), var(x, new[] { 1L })),
    ];

    [Fact]
    public void They_do_nothing()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new float[,] { { 1, -2, 4 }, { 0.5f, 3, -7 } });
        Assert.All(Calls, call =>
        {
            var (given, leftOut) = call(x);
            Assert.Equal(leftOut.dtype, given.dtype);
            Assert.True(leftOut.allclose(given));
        });
    }

    [Fact]
    public void The_document_lists_them()
    {
        var document = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "operations.md")).ReplaceLineEndings("\n");
        Assert.Contains(string.Join("\n", DroppedArguments.All.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"- `{entry.Key}`: `{entry.Value}`")), document, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_is_an_argument_of_an_operation()
        => Assert.All(DroppedArguments.All, entry => Assert.Contains(PublicOperations.All.Values, method => DroppedArguments.Contains(method, entry.Value) && $"{method.DeclaringType!.Name}.{method.Name}({string.Join(", ", method.GetParameters().Select(parameter => parameter.Name))})" == entry.Key));
}
