using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Losses, functions and layers: ATen has an operation for each, with its arguments in another order.</summary>
internal static class LossLowering
{
    /// <summary>TorchSharp's functions and ATen's operations.</summary>
    private static readonly FrozenDictionary<string, string> Operations = new[]
    {
        "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss", "kl_div", "binary_cross_entropy",
        "binary_cross_entropy_with_logits", "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
        "poisson_nll_loss", "triplet_margin_loss",
    }.Select(name => KeyValuePair.Create(name, name)).Append(new("nll_loss", "nll_loss_nd")).Append(new("cross_entropy",
        "cross_entropy_loss")).Append(new("multi_label_margin_loss", "multilabel_margin_loss"))
        .ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The layers and their functions.</summary>
    private static readonly FrozenDictionary<string, string> Layers = new Dictionary<string, string>
    {
        ["MSELoss"] = "mse_loss", ["L1Loss"] = "l1_loss", ["SmoothL1Loss"] = "smooth_l1_loss", ["HuberLoss"] = "huber_loss",
        ["SoftMarginLoss"] = "soft_margin_loss", ["KLDivLoss"] = "kl_div", ["BCELoss"] = "binary_cross_entropy",
        ["BCEWithLogitsLoss"] = "binary_cross_entropy_with_logits", ["CosineEmbeddingLoss"] = "cosine_embedding_loss",
        ["HingeEmbeddingLoss"] = "hinge_embedding_loss", ["MarginRankingLoss"] = "margin_ranking_loss",
        ["MultiMarginLoss"] = "multi_margin_loss", ["PoissonNLLLoss"] = "poisson_nll_loss", ["TripletMarginLoss"] = "triplet_margin_loss",
        ["NLLLoss"] = "nll_loss", ["CrossEntropyLoss"] = "cross_entropy", ["MultiLabelMarginLoss"] = "multi_label_margin_loss",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Whether a function is a loss.</summary>
    internal static bool IsLoss(string function) => Operations.ContainsKey(function);

    /// <summary>Whether a layer is a loss of TorchSharp's.</summary>
    internal static bool IsLoss(nn.Module module)
        => module.GetType().Assembly == TensorTypes.TorchSharp && Layers.ContainsKey(module.GetType().Name);

    /// <summary>Puts the operation in the place of a function's call.</summary>
    internal static void Lower(Lowering to, Node node, string function)
    {
        var given = FunctionLowering.Named(node);
        to.Replace(node, to.Call(Operations[function], Arguments(Operations[function], node,
            name => given.GetValueOrDefault(name == "pos_weight" ? "pos_weights" : name))));
    }

    /// <summary>Puts the operation in the place of a layer's call.</summary>
    internal static void Lower(Lowering to, Node node, nn.Module module)
    {
        var operation = Operations[Layers[module.GetType().Name]];
        to.Replace(node, to.Call(operation, Arguments(operation, node, name => Setting(to, node, module, name == "pos_weight"
            ? "pos_weights" : name))));
    }

    /// <summary>Inputs come first, in both; what neither a call nor a layer has is the operation's default.</summary>
    private static ImmutableArray<Argument> Arguments(string operation, Node node, Func<string, Argument?> setting)
    {
        var parameters = AtenSchema.Find(operation)!.Parameters;
        return [.. parameters.Select((parameter, i) => parameter.Type is { Name: "Tensor", IsOptional: false } ? node.args[i]
            : setting(parameter.Name) is { } found ? Fitted(found) : OperationTable.Preset(parameter))];
    }

    private static Argument? Setting(Lowering to, Node node, nn.Module module, string name)
    {
        if (Registry.Get(module, name) is not null)
            return to.Graph.get_attr($"{node.target.name}.{name}");
        return Defaults.Setting(module, name)?.Value switch
        {
            null => null,
            Tensor => throw new NotSupportedException(
                $"its {name} is no buffer of it: call the function of torch.nn.functional, and give that a buffer of the module's own"),
            var value => new Literal(value),
        };
    }

    /// <summary>Reductions are numbers in ATen, in the order of TorchSharp's.</summary>
    private static Argument Fitted(Argument argument) => argument switch
    {
        Literal { Value: Enum reduction } => Convert.ToInt64(reduction, CultureInfo.InvariantCulture),
        Literal { Value: int number } => (long)number,
        Literal { Value: float number } => (double)number,
        _ => argument,
    };
}
