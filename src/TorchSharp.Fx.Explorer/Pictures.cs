using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers;

/// <summary>Pictures of what nodes compute, as PNG. The renderings are those of <see cref="feature_visualization"/> and
/// <see cref="explain"/>.</summary>
internal static class Pictures
{
    private const string Image = "image", Channel = "channel", Grid = "channels", Components = "components", Norm = "norm",
        Matrix = "matrix", Attention = "attention", GradCam = "grad-cam", Rollout = "attention-rollout";

    private const int SmallestSide = 224, LargestFold = 4096;

    /// <summary>Which pictures there are of a node's value.</summary>
    internal static string[] Kinds(Session session, GraphView view, Node node, ExploredInput input)
    {
        var value = session.Values.TensorOf(view, node, input);
        var isMap = MapOf(session, view, node, input) is not null;
        return
        [
            .. isMap ? new[] { Grid, Components, Norm } : [],
            .. !isMap && value.dim() is 2 or 3 ? new[] { Matrix } : [],
            .. value.dim() == 4 && !input.IsImage ? new[] { Grid } : [],
            .. HasAttention(view, node) ? new[] { Attention } : [],
            .. isMap && value.is_floating_point() ? new[] { GradCam } : [],
        ];
    }

    /// <summary>The channels of a map, those that vary most first; none where the value is no map.</summary>
    internal static long[] Channels(Session session, GraphView view, Node node, ExploredInput input, int count)
        => MapOf(session, view, node, input) is { } map ? [.. feature_visualization.channels_by_variance(map).Take(count)] : [];

    /// <summary>A picture.</summary>
    /// <param name="session">The session.</param>
    /// <param name="view">The graph.</param>
    /// <param name="query">The kind of picture, the node, and what else it depends on.</param>
    internal static byte[] Draw(Session session, GraphView view, Query query)
    {
        var (kind, input) = (query["kind"], query.Input);
        if (kind is Image or Rollout)
            return Png(kind == Image ? PictureOf(input)
                : feature_visualization.show_cam_on_image(PictureOf(input),
                    explain.attention_rollout(session.Model.Model, Single(session, view, input))[0]));
        var node = query.Node(view);
        return Png(kind switch
        {
            Grid => feature_visualization.channel_grid(Map(session, view, node, input), (int)query.Number("count", 64)),
            Channel => ChannelOf(Map(session, view, node, input), query.Number("channel", 0), input),
            Components => Large(feature_visualization.principal_components(Map(session, view, node, input)), input),
            Norm => Over(feature_visualization.norm_map(Map(session, view, node, input)), input),
            Matrix => MatrixOf(session.Values.TensorOf(view, node, input)),
            Attention => AttentionOf(session, view, node, input),
            GradCam => Over(Cam(session, view, node, input, query), input),
            _ => throw new ArgumentException($"There is no picture '{kind}' of a node."),
        });
    }

    /// <summary>The value of one image or text as a map [C, h, w]; refused where it is none.</summary>
    internal static Tensor Map(Session session, GraphView view, Node node, ExploredInput input)
        => MapOf(session, view, node, input) ?? throw new ArgumentException(
            $"The value of '{view.NameOf(node)}' is no map of channels and places, so there is no such picture of it.");

    /// <summary>A map over the image, or alone where there is none.</summary>
    internal static Tensor Over(Tensor map, ExploredInput input) => input.Tensors.Picture is { } picture
        ? feature_visualization.show_cam_on_image(picture, map)
        : Large(feature_visualization.heat_map(map), input);

    internal static byte[] Png(Tensor picture) => io.encode_png(picture);

    private static Tensor? MapOf(Session session, GraphView view, Node node, ExploredInput input)
    {
        var value = session.Values.TensorOf(view, node, input);
        if (!input.IsImage)
            return value.dim() == 4 ? value[0] : null;
        var image = input.Tensors.ByName["0"];
        var isMap = value.dim() == 4 || (value.dim() == 3 && image.dim() == 4 && value.shape[1] > 1);
        var map = isMap ? feature_visualization.AsMap(value, image, view.NameOf(node))[0] : null;
        return map is { NumberOfElements: > 0 } && map.dim() == 3 ? map : null;
    }

