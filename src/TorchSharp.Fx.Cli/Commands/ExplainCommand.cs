using System.CommandLine;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx explain MODEL INPUT…</c></summary>
internal sealed class ExplainCommand : ToolCommand
{
    private const string IntegratedGradients = "integrated-gradients", Occlusion = "occlusion", Rollout = "attention-rollout";

    private readonly ImageOptions images = new();
    private readonly Option<string?> node = new("--node")
    {
        Description = "The node or module whose feature map the three CAM methods show; the last one is the most useful.",
        HelpName = "NAME",
    };

    private readonly Option<string> method
        = Choice("--method", "How.", "grad-cam", "grad-cam++", "layer-cam", IntegratedGradients, Occlusion, Rollout);

    private readonly Option<long?> target = new("--class")
    {
        Description = "The index of the class; by default the one with the highest score.",
        HelpName = "N",
    };

    public ExplainCommand() : base("explain", "Draws over images where a model sees a class.",
        "explain resnet50 photos --weights DEFAULT --node layer4 --out pictures",
        "explain resnet50 cat.jpg --weights DEFAULT --node layer4 --method grad-cam --class 281 --out pictures",
        "explain vit_b_16 cat.jpg --weights DEFAULT --method attention-rollout --out pictures",
        "explain convnext_tiny cat.jpg --weights DEFAULT --method integrated-gradients --format svg --out pictures")
    {
        node.CompletionSources.Add(Completions.Nodes);
        images.AddTo(this, node, method, target);
        SetAction((parsed, token) =>
        {
            Check(parsed);
            return Task.FromResult(images.Run(parsed, drawing => Draw(parsed, drawing), token));
        });
    }

    private void Check(ParseResult parsed)
    {
        var (name, how) = (parsed.GetValue(node), parsed.GetRequiredValue(method));
        var isMap = how is not (IntegratedGradients or Occlusion or Rollout);
        if (isMap && name is null)
            throw new ToolException($"{how} shows the map of a node: name it with --node ('torchfx nodes' lists all).") { IsWrongUsage =
                true };
        if (!isMap && name is not null)
            throw new ToolException($"{how} explains the image itself: leave out --node.") { IsWrongUsage = true };
        if (how == Rollout && parsed.GetValue(target) is not null)
            throw new ToolException($"{how} shows what attention moves, whatever the class: leave out --class.") { IsWrongUsage = true };
    }

    private void Draw(ParseResult parsed, DrawnImage drawing)
    {
        var how = parsed.GetRequiredValue(method);
        var map = Map(drawing.Model, drawing.Seen.Input, how, parsed.GetValue(node), parsed.GetValue(target));
        var over = feature_visualization.show_cam_on_image(drawing.Seen.Picture, map);
        string?[] about = [how, parsed.GetValue(node), parsed.GetValue(target) is { } number ? $"class {number}" : null];
        if (drawing.IsFigure)
            drawing.Add(string.Join(", ", about.OfType<string>()), ("what the model is given", drawing.Seen.Picture), (how, over));
        else
            drawing.Add("", (how, over));
    }

    /// <summary>[H, W]</summary>
    private static Tensor Map(nn.Module model, Tensor input, string method, string? node, long? target)
    {
        var maps = method switch
        {
            "grad-cam" => explain.grad_cam(model, input, node!, target),
            "grad-cam++" => explain.grad_cam_plus_plus(model, input, node!, target),
            "layer-cam" => explain.layer_cam(model, input, node!, target),
            IntegratedGradients => explain.integrated_gradients(model, input, target).abs().sum(1),
            Occlusion => explain.occlusion(model, input, Windows(input, 7), Windows(input, 14), target).mean([1]),
            _ => explain.attention_rollout(model, input),
        };
        return maps[0];
    }

    /// <summary>All channels of squares of which so many cover the image in each direction.</summary>
    private static long[] Windows(Tensor input, long count)
        => [input.shape[1], .. input.shape[2..].Select(size => Math.Max(1, size / count))];
}
