using static TorchSharp.torch;

namespace Generate;

/// <summary>Generation, one token after the other.</summary>
public static class Generation
{
    /// <summary>The tokens after a prompt, each the likeliest one.</summary>
    /// <param name="prompt">The prompt, 1 × tokens.</param>
    /// <param name="steps">How many tokens to generate.</param>
    /// <param name="begin">Takes the prompt and an empty cache, and gives the logits of the first token.</param>
    /// <param name="go_on">Takes a token and the cache, and gives the logits of the next.</param>
    /// <param name="seen">Is told the logits of each step.</param>
    public static long[] Greedy(Tensor prompt, int steps, Func<Tensor, KeyValueCache, Tensor> begin, Func<Tensor, KeyValueCache, Tensor> go_on, Action<Tensor>? seen = null)
    {
        using var scope = NewDisposeScope();
        var cache = new KeyValueCache();
        var tokens = new long[steps];
        var logits = begin(prompt, cache);
        for (var step = 0; step < steps; step++)
        {
            seen?.Invoke(logits);
            var token = logits.argmax(-1, keepdim: true);
            tokens[step] = token.item<long>();
            if (step < steps - 1)
                logits = go_on(token, cache);
        }
        return tokens;
    }
}
