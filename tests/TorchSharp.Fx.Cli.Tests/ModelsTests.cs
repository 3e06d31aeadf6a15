using System.Text.Json;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Cli.Tests;

public sealed class ModelsTests
{
    [Fact]
    public void Json_has_every_model_with_its_parameters_as_torchvision_counts_them()
    {
        var run = Torchfx.Run("models", "--format", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        using var json = JsonDocument.Parse(run.Out);
        var rows = json.RootElement.EnumerateArray().ToArray();
        Assert.Equal([.. models.list_models(), "resnet18-trained"], rows.Select(row => row.GetProperty("model").GetString()!));
        Assert.All(rows[..^1], row =>
        {
            var model = row.GetProperty("model").GetString()!;
            if (Golden.Has("node_names", model))
                Assert.Equal(Golden.Parameters(model), row.GetProperty("parameters").GetInt64());
            Assert.Equal(models.get_model_info(model).input_shape, row.GetProperty("input").EnumerateArray().Select(size => size.GetInt64()));
        });
    }

    [Fact]
    public void The_trained_model_of_a_clone_is_listed_as_such()
    {
        using var network = fx.load(Path.Combine(AppContext.BaseDirectory, "trained", "resnet18.onnx"));
        var parameters = network.parameters().Sum(parameter => parameter.numel());
        using var json = JsonDocument.Parse(Torchfx.Run("models", "--format", "json").Out);
        var row = json.RootElement.EnumerateArray().Last();
        Assert.Equal($$"""{"model":"resnet18-trained","parameters":{{parameters}},"input":[3,224,224],"classes":0,"comes_with":"a clone of the repository"}""",
            JsonSerializer.Serialize(row));
        var lines = Torchfx.Run("models").Lines;
        Assert.Equal("resnet18-trained comes with a clone of the repository, trained; the packed tool has none.", lines[^1]);
        Assert.Contains(lines, line => line.Contains(" resnet18-trained ", StringComparison.Ordinal) && line.Contains(" 15,897,152 ", StringComparison.Ordinal));
    }

    [Fact]
    public void The_table_has_a_line_for_each()
    {
        var run = Torchfx.Run("models");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains(run.Lines, line => line.Contains(" resnet18 ", StringComparison.Ordinal) && line.Contains(" 11,689,512 ", StringComparison.Ordinal));
        Assert.All(models.list_models(), name => Assert.Contains(run.Lines, line =>
            line.Contains($" {name} ", StringComparison.Ordinal) && line.Contains($" {models.get_model_info(name).num_classes} ", StringComparison.Ordinal)));
    }
}
