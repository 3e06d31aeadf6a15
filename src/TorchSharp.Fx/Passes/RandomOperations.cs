using System.Reflection;

namespace TorchSharp.Fx;

/// <summary>Which operations of TorchSharp draw random numbers, so that two calls are two values.</summary>
internal static class RandomOperations
{
    private static readonly string[] Parts = ["rand", "bernoulli", "multinomial", "normal", "poisson", "binomial", "exponential", "cauchy", "geometric", "uniform", "dropout", "rrelu", "gumbel"];

    internal static bool Draws(MethodBase method, Node node)
        => (Parts.Any(part => method.Name.Contains(part, StringComparison.OrdinalIgnoreCase)) && !IsOff(method, node))
        || method.GetParameters().Any(parameter => parameter.ParameterType == typeof(torch.Generator))
        || (method.Name == "scaled_dot_product_attention" && node.args is [_, _, _, _, not Literal { Value: 0.0 }, ..]);

    /// <summary>Dropout outside of training.</summary>
    private static bool IsOff(MethodBase method, Node node)
        => method.GetParameters().Zip(node.args.TakeLast(method.GetParameters().Length)).Any(pair => pair.First.Name == "training" && pair.Second is Literal { Value: false });
}
