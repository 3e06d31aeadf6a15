using System.CommandLine;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx maps MODEL INPUT…</c></summary>
internal sealed class MapsCommand : ToolCommand
{
    private const string Attention = "attention";

    private readonly ImageOptions images = new();
    private readonly InputOptions examples = new();
    private readonly Option<string> nodes = new("--nodes", "--node")
    {
        Description = "The nodes to draw: names, patterns (layer?.*.conv2), 'stages', or 'attention' for the attention of each head.",
        HelpName = "NAME,…",
        Required = true,
    };

    private readonly Option<int> channels = new("--channels")
    {
        Description = "The largest number of channels to draw; those that vary most come first.",
        HelpName = "N",
        DefaultValueFactory = _ => 64,
    };

    public MapsCommand()
        : base("maps", "Draws the feature maps of nodes: norm over the image, principal components as colours, channels side by side.",
        "maps resnet18-trained samples/images --nodes stages --out pictures",
        "maps resnet50 photo.jpg --weights DEFAULT --nodes layer1,layer2.0.conv1 --channels 16 --format svg --out pictures",
        "maps vit_b_16 photo.jpg --weights DEFAULT --nodes attention --out pictures")
    {
        nodes.CompletionSources.Add(Completions.Nodes);
        images.AddTo(this, nodes, channels);
        examples.AddTo(this);
        channels.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number < 1)
                result.AddError($"--channels must be 1 or more, not {number}.");
        });
        SetAction((parsed, token) => Task.FromResult(Run(parsed, token)));
    }

    private int Run(ParseResult parsed, CancellationToken token)
    {
        var requested = NodeRequests.Parse(parsed.GetRequiredValue(nodes));
        var (kwargs, count) = (examples.Read(parsed), parsed.GetValue(channels));
        if (requested.Any(request => request.Name == Attention) && requested.Count() > 1)
            throw new ToolException("'attention' draws every attention of the model: ask for it alone.") { IsWrongUsage = true };
        DualGraphModule? extractor = null;
        try
        {
            return images.Run(parsed, Draw, token);
        }
        finally
        {
            extractor?.Dispose();
        }

        void Draw(DrawnImage drawing)
        {
            if (requested.First().Name == Attention)
            {
                DrawAttention(drawing, count);
                return;
            }
            extractor ??= NodeRequests.Extractor(
                drawing.Model, NodeRequests.WithPresets(requested, drawing.Model, drawing.Source, kwargs), training: false, kwargs);
            DrawMaps(drawing, extractor, count);
        }
    }

    private static void DrawMaps(DrawnImage drawing, DualGraphModule extractor, int count)
    {
        using var _ = no_grad();
        using var features = extractor.call(drawing.Seen.Input);
        foreach (var (key, value) in features)
        {
            var (map, picture) = (feature_visualization.AsMap(value, drawing.Seen.Input, key)[0], drawing.Seen.Picture);
            var components = feature_visualization.principal_components(map);
            drawing.Add($"{key} [{string.Join(", ", value.shape)}]", Named(drawing, key,
                ("norm", feature_visualization.show_cam_on_image(picture, feature_visualization.norm_map(map))),
                ("components", feature_visualization.enlarge(components, picture.shape[1], picture.shape[2])),
                ("channels", feature_visualization.channel_grid(map, count))));
        }
    }

    private static void DrawAttention(DrawnImage drawing, int count)
    {
        foreach (var (name, weights) in explain.attention_maps(drawing.Model, drawing.Seen.Input))
        {
            if (weights.dim() != 4)
                throw new ToolException(
                    $"The attention '{name}' has weights [{string.Join(", ", weights.shape)}], which are no map for each head.");
            var heads = feature_visualization.channel_grid(feature_visualization.attention_map(weights[0]), count);
            drawing.Add($"{name} [{string.Join(", ", weights.shape)}]", Named(drawing, name, ("heads", heads)));
        }
    }

    /// <summary>In a figure the row says which node it is; a file of its own says so in its name.</summary>
    private static (string Word, Tensor Picture)[] Named(DrawnImage drawing, string node, params (string Word, Tensor Picture)[] pictures)
        => drawing.IsFigure ? pictures : [.. pictures.Select(picture => ($"{node}.{picture.Word}", picture.Picture))];
}
