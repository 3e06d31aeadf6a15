using System.Text.Json;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>Photographs go in, and what comes out is what the model computes when it runs by itself.</summary>
[Collection(nameof(Alone))]
public sealed class ExtractTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Features_of_trained_weights_are_those_of_the_model_itself()
    {
        using var model = DeterministicWeights.Fill(models.resnet18());
        Safetensors.save_file(model.state_dict(), folder["resnet18.safetensors"]);
        var run = Torchfx.Run("extract", "resnet18", Golden.PathOf("images"), "--nodes", "layer4=last,flatten", "--weights", folder["resnet18.safetensors"], "--out", folder["out"]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(["astronaut", "chelsea", "coffee", "rocket"], run.Lines.Select(Path.GetFileNameWithoutExtension));
        Assert.Equal(["key", "last", "flatten"], run.Error.Split('\n').Where(line => line.StartsWith('│')).Select(line => line.Split('│', StringSplitOptions.TrimEntries)[1]));
        Assert.Contains(" layer4 ", run.Error);
        Assert.Contains(" [1, 512, 7, 7] ", run.Error);
        Assert.Contains("\n4 images, 4 files, ", run.Error);

        foreach (var (image, file) in Photographs.Paths.Zip(run.Lines))
        {
            var features = Safetensors.load_file(file);
            Assert.Equal(["flatten", "last"], features.Keys.Order());
            var (layer4, flat) = Eager(model, image);
            AssertSame(layer4, features["last"]);
            AssertSame(flat, features["flatten"]);
            var metadata = Safetensors.metadata(file);
            Assert.Equal(["images", "model", "weights"], metadata.Keys.Order());
            Assert.Equal(("resnet18", folder["resnet18.safetensors"]), (metadata["model"], metadata["weights"]));
            Assert.Equal([image], JsonSerializer.Deserialize<string[]>(metadata["images"])!);
        }
    }

    [Fact]
    public void A_seed_gives_the_same_random_weights_every_time_in_any_batch_and_format()
    {
        string[] common = ["extract", "resnet18", .. Photographs.Paths, "--nodes", "layer1.0=a,flatten=b", "--seed", "7"];
        var batches = Torchfx.Run([.. common, "--out", folder["batches"], "--batch", "3"]);
        var npy = Torchfx.Run([.. common, "--out", folder["npy"], "--batch", "3", "--format", "npy"]);
        Assert.Equal((0, 0), (batches.ExitCode, npy.ExitCode));
        Assert.StartsWith("The weights are random (seed 7): good for trying out, but the features mean nothing. Give trained ones with --weights DEFAULT or FILE.\n", batches.Error);
        Assert.Equal(["batch-0000.safetensors", "batch-0001.safetensors"], batches.Lines.Select(Path.GetFileName));
        Assert.Equal(["batch-0000.a.npy", "batch-0000.b.npy", "batch-0000.json", "batch-0001.a.npy", "batch-0001.b.npy", "batch-0001.json"], npy.Lines.Select(Path.GetFileName));
        Assert.Equal(npy.Lines.Order(), Directory.GetFiles(folder["npy"]).Order());

        torch.manual_seed(7);
        using var model = models.resnet18();
        var expected = torch.cat([.. Photographs.Paths.Select(image => Eager(model, image).Flat)]);
        var features = batches.Lines.Select(file => Safetensors.load_file(file)).ToArray();
        Assert.Equal([[3, 64, 56, 56], [1, 64, 56, 56]], features.Select(batch => batch["a"].shape));
        AssertSame(expected, torch.cat([.. features.Select(batch => batch["b"])]));
        Assert.Equal(Photographs.Paths[..3], JsonSerializer.Deserialize<string[]>(Safetensors.metadata(batches.Lines[0])["images"])!);
        foreach (var (batch, tensors) in features.Index())
        {
            AssertSame(tensors["a"], NpyFile.Read(folder["npy", $"batch-000{batch}.a.npy"]));
            AssertSame(tensors["b"], NpyFile.Read(folder["npy", $"batch-000{batch}.b.npy"]));
        }
        using var sidecar = JsonDocument.Parse(File.ReadAllBytes(folder["npy", "batch-0001.json"]));
        Assert.Equal("""{"model":"resnet18","weights":"random, seed 7","images":["ROCKET"],"features":{"a":{"file":"batch-0001.a.npy","dtype":"float32","shape":[1,64,56,56]},"b":{"file":"batch-0001.b.npy","dtype":"float32","shape":[1,512]}}}""",
            JsonSerializer.Serialize(sidecar).Replace(Photographs.Paths[3], "ROCKET"));
    }

    [Fact]
    public void Folders_are_read_in_natural_order_and_names_never_collide()
    {
        Directory.CreateDirectory(folder["in", "b"]);
        foreach (var name in new[] { "10.png", "9.JPG", "b/9.png", "b/9.jpg", "notes.txt", ".hidden.png" })
            File.Copy(Photographs.Paths[1], folder["in", name]);
        var run = Torchfx.Run("extract", "resnet18", folder["in"], folder["in", "10.png"], "--nodes", "conv1", "--out", folder["out", "deep"]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(["9", "10", "9.jpg", "9.png", "10.png"], run.Lines.Select(Path.GetFileNameWithoutExtension));
        Assert.Equal(["9.JPG", "10.png", "b/9.jpg", "b/9.png", "10.png"],
            run.Lines.Select(file => Path.GetRelativePath(folder["in"], JsonSerializer.Deserialize<string[]>(Safetensors.metadata(file)["images"])!.Single())));
    }

    [Fact]
    public void Files_come_in_the_order_of_the_images_though_threads_share_them_and_all_that_are_there_are_listed()
    {
        File.WriteAllText(folder["damaged.png"], "no image");
        string[] good = [.. Enumerable.Repeat(Photographs.Paths, 2).SelectMany(images => images)];
        var run = Torchfx.Run(new Dictionary<string, string> { ["OMP_NUM_THREADS"] = "4" }, ["extract", "resnet18", .. good, folder["damaged.png"], .. good, "--nodes", "conv1", "--out", folder["out"]]);
        Assert.EndsWith($"\ntorchfx: {folder["damaged.png"]} is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged.\n", run.Error);
        Assert.Equal(["astronaut", "chelsea", "coffee", "rocket", "astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"], run.Lines[..8].Select(Path.GetFileNameWithoutExtension));
        Assert.Equal(Directory.GetFiles(folder["out"]).Order(), run.Lines.Order());
        Assert.True(run.Lines.Length < 2 * good.Length);
        Assert.All(run.Lines, file => Assert.Equal([1, 64, 112, 112], Safetensors.list(file).Single().shape));
    }

    [Fact]
    public void The_optimised_copy_gives_the_same_but_for_rounding()
    {
        var run = Torchfx.Run(new Dictionary<string, string> { ["OMP_NUM_THREADS"] = "2" }, ["extract", "resnet18", .. Photographs.Paths, "--nodes", "layer4,flatten", "--seed", "7", "--optimised", "--out", folder["out"]]);
        Assert.True(run.ExitCode == 0, run.Error);
        torch.manual_seed(7);
        using var model = models.resnet18();
        foreach (var (image, file) in Photographs.Paths.Zip(run.Lines))
        {
            var features = Safetensors.load_file(file);
            var (layer4, flat) = Eager(model, image);
            Assert.InRange(((layer4 - features["layer4"]).abs().max() / layer4.std()).item<float>(), 1e-9, 1e-4);
            Assert.InRange(((flat - features["flatten"]).abs().max() / flat.std()).item<float>(), 0, 1e-4);
        }
    }

    [Fact]
    public void An_interrupt_leaves_whole_files_only()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "Signals are sent with kill.");
        Torchfx.SkipWhereInterruptsAreIgnored();
        string[] many = [.. Enumerable.Repeat(Photographs.Paths, 50).SelectMany(images => images)];
        using var process = Torchfx.Start(AppContext.BaseDirectory, ["extract", "resnet18", .. many, "--nodes", "relu", "--out", folder["out"]]);
        Assert.NotNull(process.StandardOutput.ReadLine());
        using (var kill = System.Diagnostics.Process.Start("kill", ["-INT", $"{process.Id}"]))
            kill.WaitForExit();
        var (rest, error) = (process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardError.ReadToEnd());
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(10)));
        Assert.EndsWith("torchfx: interrupted; every file that was written is whole.\n", error);
        Assert.Equal(130, process.ExitCode);
        var files = Directory.GetFiles(folder["out"]);
        Assert.InRange(files.Length, 1, many.Length - 1);
        Assert.All(files, file => Assert.Equal([1, 64, 112, 112], Safetensors.list(file).Single().shape));
    }

    /// <summary>What the model computes without any of the tool's or the tracer's code.</summary>
    private static (Tensor Layer4, Tensor Flat) Eager(ResNet model, string image)
    {
        using var _ = no_grad();
        model.eval();
        Tensor? layer4 = null, pooled = null;
        var remove = Hook("layer4", output => layer4 = output) + Hook("avgpool", output => pooled = output);
        using var preprocessing = new ImageClassification(crop_size: 224);
        model.call(preprocessing.call(io.read_image(image)).unsqueeze(0));
        remove();
        return (layer4!, pooled!.flatten(1));

        Action Hook(string name, Action<Tensor> keep)
        {
            var module = (nn.Module<Tensor, Tensor>)model.named_modules().Single(entry => entry.name == name).module;
            return module.register_forward_hook((_, _, output) =>
            {
                keep(output.clone());
                return output;
            }).remove;
        }
    }

    /// <summary>Threads may share the work in another way, hence the last digits.</summary>
    private static void AssertSame(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(torch.allclose(expected, actual, rtol: 1e-4, atol: 1e-5), $"They differ by up to {(expected - actual).abs().max().item<float>()}.");
    }
}
