using System.Buffers.Binary;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary><c>torchfx flow</c>: two images in, a picture or numbers out.</summary>
[Collection(nameof(Alone))]
public sealed class FlowTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void The_numbers_are_the_models_last_flow_in_Middleburys_format()
    {
        var (first, second, path) = (Frame("a.png", 128, 136, 0), Frame("b.png", 128, 136, 3), folder["flow.flo"]);
        var run = Flow(first, second, "--out", path);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(path, run.Lines.Single());

        var bytes = File.ReadAllBytes(path);
        Assert.Equal(202021.25f, BinaryPrimitives.ReadSingleLittleEndian(bytes));
        Assert.Equal((136, 128), (BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(4)), BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8))));
        var written = torch.tensor(Enumerable.Range(0, (bytes.Length - 12) / 4).Select(i => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(12 + 4 * i))).ToArray());

        using var _ = no_grad();
        torch.manual_seed(0);
        using var model = models.raft_small();
        model.eval();
        var prepare = new OpticalFlow();
        var flow = model.forward(prepare.call(io.read_image(first).unsqueeze(0)), prepare.call(io.read_image(second).unsqueeze(0)), num_flow_updates: 1)[^1];
        Assert.True(flow[0].allclose(written.view(128, 136, 2).permute(2, 0, 1), rtol: 1e-4, atol: 1e-4));
    }

    [Fact]
    public void A_picture_has_the_size_of_the_images_whatever_the_model_takes()
    {
        var path = folder["flow.picture"];
        var run = Flow(Frame("a.png", 90, 131, 0), Frame("b.png", 90, 131, 3), "--format", "png", "--out", path);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal([3, 90, 131], io.read_image(path).shape);
    }

    [Fact]
    public void What_has_no_flow_is_refused()
    {
        var (first, other) = (Frame("a.png", 40, 50, 0), Frame("b.png", 40, 60, 0));
        Torchfx.Run("flow", first, other, "--out", folder["flow.png"]).AssertFailed($"Both images must have one size: '{first}' has 50 × 40 pixels, and '{other}' has 60 × 40 pixels.");
        Torchfx.Run("flow", first, "nowhere.png", "--out", folder["flow.png"]).AssertFailed("There is no file 'nowhere.png'.");
        Torchfx.Run("flow", first, first, "--out", "flow.txt").AssertFailed("The ending of --out says no format: 'flow.txt' ends with none of .png, .npy and .flo. Give it one, or --format.", 2);
        Torchfx.Run("predict", "raft_small", first).AssertFailed("'raft_small' takes two images at once: 'torchfx flow' gives the flow between them.");
        Assert.False(File.Exists(folder["flow.png"]));
    }

    private static Torchfx Flow(params string[] args) => Torchfx.Run(["flow", .. args, "--model", "raft_small", "--weights", "random", "--updates", "1"]);

    /// <summary>A part of a photograph, from a column on.</summary>
    private string Frame(string name, long height, long width, long column)
    {
        io.write_png(io.read_image(Golden.PathOf("images", "chelsea.png")).narrow(1, 60, height).narrow(2, 100 + column, width).contiguous(), folder[name]);
        return folder[name];
    }
}
