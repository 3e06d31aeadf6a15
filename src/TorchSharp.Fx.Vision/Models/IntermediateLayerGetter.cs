using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Runs a model's children one after the other, up to the last requested one, and returns the outputs of the requested ones.
/// <c>torchvision.models._utils.IntermediateLayerGetter</c>
/// </summary>
/// <remarks>It shares the children and leaves out those after the last. Only for models whose forward is nothing but its children in order;
/// otherwise use feature extraction.</remarks>
public sealed class IntermediateLayerGetter : Module<Tensor, Dictionary<string, Tensor>>
{
    private readonly List<(string name, Module<Tensor, Tensor> module)> layers = [];
    private readonly Dictionary<string, string> return_layers;

    /// <summary>Takes a model's children.</summary>
    /// <param name="model">The model.</param>
    /// <param name="return_layers">The children to return, each with the key its output gets.</param>
    /// <exception cref="ArgumentException">The model has no such child, or one on the way does not take and return one tensor.</exception>
    public IntermediateLayerGetter(nn.Module model, IReadOnlyDictionary<string, string> return_layers)
        : base(nameof(IntermediateLayerGetter))
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(return_layers);
        var names = model.named_children().Select(child => child.name).ToList();
        if (return_layers.Keys.FirstOrDefault(name => !names.Contains(name)) is { } unknown)
            throw new ArgumentException(
                $"return_layers are not present in model: {model.GetName()} has no child '{unknown}'; it has {string.Join(", ", names)}.",
                nameof(return_layers));

        this.return_layers = new(return_layers);
        foreach (var (name, child) in model.named_children().Take(return_layers.Keys.Max(names.IndexOf) + 1))
        {
            if (child is not Module<Tensor, Tensor> layer)
                throw new ArgumentException(
                    $"The child '{name}' of {model.GetName()} does not take and return one tensor, so it can't be run in a row; use "
                        + "feature extraction.", nameof(model));
            layers.Add((name, layer));
            register_module(name, layer);
        }
    }

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> forward(Tensor x)
    {
        var result = new Dictionary<string, Tensor>();
        foreach (var (name, module) in layers)
        {
            x = module.call(x);
            if (return_layers.TryGetValue(name, out var key)) result[key] = x;
        }
        return result;
    }
}
