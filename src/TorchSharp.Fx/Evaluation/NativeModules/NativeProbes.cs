using TorchSharp.Modules;
using static TorchSharp.torch;
using functional = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// Settings that nothing but a computation tells: the module runs on a small input, the same is computed in C# with each setting that it
/// may have, and the one that agrees is it. Nothing of the module changes but the training mode of a <see cref="MultiheadAttention"/> in
/// evaluation mode, for one call: its dropout shows in training only.
/// </summary>
internal static class NativeProbes
{
    /// <summary>Which function an RNN applies.</summary>
    internal static nn.NonLinearities NonLinearity(RNN module)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var state = new RandomState();
        var weight = module.get_parameter("weight_ih_l0")!;
        var x = Input(weight, 1, 1, weight.shape[1]);
        // After one step from zero, the first layer has f(W x + b).
        var (_, hidden) = module.call(x, null);
        var sum = functional.linear(x[0], weight, module.get_parameter("bias_ih_l0"));
        if (module.get_parameter("bias_hh_l0") is { } bias)
            sum = sum + bias;
        return Agreeing([nn.NonLinearities.Tanh, nn.NonLinearities.ReLU], hidden[0], kind => kind == nn.NonLinearities.ReLU
            ? sum.relu() : sum.tanh(), "non-linearity");
    }

    /// <summary>An attention's heads, whether it attends to zeros, and its dropout.</summary>
    internal static (string, object?)[] Attention(MultiheadAttention module, IReadOnlyDictionary<string, object?> sizes)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var state = new RandomState();
        var weights = new NativeAttention(module, "");
        var (size, keys, values) = ((long)sizes["embedded_dim"]!, (long)sizes["kdim"]!, (long)sizes["vdim"]!);
        var like = module.get_parameter("out_proj.weight")!;
        var (q, k, v) = (Input(like, 3, 2, size), Input(like, 4, 2, keys), Input(like, 4, 2, values));
        var training = module.training;
        try
        {
            module.train();
            state.Restart();
            var trained = module.call(q, k, v, null, true, null).Item1;
            var found = Agreeing(Heads(size)
                .SelectMany(heads => new[] { false, true }.SelectMany(zeros => Rates.Select(rate => (heads, zeros, rate)))), trained, one =>
            {
                state.Restart();
                return weights.Run(q, k, v, one.heads, one.rate, training: true, one.zeros);
            }, "number of heads and dropout");
            return [("num_heads", found.heads), ("add_zero_attn", found.zeros), ("dropout", found.rate)];
        }
        finally
        {
            module.train(training);
        }
    }

    /// <summary>The heads and the activation of a transformer's layers.</summary>
    internal static (string, object?)[] Transformer(nn.Module module, double dropout)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var state = new RandomState();
        var code = new NativeTransformer(module, dropout);
        var source = Input(module.parameters().First(), 3, 2, code.Size);
        var target = Input(module.parameters().First(), 4, 2, code.Size);
        state.Restart();
        var expected = code.RunNative(source, target);
        var found = Agreeing(Heads(code.Size)
            .SelectMany(heads => Enum.GetValues<nn.Activations>().Select(activation => (heads, activation))), expected, one =>
        {
            state.Restart();
            return code.Run(source, target, one.heads, one.activation);
        }, "number of heads and activation");
        return [("nhead", found.heads), ("activation", found.activation)];
    }

    /// <summary>The dropout rates that are looked for: a rate of more digits can't be told.</summary>
    private static IEnumerable<double> Rates => Enumerable.Range(0, 100).Select(percent => percent / 100.0);

    private static IEnumerable<long> Heads(long size)
        => Enumerable.Range(1, (int)size).Select(heads => (long)heads).Where(heads => size % heads == 0);

    /// <summary>
    /// Large values, so that what differs differs visibly; of a generator of their own, as other threads may draw meanwhile.
    /// </summary>
    private static Tensor Input(Tensor like, params long[] sizes)
    {
        using var generator = new Generator(1);
        return (randn(sizes, ScalarType.Float32, generator: generator) * 3).to(like.dtype, like.device);
    }

    private static T Agreeing<T>(IEnumerable<T> settings, Tensor expected, Func<T, Tensor> run, string what)
    {
        var byError = settings.Select(setting => (Setting: setting, Error: Error(run(setting), expected))).OrderBy(one => one.Error).Take(2)
            .ToArray();
        return byError[0].Error < 1e-3 && (byError.Length == 1 || byError[1].Error > 4 * byError[0].Error)
            ? byError[0].Setting
            : throw new NotSupportedException($"its {what} can't be determined from its results");
    }

    private static double Error(Tensor result, Tensor expected)
    {
        using var scope = NewDisposeScope();
        return ((result - expected).abs().max() / (expected.abs().max() + 1e-12)).to(ScalarType.Float64).item<double>() + 1e-9;
    }
}
