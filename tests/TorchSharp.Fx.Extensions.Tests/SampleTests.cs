using System.Diagnostics;
using TorchSharp.Fx.Cli.Tests;
using TorchSharp.Fx.Testing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Extensions.Tests;

/// <summary>The samples do what they say.</summary>
public sealed class SampleTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Embeddings_of_the_same_photograph_are_the_same()
    {
        File.Copy(Golden.PathOf("images", "chelsea.png"), folder["copy.png"]);
        var lines = Run("Embeddings", Golden.PathOf("images", "chelsea.png"), Golden.PathOf("images", "rocket.jpg"), folder["copy.png"]);
        Assert.Equal(3, lines.Length);
        Assert.Equal("chelsea.png and copy.png: 1.000", lines[1]);
        Assert.Matches("^chelsea.png and rocket.jpg: 0\\.[0-9]{3}$", lines[0]);
    }

    [Fact]
    public void Kinds_of_pictures_are_learnt()
    {
        foreach (var (kind, red, blue) in new[] { ("red", 220, 20), ("blue", 20, 220) })
        {
            Directory.CreateDirectory(folder["kinds", kind]);
            for (var i = 0; i < 4; i++)
                Write(folder["kinds", kind, $"{i}.png"], red + i, blue - i);
        }
        Write(folder["new.png"], 30, 210);
        Assert.Equal(["new.png: blue"], Run("MachineLearning", folder["kinds"], folder["new.png"]));
    }

    [Fact]
    public void The_places_that_count_most_are_those_that_the_class_needs()
    {
        var lines = Run("Explain", Golden.PathOf("images", "chelsea.png"), folder["map.png"]);
        Assert.Equal(3, lines.Length);
        Assert.Matches("^class [0-9]+: ", lines[0]);
        var scores = lines.Select(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        // Behind layer4 there is a mean and a linear layer, so that the map is what each place adds to the score.
        Assert.StartsWith("without the places that count most: ", lines[1], StringComparison.Ordinal);
        Assert.True(scores[1] < scores[0] && scores[1] < scores[2], string.Join('\n', lines));
        using var picture = Vision.io.read_image(folder["map.png"]);
        Assert.Equal([3, 224, 224], picture.shape);
    }

    private static void Write(string path, int red, int blue)
    {
        using var scope = NewDisposeScope();
        Vision.io.write_png(tensor(new[] { red, 60, blue }, dtype: ScalarType.Byte).reshape(3, 1, 1).expand(3, 40, 40), path);
    }

    private static string[] Run(string sample, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, $"{sample}.dll"), .. args])
            { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.Result);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
