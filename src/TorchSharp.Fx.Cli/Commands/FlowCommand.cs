using System.CommandLine;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx flow FIRST SECOND</c></summary>
internal sealed class FlowCommand : ToolCommand
{
    private static readonly string[] Formats = ["png", "npy", "flo"];

    private readonly Argument<string> first = new("FIRST") { Description = "An image." };
    private readonly Argument<string> second = new("SECOND") { Description = "The next image, of the same size." };

    private readonly Option<string> model = new("--model")
    {
        Description = "The model.",
        HelpName = "raft_large|raft_small",
        DefaultValueFactory = _ => "raft_large",
    };

    private readonly Option<string> weights = new("--weights")
    {
        Description = "Published weights (DEFAULT, C_T_SKHT_V2), a .pth or .safetensors file, or 'random'.",
        HelpName = "NAME|FILE|random",
        DefaultValueFactory = _ => "DEFAULT",
    };

    private readonly Option<long> updates = new("--updates")
    {
        Description = "The number of refinements of the flow.",
        HelpName = "N",
        DefaultValueFactory = _ => 12,
    };

    private readonly Option<string> file = new("--out") { Description = "The file to write to.", HelpName = "FILE", Required = true };

    private readonly Option<string?> format = new("--format")
    {
        Description = "A picture, or numbers for NumPy or in Middlebury's format; by default the ending of --out decides.",
    };

    public FlowCommand() : base("flow", "Computes how far each pixel of an image has moved in the next (optical flow).",
        "flow frame1.png frame2.png --out flow.png", "flow frame1.png frame2.png --model raft_small --updates 20 --out flow.flo")
    {
        model.AcceptOnlyFromAmong([.. models.list_models(ModelInput.Pair)]);
        format.AcceptOnlyFromAmong(Formats);
        Add(first);
        Add(second);
        foreach (var option in new Option[] { file, format, model, weights, updates })
            Add(option);
        updates.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && long.TryParse(token.Value, out var number) && number < 1)
                result.AddError($"--updates must be 1 or more, not {number}.");
        });
        SetAction((parsed, _) => Task.FromResult(Run(parsed)));
    }

    private int Run(ParseResult parsed)
    {
        NativeFiles.Require();
        var path = parsed.GetRequiredValue(file);
        AtomicFile.RequireFolder(path);
        var kind = parsed.GetValue(format) ?? FormatOf(path);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (one, other) = (parsed.GetRequiredValue(first), parsed.GetRequiredValue(second));
        var (before, after) = (Read(one), Read(other));
        if (!before.shape.SequenceEqual(after.shape))
            throw new ToolException($"Both images must have one size: {Size(one, before)}, and {Size(other, after)}.");
        var source = ModelSource.Find(parsed.GetRequiredValue(model), args: null);
        using var trained = Weights.Build(source, parsed.GetRequiredValue(weights), seed: 0);
        var raft = (RAFT)trained.Model;
        raft.num_flow_updates = parsed.GetValue(updates);
        Write(Flow(raft, before, after), path, kind);
        Console.Out.WriteLine(path);
        return 0;
    }

    private static string FormatOf(string path)
    {
        var ending = Path.GetExtension(path).TrimStart('.').ToLowerInvariant();
        return Formats.Contains(ending) ? ending : throw new ToolException(
            $"The ending of --out says no format: '{path}' ends with none of .png, .npy and .flo. Give it one, or --format.") { IsWrongUsage = true };
    }

    private static Tensor Read(string path) =>
        File.Exists(path) ? io.read_image(path) : throw new ToolException($"There is no file '{path}'.");

    private static string Size(string path, Tensor image) => $"'{path}' has {image.shape[2]} × {image.shape[1]} pixels";

    /// <summary>
    /// RAFT takes sides that are divisible by 8, and 128 pixels at least: edges are repeated on all sides, and cut off again.
    /// </summary>
    private static Tensor Flow(RAFT model, Tensor before, Tensor after)
    {
        var (height, width) = (before.shape[1], before.shape[2]);
        var (top, left) = (Missing(height) / 2, Missing(width) / 2);
        long[] padding = [left, Missing(width) - left, top, Missing(height) - top];
        using var prepare = new OpticalFlow();
        var flow = model.call(Padded(before), Padded(after))[^1];
        return flow[0].narrow(1, top, height).narrow(2, left, width).contiguous();

        Tensor Padded(Tensor image) => nn.functional.pad(prepare.call(image.unsqueeze(0)), padding, PaddingModes.Replicate);

        static long Missing(long side) => Math.Max(128, (side + 7) / 8 * 8) - side;
    }

    private static void Write(Tensor flow, string path, string format)
    {
        switch (format)
        {
            case "npy": Npy.save(path, flow); break;
            case "flo": io.write_flo(flow, path); break;
            default: io.write_png(optical_flow.flow_to_image(flow), path); break;
        }
    }
}