    private static Tensor PictureOf(ExploredInput input)
        => input.Tensors.Picture ?? throw new ArgumentException($"The input '{input.Name}' is no image.");

    private static Tensor ChannelOf(Tensor map, long channel, ExploredInput input)
    {
        if (channel < 0 || channel >= map.shape[0])
            throw new ArgumentException($"There is no channel {channel}: there are {map.shape[0]}, the first is 0.");
        return Over(map[channel], input);
    }

    private static Tensor Large(Tensor picture, ExploredInput input)
    {
        var (height, width) = input.Tensors.Picture is { } image ? (image.shape[1], image.shape[2]) : (picture.shape[1], picture.shape[2]);
        var scale = Math.Max(1, SmallestSide / Math.Max(1, Math.Max(height, width)));
        return feature_visualization.enlarge(picture, height * scale, width * scale);
    }

    /// <summary>Rows and columns as they are; one row alone is folded until it is about square.</summary>
    private static Tensor MatrixOf(Tensor value)
    {
        var rows = value.dim() == 3 ? value[0] : value;
        if (rows.shape[0] == 1 && rows.shape[1] > 1)
        {
            var width = (long)Math.Ceiling(Math.Sqrt(Math.Min(rows.shape[1], LargestFold)));
            var height = (rows.shape[1] + width - 1) / width;
            rows = nn.functional.pad(rows.to(ScalarType.Float32), [0, height * width - rows.shape[1]]).reshape(height, width);
        }
        var heat = feature_visualization.heat_map(rows);
        var scale = Math.Max(1, SmallestSide / Math.Max(heat.shape[1], heat.shape[2]));
        return feature_visualization.enlarge(heat, heat.shape[1] * scale, heat.shape[2] * scale);
    }

    private static bool HasAttention(GraphView view, Node node)
        => view.Key is { Form: ViewKey.Plain } && (node.target.name == "softmax" || AttentionReader.IsKernel(node)
            || (node.target is ModuleTarget { Method.DeclaringType.Name: var type }
                && type.Contains("Attention", StringComparison.Ordinal)));

    /// <summary>The attention of the class token, or of each token: a tile for each head.</summary>
    private static Tensor AttentionOf(Session session, GraphView view, Node node, ExploredInput input)
    {
        var name = view.NameOf(node);
        var reader = new AttentionReader(view.Module, view.Graph, ((IGraphModule)view.Module).Program.Constants);
        reader.run(session.Arguments(view, input));
        // Layers that the graph leaves whole have to be followed in the model's code.
        var weights = reader.Weights.GetValueOrDefault(name)
            ?? explain.attention_maps(session.Model.Model, Single(session, view, input)).FirstOrDefault(
                map => map.Key.StartsWith(name + ".", StringComparison.Ordinal)).Value
            ?? throw new ArgumentException(
                $"'{name}' has no attention: its weights are no softmax over the last of three dimensions or more.");
        if (weights.dim() != 4)
            throw new ArgumentException(
                $"The attention '{name}' has weights [{string.Join(", ", weights.shape)}], which are no map for each head.");
        return feature_visualization.channel_grid(input.IsImage ? feature_visualization.attention_map(weights[0]) : weights[0]);
    }

    /// <summary>Grad-CAM of a class, or of the sum of a channel of another node.</summary>
    private static Tensor Cam(Session session, GraphView view, Node node, ExploredInput input, Query query)
    {
        var (name, target, images) = (view.NameOf(node), query.Optional("class"), Single(session, view, input));
        if (query.Text("of") is not { } of)
            return explain.grad_cam(view.Module, images, name, target)[0];
        using var until = feature_extraction.create_feature_extractor(view.Module, [of], suppress_diff_warning: true);
        until.eval();
        return explain.grad_cam(until, images, name, target)[0];
    }

    /// <summary>The only input of a model that takes one.</summary>
    private static Tensor Single(Session session, GraphView view, ExploredInput input)
        => session.Arguments(view, input) is [Tensor only, ..] ? only
            : throw new ArgumentException("This picture is for models that take one tensor.");
}
